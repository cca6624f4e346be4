"""What a client reads, as regular expressions; see ``_grammar.py``."""

from __future__ import annotations

import re

from waterspout.http1._grammar import FIELDS, VALUE

#: HTTP-version SP status SP [reason]. The space before an absent reason may be missing, as many servers send it.
match_response_head = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?>(?: (" + VALUE + rb"*+))?)(" + FIELDS + rb")\r\n\r\n"
).match

#: The fields that a client must know to frame and decode a response, wherever they stand.
find_noted_in_response = re.compile(
    rb"\r\n(?=[ct])(con(?:nection|tent-(?:length|encoding))|transfer-encoding):[ \t]*+([^\r]*+)", re.IGNORECASE
).findall
