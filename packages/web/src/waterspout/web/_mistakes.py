"""What is said of mistakes that are common in handlers: what was done, where, and what to do instead.

Imported where one of them has been made, never before.
"""

from __future__ import annotations

import inspect
import reprlib
from typing import TYPE_CHECKING, Any

from waterspout.httputil import MASK, is_secret_name
from waterspout.routing import PathMatches

if TYPE_CHECKING:
    from waterspout.web._handlerstate import HandlerState

__all__ = ["explain_call", "returned_value", "unwritable"]


def unwritable(chunk: object) -> str:
    """Why ``write`` does not take *chunk*. A coroutine is closed: that nothing waits for it is said by this already."""
    message = f"write() only accepts bytes, unicode, and dict objects, not {type(chunk).__name__}"
    if inspect.isawaitable(chunk):
        name = getattr(chunk, "__qualname__", "")
        if inspect.iscoroutine(chunk):
            chunk.close()
        return f"{message}{f' {name}()' if name else ''}: is an await missing?"
    if isinstance(chunk, list):
        message += ". Lists not accepted for security reasons; see RequestHandler.write"
    return message


def returned_value(handler: HandlerState, method: str, value: object) -> str:
    """What is wrong with *value*, which the handler's *method* has returned and which cannot be waited for."""
    return (
        f"{type(handler).__qualname__}.{method}() returned a value of type {type(value).__name__}:"
        f" a return value is not the answer, use self.write(...) or self.finish(...){_place(handler, method)}"
    )


def _place(handler: HandlerState, method: str) -> str:
    code = getattr(inspect.unwrap(getattr(type(handler), method)), "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code else ""


def explain_call(handler: HandlerState, error: TypeError) -> None:
    """Note at *error* how route and method differ, if it says that the method does not take what the route captures.

    It does where the method cannot be called with these arguments, and the words are those of its call: an error
    inside of the method, or of something that it calls, is left as it is.
    """
    name = (handler.request.method or "").lower()
    method = getattr(handler, name, None)
    function = inspect.unwrap(getattr(method, "__func__", None) or (lambda: None))
    if method is None or not str(error).startswith(f"{function.__qualname__}() "):
        return
    args, kwargs = handler.path_args, handler.path_kwargs  # type: ignore[attr-defined]  # of a later part
    try:
        signature = inspect.signature(method)
        signature.bind(*args, **kwargs)
    except TypeError:
        plain = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
        shown = inspect.Signature(plain)
        error.add_note(
            f"The route {_pattern(handler)}{_captured(args, kwargs)}, but the method is"
            f" {function.__qualname__}{shown}{_place(handler, name)}:"
            " each group of the pattern in parentheses is one parameter."
        )


def _pattern(handler: HandlerState) -> str:
    route: Any = getattr(handler.request, "route", None)
    matcher = getattr(route, "matcher", None)
    return repr(matcher.regex.pattern) if isinstance(matcher, PathMatches) else f"of {type(handler).__qualname__}"


def _captured(args: list[Any], kwargs: dict[str, Any]) -> str:
    if not args and not kwargs:
        return " captures nothing"
    named = {name: MASK if is_secret_name(name) else reprlib.repr(value) for name, value in kwargs.items()}
    return " captures " + ", ".join([*map(reprlib.repr, args), *(f"{name}={text}" for name, text in named.items())])
