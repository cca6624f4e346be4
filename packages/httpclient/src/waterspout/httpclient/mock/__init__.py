"""Clients for tests: answers from a function, or from a recording of real ones."""

from waterspout.httpclient.mock._handler import MockHTTPClient, respond
from waterspout.httpclient.mock._recording import RecordedHTTPClient, UnknownRequestError

__all__ = ["MockHTTPClient", "RecordedHTTPClient", "UnknownRequestError", "respond"]
