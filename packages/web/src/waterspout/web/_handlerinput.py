"""What a request brings: arguments, captures of its path, JSON, a body that is read as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, overload

from waterspout.httputil import HTTPInputError
from waterspout.web._arguments import REQUIRED, Required, clean_arguments, last_argument
from waterspout.web._errors import HTTPError
from waterspout.web._handlerstate import HandlerState
from waterspout.web._ondemand import OnDemand
from waterspout.web._ownbody import MAX_FIELD_SIZE, body_reader, parts_of

if TYPE_CHECKING:
    from waterspout.web._parts import Parts

__all__ = ["HandlerInput"]


class HandlerInput(HandlerState):
    """A part of `RequestHandler`; see there."""

    path_args: Any = OnDemand(list)
    path_kwargs: Any = OnDemand(dict)

    @overload
    def get_argument(self, name: str, default: str, strip: bool = True) -> str: ...

    @overload
    def get_argument(self, name: str, default: Required = REQUIRED, strip: bool = True) -> str: ...

    @overload
    def get_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...

    def get_argument(self, name: str, default: Any = REQUIRED, strip: bool = True) -> str | None:
        """The last value of argument *name* from query or body, as text.

        Raises `MissingArgumentError` (400) if there is none and no *default*.
        """
        return last_argument(self.get_arguments(name, strip), name, default)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """All values of argument *name* from query and body; an empty list if there is none."""
        if not isinstance(strip, bool):
            raise AssertionError("strip must be a bool; did you mean get_argument?")
        return clean_arguments(self.request.arguments, name, strip, self.decode_argument)

    @overload
    def get_body_argument(self, name: str, default: str, strip: bool = True) -> str: ...

    @overload
    def get_body_argument(self, name: str, default: Required = REQUIRED, strip: bool = True) -> str: ...

    @overload
    def get_body_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...

    def get_body_argument(self, name: str, default: Any = REQUIRED, strip: bool = True) -> str | None:
        """Like `get_argument`, from the body alone."""
        return last_argument(self.get_body_arguments(name, strip), name, default)

    def get_body_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Like `get_arguments`, from the body alone."""
        return clean_arguments(self.request.body_arguments, name, strip, self.decode_argument)

    @overload
    def get_query_argument(self, name: str, default: str, strip: bool = True) -> str: ...

    @overload
    def get_query_argument(self, name: str, default: Required = REQUIRED, strip: bool = True) -> str: ...

    @overload
    def get_query_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...

    def get_query_argument(self, name: str, default: Any = REQUIRED, strip: bool = True) -> str | None:
        """Like `get_argument`, from the query alone."""
        return last_argument(self.get_query_arguments(name, strip), name, default)

    def get_query_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Like `get_arguments`, from the query alone."""
        return clean_arguments(self.request.query_arguments, name, strip, self.decode_argument)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Text of an argument's or path group's bytes; override it for other encodings. 400 if it is no UTF-8."""
        if isinstance(value, str):  # from a router that has decoded it
            return value
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise HTTPError(400, "Invalid unicode in %s: %r", name or "url", value[:40]) from None

    def _decode_path(self, args: Iterable[Any], kwargs: dict[str, Any]) -> tuple[Iterable[Any], dict[str, Any]]:
        if type(args) is tuple and not kwargs and type(args[0]) is str and type(self).decode_argument is _plain_decode:
            self.path_args = list(args)  # text all of it, from a path without percent-encoding
            return args, kwargs
        decode = self.decode_argument
        decoded: list[Any] = []
        for arg in args:
            if type(arg) is str:  # from a path without percent-encoding
                decoded.append(arg if type(self).decode_argument is _plain_decode else decode(arg.encode()))
            else:
                decoded.append(arg if arg is None else decode(arg))
        self.path_args = decoded
        if not kwargs:
            return decoded, kwargs
        named = {key: arg if arg is None else decode(arg, name=key) for key, arg in kwargs.items()}
        self.path_kwargs = named
        return decoded, named

    def get_json(self) -> Any:
        """The value of a JSON body. Raises `HTTPError`: 415 for other content types, 400 if it is malformed."""
        try:
            return self.request.json()
        except HTTPInputError as error:
            raise HTTPError(error.status, "%s", error) from None

    def body_pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece as it arrives, for classes under `read_request_body`; at the pace of who reads.

        `StreamClosedError` if the client leaves, which need not be caught.
        """
        return aiter(body_reader(self._whole))

    def parts(self, *, max_field_size: int | None = MAX_FIELD_SIZE, max_file_size: int | None = None) -> Parts:
        """The parts of a form (``multipart/form-data``) as they arrive, for classes under `read_request_body`.

        ``async for part in self.parts()`` gives `Part` objects. *max_field_size* bounds each part that is no file,
        *max_file_size* each file, in bytes (413); the whole is bounded by `read_request_body`. Raises `HTTPError`: 415
        for other bodies, 400 for a malformed one.
        """
        return parts_of(self._whole, max_field_size, max_file_size)


# The class's own method, to be compared with what a subclass has.
_plain_decode = HandlerInput.decode_argument
