"""Which codec the bytes of a text body are read with."""

from __future__ import annotations

from typing import Final

from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._parameters import split_parameters

__all__ = ["charset_of"]

#: Charsets of the WHATWG Encoding standard that Python reads in linear time, and UTF-16/32. Python knows many more
#: codecs, some of which are no charsets (``idna``, ``zlib``) or take quadratic time (``punycode``): what a peer
#: names is never looked up unseen.
_CHARSETS: Final = frozenset(
    """
    ascii us-ascii utf-8 utf8 utf-16 utf-16le utf-16be utf-32 utf-32le utf-32be iso-8859-1 iso-8859-2 iso-8859-3
    iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-9 iso-8859-10 iso-8859-13 iso-8859-14
    iso-8859-15 iso-8859-16 latin1 latin2 latin-1 windows-874 windows-1250 windows-1251 windows-1252 windows-1253
    windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 cp1250 cp1251 cp1252 koi8-r koi8-u macintosh
    ibm866 cp866 tis-620 gb2312 gbk gb18030 big5 big5-hkscs euc-jp iso-2022-jp shift_jis shift-jis sjis euc-kr
    """.split()
)
#: Names that Python calls otherwise.
_PYTHON_NAMES: Final = {"windows-874": "cp874", "macintosh": "mac-roman"}


def charset_of(content_type: str, default: str = "utf-8") -> str:
    """A codec name for the text that *content_type* announces: its charset if that is a known one, else *default*.

    Never raises, whatever the header says. Decode with ``errors="replace"``: the peer may not keep its word.
    """
    try:
        parameters = split_parameters(content_type)[1]
    except HTTPInputError:  # a sloppy header is no reason not to show the text
        return default
    for name, value in parameters:
        if name == "charset":
            charset = value.lower()
            return _PYTHON_NAMES.get(charset, charset) if charset in _CHARSETS else default
    return default
