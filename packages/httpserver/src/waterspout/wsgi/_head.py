"""From what ``start_response`` was given to the head of a response."""

from __future__ import annotations

from http.client import responses

from waterspout.httputil import HTTPHeaders, ResponseStartLine

__all__ = ["make_head"]


def make_head(
    head: tuple[str, list[tuple[str, str]]], length: int | None
) -> tuple[int, HTTPHeaders, ResponseStartLine]:
    """Status, headers and status line of what start_response was given; *length* where the body is known whole."""
    code, _, reason = head[0].partition(" ")
    status = int(code)
    if status < 200:
        raise ValueError(f"status {status} is no answer, but announces one (RFC 9110, 15.2)")
    headers = HTTPHeaders()
    for name, value in head[1]:
        headers.add(name, value)
    headers.pop("Transfer-Encoding", None)  # how the body is framed is the server's to say (PEP 3333)
    if status != 304:
        if length is not None and "Content-Length" not in headers:
            headers["Content-Length"] = str(length)
        if "Content-Type" not in headers:
            headers["Content-Type"] = "text/html; charset=UTF-8"
    if "Server" not in headers:
        headers["Server"] = "Waterspout"
    return status, headers, ResponseStartLine("HTTP/1.1", status, reason or responses.get(status, "Unknown"))
