"""HTTP/1.x connections: the codec of `waterspout.http1` driven over an `IOStream`."""

from waterspout.http1connection._application import HTTPApplication, as_application
from waterspout.http1connection._connection import HTTP1Connection
from waterspout.http1connection._numbers import (
    CR_OR_LF_RE,
    DIGITS,
    HEXDIGITS,
    is_transfer_encoding_chunked,
    parse_hex_int,
    parse_int,
)
from waterspout.http1connection._observed import EnteredApplication, ObservedApplication, ObservedServerConnection
from waterspout.http1connection._observer import ObservedRequest, ServerObserver, ServerObservers, enters_requests
from waterspout.http1connection._params import HTTP1ConnectionParameters
from waterspout.http1connection._phase import Phase
from waterspout.http1connection._server_connection import HTTP1ServerConnection
from waterspout.http1connection._slow_heads import SlowHeads
from waterspout.http1connection._upgraded import Upgraded, UpgradedConnections

__all__ = [
    "CR_OR_LF_RE",
    "DIGITS",
    "EnteredApplication",
    "HEXDIGITS",
    "HTTP1Connection",
    "HTTP1ConnectionParameters",
    "HTTP1ServerConnection",
    "HTTPApplication",
    "ObservedApplication",
    "ObservedRequest",
    "ObservedServerConnection",
    "Phase",
    "ServerObserver",
    "ServerObservers",
    "SlowHeads",
    "Upgraded",
    "UpgradedConnections",
    "as_application",
    "enters_requests",
    "is_transfer_encoding_chunked",
    "parse_hex_int",
    "parse_int",
]
