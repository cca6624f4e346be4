"""What every other module may use and none of them owns."""

from typing import TYPE_CHECKING

from waterspout.util._configurable import Configurable
from waterspout.util._exports import exports
from waterspout.util._imports import exec_in, import_object
from waterspout.util._names import TimeoutError, basestring_type, bytes_type, unicode_type

if TYPE_CHECKING:
    from waterspout.util._arguments import ArgReplacer
    from waterspout.util._compat import is_tornado_compat, set_compat_default
    from waterspout.util._doctests import doctests
    from waterspout.util._errors import ExplainedError, errno_from_exception, raise_exc_info
    from waterspout.util._gzip import GzipDecompressor
    from waterspout.util._objectdict import ObjectDict
    from waterspout.util._regexps import re_unescape
    from waterspout.util._times import timedelta_to_seconds

__all__ = [
    "ArgReplacer",
    "Configurable",
    "ExplainedError",
    "GzipDecompressor",
    "ObjectDict",
    "TimeoutError",
    "basestring_type",
    "bytes_type",
    "doctests",
    "errno_from_exception",
    "exec_in",
    "exports",
    "import_object",
    "is_tornado_compat",
    "raise_exc_info",
    "re_unescape",
    "set_compat_default",
    "timedelta_to_seconds",
    "unicode_type",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _compat="is_tornado_compat set_compat_default",
        _errors="ExplainedError errno_from_exception raise_exc_info",
        _arguments="ArgReplacer",
        _doctests="doctests",
        _gzip="GzipDecompressor",
        _objectdict="ObjectDict",
        _regexps="re_unescape",
        _times="timedelta_to_seconds",
    )
