"""IOStream: a stream on a socket."""

from __future__ import annotations

import errno
import os
import socket as socket_module
from asyncio import Future
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from waterspout.iostream._base import UNTIL, BaseIOStream
from waterspout.iostream._core import IOV_MAX, NOT_READING, PULLING, PUSHING, READS_IN_A_ROW, RESTING, Buffer
from waterspout.iostream._errors import StreamClosedError
from waterspout.iostream._hooks import replaceable
from waterspout.iostream._pending import PendingRead, set_result
from waterspout.util import import_object

if TYPE_CHECKING:
    import asyncio
    import ssl
    from typing import Self

    from waterspout.iostream._receiver import StreamReceiver
    from waterspout.iostream._sendfile import HasFileno
    from waterspout.iostream._tls import SSLIOStream

#: What calls the socket directly in place of the methods that may be overridden.
_FAST_PATHS: Final = {
    "read_from_fd": ("_push_readable", "_pull_readable", "_watch_for_close", "receive_first"),
    "write_to_fd": ("flush_pending", "_write_some", "send_now", "write"),
}

_HAS_SENDMSG: Final = hasattr(socket_module.socket, "sendmsg")

#: Has the kernel (Linux) keep what is sent until more follows, be it the end.
_MORE: Final = getattr(socket_module, "MSG_MORE", 0)


class IOStream(BaseIOStream):
    """A stream on a connected or unconnected socket, which it makes non-blocking and owns: ``IOStream(socket, ...)``.

    ``stream.socket`` is that socket.  Further keywords as for `BaseIOStream`.

    The functions that move bytes call the socket directly; where a subclass overrides `read_from_fd` or `write_to_fd`,
    those are called instead.
    """

    __module__ = "waterspout.iostream"

    __slots__ = ("_bulk", "socket")

    socket: socket_module.socket

    def __init__(
        self,
        socket: socket_module.socket,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        max_write_buffer_size: int | None = None,
    ) -> None:
        self.socket = socket
        self._bulk = False  # the last read was a full one: there is a lot to come
        socket.setblocking(False)
        BaseIOStream.__init__(self, max_buffer_size, read_chunk_size, max_write_buffer_size)  # see there

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        if "_push_readable" not in own:  # it has no fast path of its own
            for hook, fast in _FAST_PATHS.items():
                if hook in own:
                    for name in fast:
                        setattr(cls, name, getattr(BaseIOStream, name))

    def _method_replaced(self, hook: str) -> None:
        for name in _FAST_PATHS[hook]:
            self.__dict__[name] = MethodType(getattr(BaseIOStream, name), self)
        reading = self._reading
        if reading and reading != RESTING:  # the loop calls the old one
            self._listen(NOT_READING)
            self._listen(reading)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close_fd(self) -> None:
        self.socket.close()

    @replaceable
    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        try:
            return self.socket.recv_into(buf)
        except (BlockingIOError, InterruptedError):
            return None

    @replaceable
    def write_to_fd(self, data: memoryview) -> int:
        return self.socket.send(data)

    def get_fd_error(self) -> BaseException | None:
        number = self.socket.getsockopt(socket_module.SOL_SOCKET, socket_module.SO_ERROR)
        return OSError(number, os.strerror(number)) if number else None

    def set_nodelay(self, value: bool) -> None:
        if self.socket.family in (socket_module.AF_INET, socket_module.AF_INET6):
            self.socket.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NODELAY, 1 if value else 0)

    # -- moving bytes: these four run for each request -----------------------------------------------

    def _push_readable(self) -> None:
        if self._bulk:
            self._push_bulk()
            return
        try:
            # Not by the shared buffer: taking few bytes out of it costs more than an allocation that shrinks in place.
            data = self.socket.recv(self._chunk)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._read_failed(error)
            return
        if not data:
            self._push_eof()
            return
        count = len(data)
        self._received += count
        try:
            self._receiver.data_received(data)  # type: ignore[union-attr]
        except Exception as error:
            self._receiver_failed(error)
            return
        if count == self._chunk:
            self._bulk = True
            self._push_bulk()

    def receive_first(self, receiver: StreamReceiver) -> bool:
        if self._unread or self._opening or self._closed:
            self.set_receiver(receiver)
            return False
        try:
            data = self.socket.recv(self._chunk)
        except (BlockingIOError, InterruptedError):
            self.set_receiver(receiver)
            return False
        except OSError as error:
            self._receiver = receiver
            self._read_failed(error)
            return True
        self._receiver = receiver
        if not data:
            self._push_eof()
            return True
        self._received += len(data)
        try:
            receiver.data_received(data)
        except Exception as error:
            self._receiver_failed(error)
        if self._receiver is receiver and not (self._closing or self._closed or self._paused):
            place = self.resting_place
            if place is not None and not self._reading and place.rest(self):
                self._reading = RESTING
            else:
                self._listen(PUSHING)
        return True

    receive_first.__doc__ = BaseIOStream.receive_first.__doc__

    def _push_bulk(self) -> None:
        """The last read was a full one: there is probably more.  One large piece, not copied.

        Only one: an allocation of this size whose read then finds nothing costs more than all the rest.  Whether the
        end is there already is seen through the shared buffer, since some loops tell of a reset only once.
        """
        if self._reading != PUSHING:
            return
        asked = self._chunk * READS_IN_A_ROW
        data = self._receive_more(asked)
        if not data:
            if data is not None:
                self._push_eof()
            return
        size = len(data)
        self._deliver(data)
        if size < self._chunk:
            self._bulk = False
        elif size < asked and self._reading == PUSHING:
            self._push_rest()

    def _receive_more(self, most: int) -> bytes | None:
        """What the kernel holds, ``b""`` at the end; None if nothing now, or it failed: then the stream is closed.

        For reads after a full one: the first of a turn does the same in place, without a call.
        """
        try:
            data = self.socket.recv(most)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            self._read_failed(error)
            return None
        self._received += len(data)
        return data

    def _push_rest(self) -> None:
        turn = self._turn
        try:
            count = self.socket.recv_into(turn.buffer, self._chunk)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._read_failed(error)
            return
        if not count:
            self._push_eof()
            return
        self._received += count
        self._deliver(bytes(turn.view[:count]))

    def _pull_readable(self) -> None:
        future = self._read_future
        if future is None or future.done():
            self._nobody_reads()
            return
        try:
            data = self.socket.recv(self._chunk)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._read_failed(error)
            return
        if not data:
            self.close()
            return
        count = len(data)
        self._received += count
        if self._kind == UNTIL and not self._unread:
            end = data.find(self._want) + len(self._want)
            if len(self._want) <= end == count and (self._limit is None or count <= self._limit):
                self._read_future = None  # just what was wanted: the way of a dialogue, without helpers
                set_result(future, data)
                if future.wake is not None:
                    future.context.run(future.wake, future)
                return
        self._arrived(data)
        if count == self._chunk and self._read_future is future:
            self._pull_bulk(future)

    def _pull_bulk(self, future: PendingRead) -> None:
        """A full read that did not suffice: there is probably more.  No copy through the shared buffer here."""
        chunk = self._chunk
        for _ in range(READS_IN_A_ROW - 1):
            data = self._receive_more(chunk)
            if not data:
                if data is not None:
                    self.close()
                return
            self._arrived(data)
            if len(data) < chunk or self._read_future is not future:
                return

    def write(self, data: Buffer) -> asyncio.Future[None]:
        if self._out is None and not self._blocked and type(data) is bytes and self.max_write_buffer_size is None:
            # Nothing waits before it: straight to the kernel.
            size = len(data)
            try:
                sent = self.socket.send(data) if size else 0
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self.close(error)
                sent = -1
            self._total_write_index += size
            future: asyncio.Future[None] = Future(loop=self._loop)
            if sent == size:
                self._sent += size
                future.set_result(None)
            else:
                if not self._closed:
                    self._out = [data]
                    self._account(sent)
                self._wait_for_write(future)
            return future
        return super().write(data)

    write.__doc__ = BaseIOStream.write.__doc__

    def send_now(self, data: Buffer) -> bool:
        if self._out is not None or self._blocked or type(data) is not bytes:
            return super().send_now(data)
        size = len(data)
        try:
            sent = self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.close(error)
            return False
        self._total_write_index += size
        if sent == size:
            self._sent += size
            return True
        self._out = [data]
        self._account(sent)
        return False

    send_now.__doc__ = BaseIOStream.send_now.__doc__

    def flush_pending(self) -> bool | None:
        if self._blocked:
            return False
        self._dirty = False
        out = self._out
        if out is None:
            return False
        try:
            if len(out) != 1:
                sent = self._write_some(out)
            elif self._closing and _MORE:
                return self._send_last(out[0])
            else:
                sent = self.socket.send(out[0])
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.close(error)
            return None
        total = self._sent + sent
        if total != self._total_write_index or sent > self.high_water:
            return self._account(sent)
        self._sent = total
        self._out = None
        if not self._waiting:
            return False
        self._drained()
        return None

    def _send_last(self, data: Buffer) -> bool | None:
        """Send what the close follows, and the end in the same segment (the peer is woken once, not twice), and close.

        The end is said before the close, which would throw away what is not sent yet if there were input that nobody
        has read (RFC 9112, 9.6).  Returns what `flush_pending` does; what the socket raises is for that to handle.
        """
        sent = self.socket.send(data, _MORE)
        if sent == len(data):
            self.socket.shutdown(socket_module.SHUT_WR)
            if (
                self._receiver is None
                and self._write_waiters is None
                and self._read_future is None
                and self._close_callback is None
                and type(self) is IOStream
            ):  # the way of one connection for one request: `close` without looking for those who want to know of it
                self._sent += sent
                self._forget_fd()
                self.socket.close()
                return None
        return self._account(sent)

    def _write_some(self, out: list[Buffer]) -> int:
        if len(out) > 1:
            if _HAS_SENDMSG:
                return self.socket.sendmsg(out if len(out) <= IOV_MAX else out[:IOV_MAX])
            return self.socket.send(b"".join(out))
        return self.socket.send(out[0]) if out else 0

    def end_output(self) -> None:
        """Tell the peer that nothing follows what is in the kernel; reading goes on.  Nothing may be sent afterwards.

        OSError if the peer has reset the connection.
        """
        self.socket.shutdown(socket_module.SHUT_WR)

    def _watch_for_close(self) -> bool:
        try:
            data = self.socket.recv(1, socket_module.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError as error:
            if error.errno == errno.ENOTCONN:  # it will be watched when it is connected
                return False
            self._read_failed(error)
            return True
        if not data:
            self.close()
        return not data

    # -- connecting ----------------------------------------------------------------------------------

    def connect(self, address: Any, server_hostname: str | None = None) -> asyncio.Future[Self]:
        """Connect to ``address`` (as ``socket.connect`` takes it, with an IP address: names would block).

        The Future's result is the stream; it fails with a StreamClosedError whose `real_error` says why, and then the
        stream is closed.  Reading and writing may begin at once and wait.  ``server_hostname`` is for TLS streams.
        """
        future: asyncio.Future[Self] = self._loop.create_future()
        if self._closed:
            self._fail(future)
            return future
        self._opening = self._blocked = self._dirty = True
        self._listen(NOT_READING)
        self._connecting = future
        try:
            self.socket.connect(address)
        except OSError as error:
            # A UNIX socket says EAGAIN if its peer's backlog is full: nothing is in progress then.
            full = error.errno == errno.EAGAIN and self.socket.family not in (
                socket_module.AF_INET,
                socket_module.AF_INET6,
            )
            if full or not isinstance(error, BlockingIOError):
                self.close(error)
                return future
        self._writer_on = True
        self.io_loop.selector_loop.add_writer(self.fileno(), self._connect_settled)
        return future

    #: The Future of `connect`; an attribute of the instance only while it is needed.
    _connecting: asyncio.Future[Any] | None = None

    def _connect_settled(self) -> None:
        self._writer_on = False
        self.io_loop.selector_loop.remove_writer(self.fileno())
        error = self.get_fd_error()
        if error is not None:
            self.close(error)
            return
        self._connected()

    def _connected(self) -> None:
        """The connection stands: let what waited begin."""
        self._open()

    def _open(self) -> None:
        """Reading and writing may begin."""
        self._opening = self._blocked = self._dirty = False
        future = self._connecting
        if future is not None:
            del self._connecting
            if not future.done():
                future.set_result(self)
        if self._receiver is not None:
            if not self._paused:
                self._listen(PUSHING)
        elif self._read_future is not None or self._close_callback is not None:
            self._listen(PULLING)
        if self._out is not None:
            self.flush_pending()

    def _after_close(self) -> None:
        future = self._connecting
        if future is not None:
            del self._connecting
            self._fail(future)
        super()._after_close()

    # -- leaving the stream --------------------------------------------------------------------------

    def start_tls(
        self,
        server_side: bool,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> asyncio.Future[SSLIOStream]:
        """Begin TLS on this connection: the Future's result is an `SSLIOStream` that replaces this stream.

        The stream must be idle; its close callback moves along.  ValueError otherwise: above all if bytes have been
        received that nobody read, for they came before the handshake and whoever sent them wants them to be taken for
        protected ones.  ``ssl_options`` and ``server_hostname`` are as for `SSLIOStream`.  The Future fails with the
        error that made the handshake fail; cancelling it closes the connection.
        """
        self._check_idle("start TLS")
        if self._unread:
            raise ValueError(
                f"cannot start TLS: {self._unread} bytes arrived before the handshake; close this connection"
            )
        import waterspout.iostream._tls  # noqa: F401  # fills in _tls_class; nobody may have asked for it before
        from waterspout.netutil._tls_options import context_for  # netutil is for those who use TLS

        tls_class: type[SSLIOStream] = import_object("waterspout.iostream.SSLIOStream")  # a subclass: loaded by name

        context = context_for(ssl_options, server_side)
        callback, self._close_callback = self._close_callback, None
        watchers, self._close_watchers = self._close_watchers, ()
        self._forget_fd()
        try:
            stream = tls_class(
                self.socket,
                ssl_options=context,
                server_side=server_side,
                server_hostname=server_hostname,
                max_buffer_size=self.max_buffer_size,
                read_chunk_size=self.read_chunk_size,
                max_write_buffer_size=self.max_write_buffer_size,
            )
        except BaseException:
            self.socket.close()
            for watcher in watchers:
                watcher()
            raise
        stream._close_watchers = watchers
        stream.set_close_callback(callback)
        future = stream.wait_for_handshake()
        future.add_done_callback(lambda done: stream.close() if done.cancelled() else None)
        return future

    def detach(self) -> tuple[socket_module.socket, bytes]:
        """Give the connection away: its socket (non-blocking), and what was received and not read.

        The stream is closed afterwards; nobody is told.  ValueError unless it is idle.
        """
        self._check_idle("detach")
        rest = self._take(self._unread)
        self._forget_fd()
        self._close_callback = self._receiver = None
        return self.socket, rest

    def _check_idle(self, purpose: str) -> None:
        reasons = {
            "it is closed": self._closed,
            "it is not connected yet": self._opening,
            "a read is waiting": self.reading(),
            "output is queued": self.pending > 0,
            "it has a receiver": self._receiver is not None,
        }
        for reason, holds in reasons.items():
            if holds:
                raise ValueError(f"IOStream is not idle; cannot {purpose}: {reason}")
        if self._read_future is not None:
            self._drop_read()

    async def sendfile(self, file: HasFileno, offset: int = 0, count: int | None = None) -> int:
        """Send ``count`` bytes of ``file`` (a regular file, open for reading) from ``offset`` on; default all.

        Returns the number of bytes when they are in the kernel.  What is written meanwhile leaves afterwards.  The
        kernel copies, save with TLS.  EOFError if the file is shorter, StreamClosedError if the stream closes.
        Cancelled, a part of the file may have been sent.
        """
        from waterspout.iostream._sendfile import send_by_kernel, send_by_reading, size_from  # rarely used

        count = size_from(file, offset, count)
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        if self._SENDS_FILES and hasattr(os, "sendfile"):
            return await send_by_kernel(self, file, offset, count)
        return await send_by_reading(self, file, offset, count)

    _SENDS_FILES: ClassVar[bool] = True  #: whether the kernel may write to the descriptor itself
