"""The default HTTP client under the name that Tornado gave its module; all of it lives in `waterspout.httpclient`."""

from waterspout.httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient

__all__ = ["HTTPStreamClosedError", "HTTPTimeoutError", "SimpleAsyncHTTPClient"]
