"""Agreeing on permessage-deflate (RFC 6455, 9.1 and RFC 7692, 5 and 7.1)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from waterspout.httputil import HTTPInputError
from waterspout.ws._deflate import MAX_WINDOW_BITS, MIN_WINDOW_BITS, DeflateOptions, PerMessageDeflate
from waterspout.ws._errors import NegotiationError

__all__ = ["ExtensionOffer", "accept_extensions", "negotiate", "offer_extensions", "parse_offers"]

_NAME: Final = "permessage-deflate"
_SERVER_NO_TAKEOVER: Final = "server_no_context_takeover"
_CLIENT_NO_TAKEOVER: Final = "client_no_context_takeover"
_SERVER_BITS: Final = "server_max_window_bits"
_CLIENT_BITS: Final = "client_max_window_bits"

#: Offers that are read from one header; browsers send one, clients with fallbacks two or three.
_MAX_OFFERS: Final = 16
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_EXTENSION: Final = re.compile(rf"[ \t]*+({_TOKEN})[ \t]*+")
_PARAMETER: Final = re.compile(rf';[ \t]*+({_TOKEN})[ \t]*+(?>(?:=[ \t]*+(?:({_TOKEN})|"({_TOKEN})")[ \t]*+)?)')
_BITS: Final = re.compile(r"[89]|1[0-5]")


class ExtensionOffer(NamedTuple):
    """One element of ``Sec-WebSocket-Extensions``; the value of a parameter without one is None."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]


ExtensionOffer.__module__ = "waterspout.ws"


def parse_offers(header: str) -> list[ExtensionOffer]:
    """The elements of a ``Sec-WebSocket-Extensions`` header, in order of preference; names in lower case.

    Raises `HTTPInputError` if it is malformed or has more than 16 elements: the handshake fails then (RFC 6455, 9.1).
    """
    offers: list[ExtensionOffer] = []
    position = 0
    while position < len(header):
        extension = _EXTENSION.match(header, position)
        if extension is None or len(offers) == _MAX_OFFERS:
            raise HTTPInputError(f"malformed Sec-WebSocket-Extensions at character {position}: {header[:80]!r}")
        position = extension.end()
        parameters: list[tuple[str, str | None]] = []
        while (parameter := _PARAMETER.match(header, position)) is not None:
            name, value, quoted = parameter.groups()
            parameters.append((name.lower(), quoted if value is None else value))
            position = parameter.end()
        offers.append(ExtensionOffer(extension[1].lower(), tuple(parameters)))
        if position < len(header):
            if header[position] != ",":
                raise HTTPInputError(f"malformed Sec-WebSocket-Extensions at character {position}: {header[:80]!r}")
            position += 1
    return offers


class _Agreed(NamedTuple):
    """The parameters of one offer or answer; bits are None where absent, and 0 where they have no value."""

    server_no_takeover: bool
    client_no_takeover: bool
    server_bits: int | None
    client_bits: int | None


def _parameters(offer: ExtensionOffer) -> _Agreed | None:
    """What *offer* says, or None if it says anything that RFC 7692, 7.1 does not define."""
    parameters = dict(offer.parameters)
    if len(parameters) != len(offer.parameters):
        return None
    agreed = _Agreed(False, False, None, None)
    for name, value in parameters.items():
        if name == _SERVER_NO_TAKEOVER and value is None:
            agreed = agreed._replace(server_no_takeover=True)
        elif name == _CLIENT_NO_TAKEOVER and value is None:
            agreed = agreed._replace(client_no_takeover=True)
        elif name == _SERVER_BITS and value is not None and _BITS.fullmatch(value):
            agreed = agreed._replace(server_bits=int(value))
        elif name == _CLIENT_BITS and (value is None or _BITS.fullmatch(value)):
            agreed = agreed._replace(client_bits=int(value or 0))
        else:
            return None
    return agreed


def negotiate(
    offers: list[ExtensionOffer], options: DeflateOptions | None = None
) -> tuple[PerMessageDeflate, str] | None:
    """Server: the extension for the first of *offers* that can be served, and the header that says so to the client.

    None if there is none: the handshake goes on without the extension. An offer with unknown, repeated or malformed
    parameters is declined (RFC 7692, 7.1), and so is one that wants us to compress with a window of 8 bits, which zlib
    cannot.
    """
    if options is None:
        options = DeflateOptions()
    for offer in offers:
        wanted = _parameters(offer) if offer.name == _NAME else None
        if wanted is None or (wanted.server_bits is not None and wanted.server_bits < MIN_WINDOW_BITS):
            continue
        answer = [_NAME]
        server_takeover = not (wanted.server_no_takeover or options.server_no_context_takeover)
        if not server_takeover:
            answer.append(_SERVER_NO_TAKEOVER)
        client_takeover = not (wanted.client_no_takeover or options.client_no_context_takeover)
        if not client_takeover:
            answer.append(_CLIENT_NO_TAKEOVER)
        server_bits = min(wanted.server_bits or MAX_WINDOW_BITS, options.server_max_window_bits)
        if wanted.server_bits is not None or server_bits < MAX_WINDOW_BITS:
            answer.append(f"{_SERVER_BITS}={server_bits}")
        client_bits = MAX_WINDOW_BITS
        if wanted.client_bits is not None:  # only then does the client take a limit from us (7.1.2.2)
            client_bits = min(wanted.client_bits or MAX_WINDOW_BITS, options.client_max_window_bits)
            if client_bits < MAX_WINDOW_BITS:
                answer.append(f"{_CLIENT_BITS}={client_bits}")
        extension = PerMessageDeflate(
            deflate_bits=server_bits,
            deflate_takeover=server_takeover,
            inflate_bits=client_bits,
            inflate_takeover=client_takeover,
            options=options,
        )
        return extension, "; ".join(answer)
    return None


def offer_extensions(options: DeflateOptions | None = None) -> str:
    """Client: the ``Sec-WebSocket-Extensions`` header that offers permessage-deflate with *options*."""
    if options is None:
        options = DeflateOptions()
    offer = [_NAME]
    if options.server_no_context_takeover:
        offer.append(_SERVER_NO_TAKEOVER)
    if options.client_no_context_takeover:
        offer.append(_CLIENT_NO_TAKEOVER)
    if options.server_max_window_bits < MAX_WINDOW_BITS:
        offer.append(f"{_SERVER_BITS}={options.server_max_window_bits}")
    limited = options.client_max_window_bits < MAX_WINDOW_BITS
    offer.append(f"{_CLIENT_BITS}={options.client_max_window_bits}" if limited else _CLIENT_BITS)
    return "; ".join(offer)


def accept_extensions(header: str | None, options: DeflateOptions | None = None) -> PerMessageDeflate | None:
    """Client: the extension that the server's ``Sec-WebSocket-Extensions`` agrees to; None if it sent none.

    *options* are those of `offer_extensions`, or None if nothing was offered. Raises `NegotiationError` for whatever
    does not fit the offer: the connection has to be failed (RFC 6455, 4.1).
    """
    if not header:
        return None
    try:
        answers = parse_offers(header)
    except HTTPInputError as error:
        raise NegotiationError(str(error)) from error
    if options is None or len(answers) != 1 or answers[0].name != _NAME:
        raise NegotiationError(f"server agrees to extensions that were not offered: {header[:80]!r}")
    agreed = _parameters(answers[0])
    if agreed is None or agreed.client_bits == 0:
        raise NegotiationError(f"server's permessage-deflate parameters are malformed: {header[:80]!r}")
    if options.server_no_context_takeover and not agreed.server_no_takeover:
        raise NegotiationError("server does not agree to server_no_context_takeover")
    server_bits = agreed.server_bits or MAX_WINDOW_BITS
    if server_bits > options.server_max_window_bits:
        raise NegotiationError(f"server agrees to {_SERVER_BITS}={server_bits} only")
    client_bits = agreed.client_bits or MAX_WINDOW_BITS
    if client_bits < MIN_WINDOW_BITS:
        raise NegotiationError(f"server demands {_CLIENT_BITS}={client_bits}, which zlib cannot serve")
    return PerMessageDeflate(
        deflate_bits=min(client_bits, options.client_max_window_bits),
        deflate_takeover=not (agreed.client_no_takeover or options.client_no_context_takeover),
        inflate_bits=server_bits,
        inflate_takeover=not agreed.server_no_takeover,
        options=options,
    )
