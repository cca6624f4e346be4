"""Non-blocking streams over sockets, TLS and pipes.

`IOStream` reads and writes a socket, `SSLIOStream` the same with TLS, `PipeIOStream` a pipe.  Read with the ``read_*``
methods (*pull*) or give a `StreamReceiver` that gets everything as it arrives (*push*).
"""

from typing import TYPE_CHECKING

from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.iostream._base import BaseIOStream
    from waterspout.iostream._doctests import doctests
    from waterspout.iostream._errors import StreamBufferFullError, StreamClosedError, UnsatisfiableReadError
    from waterspout.iostream._pipe import PipeIOStream
    from waterspout.iostream._receiver import StreamReceiver
    from waterspout.iostream._socket import IOStream
    from waterspout.iostream._tls import SSLIOStream

__all__ = [
    "BaseIOStream",
    "IOStream",
    "PipeIOStream",
    "SSLIOStream",
    "StreamBufferFullError",
    "StreamClosedError",
    "StreamReceiver",
    "UnsatisfiableReadError",
    "doctests",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _base="BaseIOStream",
        _doctests="doctests",
        _errors="StreamBufferFullError StreamClosedError UnsatisfiableReadError",
        _pipe="PipeIOStream",
        _receiver="StreamReceiver",
        _socket="IOStream",
        _tls="SSLIOStream",
    )
