"""What programs take from Tornado's modules though it is private there, made of what is ours.

Each was found in programs in use: webargs and many handlers (``escape._unicode``, ``web._ARG_DEFAULT``), webssh
(``iostream._ERRNO_CONNRESET``), Elastic's agent (``web._has_stream_request_body``), servers of media
(``httputil._parse_request_range``), readers of uploads (``httputil._parse_header``), thumbor (``routing._RuleList``),
JupyterHub (``httputil.urlencode``, from the standard library). They exist under the alias only, and are made when they
are first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final


def _from(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(importlib.import_module(f"waterspout.{module}"), name)


def _standard(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(importlib.import_module(module), name)


def _rule_list() -> Any:
    """The type of a list of rules, for annotations."""
    from collections.abc import Sequence

    return Sequence[importlib.import_module("waterspout.routing").Rule | list[Any] | tuple[Any, ...]]  # type: ignore[misc]


def _connection_resets() -> tuple[int, ...]:
    """The error numbers of a peer that went away."""
    import errno

    names = ("ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT")
    return tuple(getattr(errno, name) for name in names)


def _required() -> Any:
    """What stands for "no default: the argument must be given" in `get_argument`."""
    return importlib.import_module("waterspout.web").RequestHandler.get_argument.__defaults__[0]


def _has_stream_request_body() -> Callable[[type], bool]:
    handler = importlib.import_module("waterspout.web").RequestHandler

    def _has_stream_request_body(cls: type) -> bool:
        """Whether *cls*, a handler, is decorated with ``stream_request_body``."""
        if not issubclass(cls, handler):
            raise TypeError(f"expected subclass of RequestHandler, got {cls!r}")
        return bool(getattr(cls, "_streams_body", False))

    return _has_stream_request_body


def _parse_header() -> Callable[[str], tuple[str, dict[str, str]]]:
    httputil = importlib.import_module("waterspout.httputil")

    def _parse_header(line: str) -> tuple[str, dict[str, str]]:
        """The part of *line* before the first ``;``, and its parameters: extended ones are decoded (RFC 8187).

        Raises `HTTPInputError` for what is no parameter.
        """
        parameters: dict[str, str] = {}
        for name, value in httputil.split_parameters(line, form_data=True)[1]:
            if not name.endswith("*"):
                parameters.setdefault(name, value)
        for name, value in httputil.split_parameters(line)[1]:
            if name.endswith("*"):
                parameters[name[:-1]] = httputil.decode_extended_value(value)
        return line.partition(";")[0].strip(), parameters

    return _parse_header


def _parse_request_range(range_header: str) -> tuple[int | None, int | None] | None:
    """``(start, end)`` of the one range in *range_header*, *end* excluded; None if that cannot be said.

    A missing bound is None, and the last N bytes are ``(-N, None)``: the slice that gives them.
    """
    unit, _, value = range_header.partition("=")
    first, dash, last = (each.strip() for each in value.partition("-"))
    bounds = [bound for bound in (first, last) if bound]
    if unit.strip() != "bytes" or not all(bound.isascii() and bound.isdigit() for bound in bounds):
        return None
    start = int(first) if first else None
    end = int(last) if last else None
    if end is None:
        return (start, None) if dash or not value else None
    if start is not None:
        return start, end + 1
    return (-end, None) if end else (None, 0)


def _get_content_range(start: int | None, end: int | None, total: int) -> str:
    """The ``Content-Range`` of ``[start:end]`` out of *total* bytes."""
    return f"bytes {start or 0}-{(total if end is None else end) - 1}/{total}"


#: How each name of each of Tornado's modules is made.
MAKERS: Final[dict[str, dict[str, Callable[[], Any]]]] = {
    "escape": {"_unicode": _from("escape", "to_unicode")},
    "log": {
        "_unicode": _from("escape", "to_unicode"),
        "_stderr_supports_color": _from("log._terminal", "stderr_supports_color"),
    },
    "iostream": {"_ERRNO_CONNRESET": _connection_resets},
    "netutil": {"_DEFAULT_BACKLOG": _from("netutil._sockets", "DEFAULT_BACKLOG")},
    "httputil": {
        "_get_content_range": lambda: _get_content_range,
        "_parse_header": _parse_header,
        "_parse_request_range": lambda: _parse_request_range,
        **{name: _standard("urllib.parse", name) for name in ("parse_qsl", "urlencode", "urlparse", "urlunparse")},
    },
    "routing": {"_RuleList": _rule_list},
    "web": {
        "_ARG_DEFAULT": _required,
        "_RuleList": _rule_list,
        "urlencode": _standard("urllib.parse", "urlencode"),
        "_ArgDefaultMarker": lambda: type(_required()),
        "_has_stream_request_body": _has_stream_request_body,
    },
}
