"""What a server reads, as regular expressions; see ``_grammar.py``."""

from __future__ import annotations

import re

from waterspout.http1._grammar import FIELDS, LONG_FIELDS, TOKEN, VALUE, as_many

#: method SP request-target SP HTTP-version. The target is visible ASCII but "#" (RFC 9112, 3).
_REQUEST_LINE = rb"(" + TOKEN + rb"++) ([!\"$-~]++) HTTP/1\.([01])"
#: First letters of field names that are none of those in `find_noted`.
_OTHER_LETTER = rb"[!#$%&'*+\-.^_`|~0-9ABDFGJ-SV-Zabdfgj-sv-z]"
#: Lines that surely are not noted: by their first letter, or by the names that most requests have besides.
_OTHER_FIELD = rb"(?:\r\n(?:" + _OTHER_LETTER + TOKEN + rb"*+|[Cc]ookie|[Uu]ser-[Aa]gent):" + VALUE + rb"*+)"
#: Fields, and in a group of their own those from the first one on that may be noted.
_OTHERS_FIRST = as_many(_OTHER_FIELD) + rb"(" + FIELDS + rb")"
_HOST_FIELD = rb"\r\n[Hh][Oo][Ss][Tt]:[ \t]*+(" + VALUE + rb"*+)"
#: The request line, fields, empty line. Nearly all clients send Host first (RFC 9110, 7.2), and many nothing else that
#: is noted. The groups: method, target, minor version, all fields, Host if it is the first of them, and the fields from
#: the first one on that may be noted besides.
match_request_head = re.compile(_REQUEST_LINE + rb"((?:" + _HOST_FIELD + rb"|)" + _OTHERS_FIRST + rb")\r\n\r\n").match
match_request_line = re.compile(_REQUEST_LINE).match
#: All fields that are left, and those from the first one on that may be noted.
match_rest_of_head = re.compile(rb"(" + _OTHERS_FIRST + rb")\r\n\r\n").match
match_long_request_head = re.compile(_REQUEST_LINE + rb"(" + LONG_FIELDS + rb")\r\n\r\n").match

#: The fields that a server must know to frame and answer a request, wherever they stand. Most lines are other fields,
#: and are passed over by their first letter.
find_noted = re.compile(
    rb"\r\n(?=[hcteui])(host|con(?:nection|tent-(?:length|type))|transfer-encoding|expect|upgrade|if-none-match):"
    rb"[ \t]*+([^\r]*+)",
    re.IGNORECASE,
).findall

#: uri-host [":" port] of RFC 9110, 7.2, with RFC 3986 reg-name restricted to what real names need.
match_host = re.compile(
    rb"(?:[0-9A-Za-z\-._~!$&'()*+;=%]++|\[[0-9A-Fa-f:.]++(?>(?:%25[0-9A-Za-z\-._~]++)?)\])(?>(?::([0-9]{0,5}))?)\Z"
).match
