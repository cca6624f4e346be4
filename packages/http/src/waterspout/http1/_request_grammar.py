"""What a server reads, as regular expressions; see ``_grammar.py``."""

from __future__ import annotations

import re

from waterspout.http1._grammar import FIELDS, LONG_FIELDS, TOKEN

#: method SP request-target SP HTTP-version. The target is visible ASCII but "#" (RFC 9112, 3).
_REQUEST_LINE = rb"(" + TOKEN + rb"++) ([!\"$-~]++) HTTP/1\.([01])"
#: The request line, fields, empty line.
match_request_head = re.compile(_REQUEST_LINE + rb"(" + FIELDS + rb")\r\n\r\n").match
match_request_line = re.compile(_REQUEST_LINE).match
match_rest_of_head = re.compile(rb"(" + FIELDS + rb")\r\n\r\n").match
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
