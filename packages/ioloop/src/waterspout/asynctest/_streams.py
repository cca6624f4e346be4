"""Streams that lead nowhere but to each other."""

from __future__ import annotations

import socket
from typing import Any

from waterspout.iostream import IOStream


def memory_stream_pair(**kwargs: Any) -> tuple[IOStream, IOStream]:
    """Two streams, each of which reads what is written to the other; no network, no port.

    They are real streams on a socket pair, so that buffering, back-pressure and closing are what they are in use.
    Keywords are `IOStream`'s, for both. The caller closes them.
    """
    one, other = socket.socketpair()
    return IOStream(one, **kwargs), IOStream(other, **kwargs)


memory_stream_pair.__module__ = "waterspout.asynctest"
