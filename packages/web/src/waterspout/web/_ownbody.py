"""What a handler under `read_request_body` is given to read its body with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from waterspout.web._errors import HTTPError

if TYPE_CHECKING:
    from waterspout.web._bodyreader import BodyReader
    from waterspout.web._handler import RequestHandler
    from waterspout.web._parts import Parts

__all__ = ["MAX_FIELD_SIZE", "body_reader", "parts_of"]

#: Bytes of a form's field that is no file, where nothing else is said.
MAX_FIELD_SIZE: Final = 1024 * 1024


def body_reader(handler: RequestHandler) -> BodyReader:
    """The reader of *handler*'s body. RuntimeError where the class does not read it itself."""
    reader = handler._body_reader
    if reader is None:
        raise RuntimeError(
            f"{type(handler).__name__} gets its body whole, in request.body: decorate it with"
            " waterspout.web.read_request_body() to read it as it arrives"
        )
    return reader


def parts_of(handler: RequestHandler, max_field_size: int | None, max_file_size: int | None) -> Parts:
    """See `RequestHandler.parts`."""
    from waterspout.httputil import HTTPInputError, MultipartStream, boundary_of
    from waterspout.web._parts import Parts  # tempfile: only where forms are read so

    reader = body_reader(handler)
    kind = handler.request.headers.get("Content-Type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPError(415, "a form (multipart/form-data) was expected, not %s", kind[:100] or "nothing")
    compat = handler._compat()
    try:
        boundary = boundary_of(kind, compat=compat)
    except HTTPInputError as error:
        raise HTTPError(400, "%s", error) from None
    stream = MultipartStream(boundary, max_field_size=max_field_size, max_file_size=max_file_size, compat=compat)
    return Parts(reader.read, stream)
