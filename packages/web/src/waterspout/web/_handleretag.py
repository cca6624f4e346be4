"""Entity tags of a handler's response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.web._etag import content_etag, matches_weakly
from waterspout.web._handlerpages import HandlerPages

if TYPE_CHECKING:
    from waterspout.httputil import HTTPHeaders

__all__ = ["HandlerEtag", "makes_plain_etag"]


class HandlerEtag(HandlerPages):
    """A part of `RequestHandler`; see there."""

    if TYPE_CHECKING:
        _write_buffer: list[bytes]
        _headers: HTTPHeaders

        def set_header(self, name: str, value: str) -> None: ...

    def compute_etag(self) -> str | None:
        """The entity tag of what was written: a hash of it. Override it, or return None for no tag."""
        return content_etag(b"".join(self._write_buffer))

    def set_etag_header(self) -> None:
        """Set ``Etag`` to what `compute_etag` gives; called for you when a response is finished in one piece."""
        etag = self.compute_etag()
        if etag is not None:
            self.set_header("Etag", etag)

    def check_etag_header(self) -> bool:
        """Whether the client has this content already: If-None-Match lists ``Etag``, by weak comparison."""
        wanted = self.request.headers.get("If-None-Match", "")
        return bool(wanted) and matches_weakly(wanted, self._headers.get("Etag", ""))


_compute, _set, _check = HandlerEtag.compute_etag, HandlerEtag.set_etag_header, HandlerEtag.check_etag_header


def makes_plain_etag(cls: type[HandlerEtag]) -> bool:
    """Whether a handler class leaves all three methods as they are, so that they need not be called."""
    return cls.compute_etag is _compute and cls.set_etag_header is _set and cls.check_etag_header is _check
