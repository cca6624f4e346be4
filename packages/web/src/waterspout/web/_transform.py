"""What may change a response on its way out."""

from collections.abc import Mapping
from typing import Protocol

from waterspout.httputil import HTTPHeaders


class TransformedRequest(Protocol):
    """What a transform needs of the request."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's header fields."""


class OutputTransform:
    """Changes a response on its way out. One object is made for each request; this one changes nothing.

    `transform_first_chunk` is called with the head and the first piece of the body, `transform_chunk` with each
    further piece; ``finishing`` is true in the last call. Subclasses are handed to `Application` in ``transforms``.
    """

    __module__ = "waterspout.web"

    def __init__(self, request: TransformedRequest) -> None:
        """``request`` is the request that is answered. This class keeps nothing of it."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return status, headers and first piece as they are to be sent; ``headers`` may be changed in place."""
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Return what is to be sent for ``chunk``."""
        return chunk
