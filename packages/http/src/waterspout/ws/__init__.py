"""The WebSocket protocol without I/O, for both roles: RFC 6455, and permessage-deflate (RFC 7692)."""

from waterspout.ws._close_codes import CloseCode, is_sendable_close_code
from waterspout.ws._connection import Connection
from waterspout.ws._deflate import DeflateOptions, PerMessageDeflate
from waterspout.ws._errors import ClosedError, NegotiationError
from waterspout.ws._events import BinaryMessage, Close, Event, Ping, Pong, ProtocolError, TextMessage
from waterspout.ws._frames import Opcode, frame
from waterspout.ws._handshake import WEBSOCKET_VERSION, accept_key, check_key, new_key, parse_subprotocols
from waterspout.ws._masking import ACCELERATED, apply_mask
from waterspout.ws._negotiation import (
    ExtensionOffer,
    accept_extensions,
    negotiate,
    offer_extensions,
    parse_offers,
)
from waterspout.ws._shared import SharedMessage
from waterspout.ws._states import Role, State

__all__ = [
    "ACCELERATED",
    "WEBSOCKET_VERSION",
    "BinaryMessage",
    "Close",
    "CloseCode",
    "ClosedError",
    "Connection",
    "DeflateOptions",
    "Event",
    "ExtensionOffer",
    "NegotiationError",
    "Opcode",
    "PerMessageDeflate",
    "Ping",
    "Pong",
    "ProtocolError",
    "Role",
    "SharedMessage",
    "State",
    "TextMessage",
    "accept_extensions",
    "accept_key",
    "apply_mask",
    "check_key",
    "frame",
    "is_sendable_close_code",
    "negotiate",
    "new_key",
    "offer_extensions",
    "parse_offers",
    "parse_subprotocols",
]
