"""Limits of form parsing, and the process-wide default of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "ParseBodyConfig",
    "ParseMultipartConfig",
    "ParseUrlEncodedConfig",
    "default_parse_body_config",
    "set_parse_body_config",
]


@dataclass(slots=True)
class ParseMultipartConfig:
    """Limits of ``multipart/form-data`` bodies; a body beyond one of them is refused before it is taken apart."""

    __module__ = "waterspout.httputil"

    #: Whether such bodies are parsed at all.
    enabled: bool = True
    #: Number of parts (fields and files together).
    max_parts: int = 100
    #: Bytes of all header lines of one part.
    max_part_header_size: int = 10 * 1024
    #: Header lines of one part; browsers send two, mail-like clients up to five.
    max_part_headers: int = 8


@dataclass(slots=True)
class ParseUrlEncodedConfig:
    """Limits of ``application/x-www-form-urlencoded`` bodies, and of queries."""

    __module__ = "waterspout.httputil"

    #: Number of fields.
    max_arguments: int = 1000


@dataclass(slots=True)
class ParseBodyConfig:
    """Limits of all kinds of bodies that are parsed into arguments and files."""

    __module__ = "waterspout.httputil"

    multipart: ParseMultipartConfig = field(default_factory=ParseMultipartConfig)
    urlencoded: ParseUrlEncodedConfig = field(default_factory=ParseUrlEncodedConfig)


class _ProcessDefault:
    """The configuration in force where none is given: an option of the process, as Tornado's interface has it."""

    __slots__ = ("config",)

    def __init__(self) -> None:
        self.config = ParseBodyConfig()


_process_default: Final = _ProcessDefault()


def set_parse_body_config(config: ParseBodyConfig) -> None:
    """Make *config* the default of the process: once, at start-up, before requests are served."""
    _process_default.config = config


def default_parse_body_config() -> ParseBodyConfig:
    """The configuration that `set_parse_body_config` set last, or the built-in limits."""
    return _process_default.config
