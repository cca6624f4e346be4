"""Secrets in the middle of a text: the representation of an object, a message, a connection string."""

from __future__ import annotations

import re

from waterspout.httputil import MASK, is_secret_name

__all__ = ["mask_assignments"]

#: Characters of a text that are looked at: whoever shows it shows less. Bounds the time that it takes. What comes later
#: is left out: it may begin in the middle of a secret, and nothing would say so.
_LOOKED_AT = 16384

_QUOTED = r"""\\?'[^'\\]*+(?:\\.[^'\\]*+)*'?|\\?"[^"\\]*+(?:\\.[^"\\]*+)*"?"""
_BARE = r"""(?:\\.|[^\s,;&(){}\[\]'"\\]++)+"""
_SCHEME = r"(?:Bearer|Basic|Digest|Token|Negotiate)[ ]++" + _BARE
# password='x', "password": "x", password=x, ('password', 'x'), Authorization: Bearer x. A bare word after a colon
# and a blank is left: that is prose.
_NAME = re.compile(
    rf"""(?<![\w-])([A-Za-z_][\w-]*+)
    (?: \\?['"][ ]*+[:,][ ]*+(?=b?\\?['"])
      | \\?['"]?[ ]?=[ ]?(?!=)
      | (?:\\?['"])?:[ ]*+(?=b?\\?['"]|{_SCHEME})
      | :)""",
    re.VERBOSE,
)
_VALUE = re.compile(rf"b?(?:{_QUOTED})|{_SCHEME}|{_BARE}")
_NO_SECRETS = frozenset(("None", "True", "False", "''", '""', "b''", 'b""'))
_CREDENTIALS = re.compile(r"""(?<![\w+.-])([A-Za-z][\w+.-]*+://[^\s/@:'"]*+):[^\s/'"]+@""")


def mask_assignments(text: str) -> str:
    """*text* with ``***`` for values beside names such as ``password``, and for passwords in URLs.

    What is masked is found by `is_secret_name` of the word before ``=`` or ``:``, or before the comma of a pair of
    strings. Of a text longer than 16 KiB only the beginning is looked at, and the rest is left out.
    """
    if len(text) > _LOOKED_AT:
        # As if an address ended there: its password may go on beyond.
        return _masked(f"{text[:_LOOKED_AT]}@").removesuffix("@") + "..."
    return _masked(text)


def _masked(text: str) -> str:
    if ":" not in text and "=" not in text and "," not in text:
        return text
    text = _CREDENTIALS.sub(rf"\1:{MASK}@", text)
    shown: list[str] = []
    position = 0
    for name in _NAME.finditer(text):
        if name.start() < position or not is_secret_name(name[1]):
            continue
        value = _VALUE.match(text, name.end())
        if value is not None and value[0] not in _NO_SECRETS:
            shown += (text[position : name.end()], MASK)
            position = value.end()
    return "".join([*shown, text[position:]])
