"""linkify: addresses in plain text made links.

A link begins with ``scheme:/`` or ``www.`` at the start of a word. What follows belongs to it up to
white space, an angle bracket or an apostrophe; parentheses only in pairs, punctuation not at the
end, since those more often belong to the sentence around it.

Every character is looked at a bounded number of times, whatever the text: places where a link may
begin are found by `str.find`, schemes are read backwards from there (colons separate them, so that
none is read twice), and what follows is taken run by run, without a way back. Markup is made last,
of pieces each of which is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from waterspout.escape._html import xhtml_escape
from waterspout.escape._text import to_unicode

_RUN = re.compile(r"[^\s()<>']*+")
_PARENTHESES = re.compile(r"\([^\s()<>']*+\)")
_NOT_AT_THE_END = '!"#$%&*+,.:;=?@[]^`{|}~'

# A link is shown with as many characters if it is to be shortened...
_SHORT = 30
# ...unless the host alone is longer, but never more than this.
_SHORT_WITH_LONG_HOST = 45
_SHORT_PATH = 8


class _Link(NamedTuple):
    start: int
    end: int
    scheme: str
    """Empty for one that begins with ``www.``"""


def linkify(
    text: str | bytes,
    shorten: bool = False,
    extra_params: str | Callable[[str], str] = "",
    require_protocol: bool = False,
    permitted_protocols: Collection[str] = ("http", "https"),
) -> str:
    """The plain text `text` as HTML, with the addresses in it as links.

    * `shorten`: show long addresses shortened, with the whole as the title.
    * `extra_params`: more attributes of the link, or a function that returns them for an address.
      It gets the address escaped, ready to stand in an attribute.
    * `require_protocol`: leave addresses that begin with ``www.`` alone.
    * `permitted_protocols`: the schemes of addresses that become links. Never permit ``javascript``.

    All of `text` is escaped. The time it takes is proportional to its length.
    """
    source = to_unicode(text)
    pieces = []
    written = 0
    for link in _find_links(source):
        permitted = link.scheme in permitted_protocols if link.scheme else not require_protocol
        if permitted:
            markup = _markup(source, link, shorten, extra_params)
            # In one piece: a text that is all short links would be mostly pieces.
            pieces.append(xhtml_escape(source[written : link.start]) + markup)
            written = link.end
    pieces.append(xhtml_escape(source[written:]))
    return "".join(pieces)


def _find_links(text: str) -> Iterator[_Link]:
    """All that look like links, in order, whatever their scheme."""
    by_scheme, by_www = _next_scheme(text, 0), _next_www(text, 0)
    while by_scheme or by_www:
        if by_scheme and (not by_www or by_scheme.start <= by_www.start):
            link = by_scheme
        else:
            assert by_www is not None
            link = by_www
        yield link
        position = link.end
        if by_scheme and by_scheme.start < position:
            by_scheme = _next_scheme(text, position)
        if by_www and by_www.start < position:
            by_www = _next_www(text, position)


def _next_scheme(text: str, position: int) -> _Link | None:
    """The next ``scheme:/...`` that begins at `position` or later."""
    floor = position
    while (colon := text.find(":/", position)) >= 0:
        start = colon
        while start > floor and _is_of_scheme(text[start - 1]):
            start -= 1
        while start < colon and text[start] == "-":
            start += 1
        position = floor = colon + 2
        if start < colon:
            end = _end_of_link(text, position)
            if end > position:
                return _Link(start, end, text[start:colon])
    return None


def _next_www(text: str, position: int) -> _Link | None:
    """The next ``www.`` that begins a word at `position` or later."""
    while (start := text.find("www.", position)) >= 0:
        position = start + 4
        if start == 0 or not _is_of_word(text[start - 1]):
            end = _end_of_link(text, position)
            if end > position:
                return _Link(start, end, "")
    return None


def _is_of_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_of_scheme(char: str) -> bool:
    return char.isalnum() or char in "_-"


def _end_of_link(text: str, position: int) -> int:
    """Where the link ends whose scheme ends at `position`; `position` itself if nothing follows."""
    while True:
        run = _RUN.match(text, position)
        assert run is not None
        kept = len(run[0].rstrip(_NOT_AT_THE_END))
        if kept < len(run[0]):
            return position + kept
        position = run.end()
        pair = _PARENTHESES.match(text, position)
        if pair is None:
            return position
        position = pair.end()


def _markup(text: str, link: _Link, shorten: bool, extra_params: str | Callable[[str], str]) -> str:
    address = text[link.start : link.end]
    href = xhtml_escape(address if link.scheme else "http://" + address)
    extra = extra_params(href) if callable(extra_params) else extra_params
    attributes = " " + extra.strip() if extra.strip() else ""
    shown = _shortened(address, link.scheme) if shorten else address
    if shown != address:
        attributes += f' title="{href}"'
    return f'<a href="{href}"{attributes}>{xhtml_escape(shown)}</a>'


def _shortened(address: str, scheme: str) -> str:
    """The host and the beginning of the path; `address` itself if that is no shorter."""
    if len(address) <= _SHORT:
        return address
    prefix = 0
    if scheme:
        prefix = len(scheme) + 1
        while prefix < len(scheme) + 4 and address[prefix : prefix + 1] == "/":
            prefix += 1
    host, slash, path = address[prefix:].partition("/")
    shown = address
    if slash:
        first_part = path.partition("/")[0][:_SHORT_PATH]
        shown = address[:prefix] + host + slash + re.split(r"[?.]", first_part, maxsplit=1)[0]
    if len(shown) > _SHORT_WITH_LONG_HOST:
        shown = shown[:_SHORT]
    shown += "..."
    return shown if len(shown) < len(address) else address
