"""RFC 9110 and 9112 grammar as regular expressions over bytes: what both roles need.

All are possessive: a head either fits from left to right or it is refused, in time linear in its length. Groups are
``(?>(?:...)*)`` for that: ``(?:...)*+`` says the same, and fails to match before Python 3.11.5 (Debian 12 has 3.11.2).
"""

from __future__ import annotations

import re
import sys

#: RFC 9110, 5.6.2: tchar.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
#: RFC 9110, 5.5: field content, HTAB and obs-text included; no CR, LF, NUL or other control.
VALUE = rb"[\t -~\x80-\xff]"
#: One or more field lines. A name is directly followed by its colon (RFC 9112, 5.1), and no line begins with white
#: space (no obs-fold, 5.2). Each line carries its CRLF in front, so that all of them are found in one literal search.
_FIELD = rb"(?:\r\n" + TOKEN + rb"++:" + VALUE + rb"*+)"
#: The same with anything but CR in the value: to be looked at by `NO_LINE_BREAKS`, all at once and not byte by byte.
_LONG_FIELD = rb"(?:\r\n" + TOKEN + rb"++:[^\r]*+)"


def as_many(group: bytes) -> bytes:
    """As many of *group* as there are, none given back."""
    # The possessive form takes a sixth less time for a browser's head, so it is used where it works.
    return group + rb"*+" if sys.version_info >= (3, 11, 5) else rb"(?>" + group + rb"*)"


FIELDS, LONG_FIELDS = as_many(_FIELD), as_many(_LONG_FIELD)

#: For ``bytes.translate``: all that a field value may hold. `LONG_FIELDS` as they matched have no fault if they are one
#: CRLF for each line without these bytes.
NO_LINE_BREAKS = bytes(byte for byte in range(256) if byte >= 0x20 and byte != 0x7F or byte == 0x09)
#: Bytes from which on that is quicker.
LONG_HEAD = 256

#: A byte that no start line, field or size line may hold: control characters, LF without CR, CR without LF. A CR at
#: the very end of what has arrived may still get its LF.
find_forbidden = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)").search

#: RFC 9110, 8.6: 1*DIGIT; no sign, no list, and no more digits than any real length has.
match_content_length = re.compile(rb"[0-9]{1,18}\Z").match

#: chunk-size and its extensions (RFC 9112, 7.1.1): token or quoted-string values, with white space only beside the
#: delimiters of extensions, never alone after the size.
match_chunk_size = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?>(?:[\t ]*+;[\t ]*+" + TOKEN + rb"++(?>(?:[\t ]*+=[\t ]*+(?:" + TOKEN + rb"++"
    rb"|\"(?>(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)\"))?))*))\r\n"
).match

#: Trailer fields that pretend to change framing or routing afterwards (RFC 9110, 6.5.1).
find_forbidden_trailer = re.compile(rb"(?:^|\n)(content-length|transfer-encoding|host):", re.IGNORECASE).search

#: The trailer section with the empty line that ends it.
match_trailers = re.compile(rb"((?>(?:" + TOKEN + rb"++:" + VALUE + rb"*+\r\n)*))\r\n").match

#: The trailer lines that are whole and well-formed, and nothing else: it always matches.
match_trailer_lines = re.compile(rb"(?>(?:" + TOKEN + rb"++:" + VALUE + rb"*+\r\n)*)").match
