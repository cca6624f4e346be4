"""What is known of a failed request, gathered as plain data for the error page, the JSON answer and the terminal."""

import linecache
import os
import reprlib
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, Protocol

from waterspout.httputil import MASK, is_secret_name, loggable, mask_query
from waterspout.web._secrettext import mask_assignments

_LINES_AROUND = 4
_MAX_LOCALS = 40
_MAX_FRAMES = 60
_MAX_CHAIN = 8
_MAX_MESSAGE = 4000
# Shorter ones would blot out ordinary words.
_MIN_KNOWN_SECRET = 8
# In the frame of a module these are what its source says, not what it has come to.
_DEFINITIONS = (ModuleType, FunctionType, type)
_SECRET_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
_INSTALLED = tuple(
    path.rstrip(os.sep) + os.sep
    for path in {sysconfig.get_path(kind) or "" for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    if path
)


class FailedRequest(Protocol):
    """What the report needs of the request."""

    @property
    def method(self) -> str | None:
        """The verb."""

    @property
    def uri(self) -> str | None:
        """The target as received."""

    @property
    def version(self) -> str:
        """``HTTP/1.1``."""

    @property
    def remote_ip(self) -> Any:
        """The client's address."""

    @property
    def headers(self) -> Any:
        """A mapping of fields."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a traceback. ``source`` holds numbered lines around ``line``; ``own`` says it is the
    application's code.
    """

    file: str
    line: int
    function: str
    own: bool
    source: tuple[tuple[int, str], ...]
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception with its frames, outermost first. ``relation`` says how it led to the one before it in the list."""

    kind: str
    message: str
    notes: tuple[str, ...]
    frames: tuple[Frame, ...]
    relation: str = ""

    def own_frames(self) -> list[Frame]:
        """The application's frames, innermost first; all frames if none is the application's."""
        own = [frame for frame in self.frames if frame.own]
        return (own or list(self.frames))[::-1]


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the routing table."""

    pattern: str
    handler: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that an error page shows. Secrets are masked already; nothing is escaped for HTML yet."""

    status: int
    reason: str
    method: str
    uri: str
    version: str
    remote_ip: str
    headers: tuple[tuple[str, str], ...]
    failures: tuple[Failure, ...] = ()
    matched: Route | None = None
    routes: tuple[Route, ...] = ()


def build_report(
    status: int,
    reason: str,
    request: FailedRequest,
    error: BaseException | None = None,
    *,
    matched: Route | None = None,
    routes: Iterable[Route] = (),
    known_secrets: Iterable[str | bytes] = (),
) -> Report:
    """Gather a `Report`. Never raises for strange variables: their `repr` may fail or be endless.

    ``matched`` is the route of the request, ``routes`` those to list (for a 404). Wherever one of ``known_secrets``
    (the cookie secret, tokens of the request) stands in a text, it is masked; so are variables, headers, query
    parameters and dictionary entries with names like ``password`` and ``token``, such names in the text of messages and
    representations (dataclasses, the environment, JSON), and passwords in URLs. Source is shown as it is.
    """
    mask = _Masking(known_secrets)
    return Report(
        status=status,
        reason=reason,
        method=loggable(request.method or "", 32),
        uri=mask.text(loggable(mask_query(request.uri or ""))),
        version=request.version,
        remote_ip=str(request.remote_ip),
        headers=tuple((name, mask.header(name, value)) for name, value in request.headers.get_all()),
        failures=tuple(_failures(error, mask)),
        matched=matched,
        routes=tuple(routes),
    )


class _Masking(reprlib.Repr):
    """Short representations of values without the secrets in them."""

    def __init__(self, known_secrets: Iterable[str | bytes]) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 12
        self.maxstring = self.maxother = 240
        found = {part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in known_secrets}
        self._known = sorted((part for part in found if len(part) >= _MIN_KNOWN_SECRET), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text

    def value(self, text: str) -> str:
        """Of what is no source: also what looks like a secret there by the name beside it."""
        return mask_assignments(self.text(text))

    def header(self, name: str, value: str) -> str:
        secret = name.lower() in _SECRET_HEADERS or is_secret_name(name)
        return MASK if secret else self.text(loggable(mask_query(value)))

    def variable(self, name: str, value: object) -> str:
        if is_secret_name(name):
            return MASK
        try:
            return self.value(self.repr(value))
        except Exception as error:
            return f"<repr failed: {type(error).__name__}>"

    def repr_str(self, x: str, level: int) -> str:
        # Masked before it is shortened: half a secret is too much.
        return super().repr_str(self.value(x), level)

    def repr_bytes(self, x: bytes, level: int) -> str:
        shown = self.value(x.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return repr(shown) if len(shown) <= self.maxstring else repr(shown[: self.maxstring]) + "..."

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0 and x:
            return "{...}"
        items = []
        for key, value in list(x.items())[: self.maxdict]:
            secret = isinstance(key, str | bytes) and is_secret_name(str(key))
            items.append(f"{self.repr1(key, level - 1)}: {MASK if secret else self.repr1(value, level - 1)}")
        return "{" + ", ".join(items + ["..."] * (len(x) > self.maxdict)) + "}"

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, dict):
            return self.repr_dict(x, level)
        # The representation is masked whole, then shortened.
        text = self.value(repr(x))
        return text if len(text) <= self.maxother else text[: self.maxother] + "..."


def _failures(error: BaseException | None, mask: _Masking) -> Iterator[Failure]:
    """The exception, and those that led to it."""
    seen: set[int] = set()
    relation = ""
    while error is not None and id(error) not in seen and len(seen) < _MAX_CHAIN:
        seen.add(id(error))
        yield _failure(error, relation, mask)
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions[:_MAX_CHAIN]:
                yield _failure(part, "one of the group", mask)
        if error.__cause__ is not None:
            error, relation = error.__cause__, "was the direct cause"
        elif not error.__suppress_context__:
            error, relation = error.__context__, "was being handled when it happened"
        else:
            return


def _failure(error: BaseException, relation: str, mask: _Masking) -> Failure:
    try:
        message = str(error)
    except Exception as failed:
        message = f"<str failed: {type(failed).__name__}>"
    notes = tuple(mask.value(str(note)) for note in getattr(error, "__notes__", ()))
    module = type(error).__module__
    kind = type(error).__qualname__ if module == "builtins" else f"{module}.{type(error).__qualname__}"
    frames = _frames(error.__traceback__, mask)
    if isinstance(error, SyntaxError):
        frames += _unparsed(error, mask)
    return Failure(kind, mask.value(message)[:_MAX_MESSAGE], notes, tuple(frames), relation)


def _unparsed(error: SyntaxError, mask: _Masking) -> Iterator[Frame]:
    """The place that could not be parsed, as if it had been reached: no frame was made for it."""
    if error.filename and error.lineno and os.path.isfile(error.filename):
        source = _source(error.filename, error.lineno, None, mask)
        yield Frame(error.filename, error.lineno, "<module>", not _is_installed(error.filename), source, ())


def _frames(traceback: TracebackType | None, mask: _Masking) -> list[Frame]:
    frames = []
    while traceback is not None:
        frames.append(_frame(traceback.tb_frame, traceback.tb_lineno, mask))
        traceback = traceback.tb_next
        if len(frames) > _MAX_FRAMES:  # a recursion: its beginning and its end tell most
            del frames[_MAX_FRAMES // 2]
    return frames


def _frame(frame: FrameType, line: int, mask: _Masking) -> Frame:
    code = frame.f_code
    source = _source(code.co_filename, line, frame.f_globals, mask)
    own = _is_own(frame)
    variables: list[tuple[str, str]] = []
    if own:
        for name, value in list(frame.f_locals.items())[:_MAX_LOCALS]:
            if not (name.startswith("__") or (frame.f_locals is frame.f_globals and isinstance(value, _DEFINITIONS))):
                variables.append((name, mask.variable(name, value)))
    return Frame(code.co_filename, line, code.co_name, own, source, tuple(variables))


def _source(file: str, line: int, namespace: dict[str, Any] | None, mask: _Masking) -> tuple[tuple[int, str], ...]:
    """The lines around *line*, numbered."""
    linecache.checkcache(file)
    first = max(1, line - _LINES_AROUND)
    lines = linecache.getlines(file, namespace)[first - 1 : line + _LINES_AROUND]
    return tuple((first + offset, mask.text(text.rstrip("\n"))) for offset, text in enumerate(lines))


def _is_own(frame: FrameType) -> bool:
    """Whether a frame is of the application: not of the framework, the standard library or an installed package."""
    module = frame.f_globals.get("__name__", "")
    if isinstance(module, str) and module.startswith("waterspout."):
        return False
    return not _is_installed(frame.f_code.co_filename)


def _is_installed(file: str) -> bool:
    return file.startswith((*_INSTALLED, "<frozen"))
