"""SSLIOStream: a stream with TLS on it.

Theory of operation.  A stream that wraps its socket itself keeps TLS in memory (see ``_tls_layer.py``): what the socket
gives is fed to it, and all that can be decrypted is delivered at once, so that nothing waits in TLS while the socket is
silent. Output is encrypted in batches of 64 KiB; ``_cipher`` is what the kernel has not taken of the last one, and its
``_plain`` bytes of plaintext count as sent when all of it is in the kernel.  An ``ssl.SSLSocket`` that is handed in is
used as it is, by the general (and slower) way through `read_from_fd` and `write_to_fd`; ``_layer`` tells which of the
two it is.

While the handshake goes on the stream is ``_opening`` and ``_blocked``, as it is while a connection is made.
"""

from __future__ import annotations

import contextlib
import errno
import socket as socket_module
from asyncio import Future
from typing import TYPE_CHECKING, Any, Final

from waterspout.concurrent._lazy import DoneFuture
from waterspout.iostream._base import EXACTLY, BaseIOStream
from waterspout.iostream._core import BROKEN_CONNECTION, PULLING, PUSHING, READS_IN_A_ROW, Buffer, StreamCore
from waterspout.iostream._errors import StreamClosedError
from waterspout.iostream._socket import IOStream
from waterspout.iostream._tls_socket import TLSSocket
from waterspout.log import gen_log

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable
    from typing import Self

    from waterspout.iostream._receiver import StreamReceiver
    from waterspout.iostream._tls_layer import MemoryLayer, Outcome, SocketLayer

#: Seconds that a handshake may take, so that a stalled one does not hold a connection.
DEFAULT_HANDSHAKE_TIMEOUT: Final = 10.0

#: Plaintext that is encrypted before it is sent: four records, one system call.
BATCH: Final = 64 * 1024

#: Batches that one stream sends in one go while others wait for their turn.
BATCHES_IN_A_ROW: Final = 4

#: Full reads before they are decrypted: four records are somewhat more than the shared buffer takes.
RECEIVES_IN_A_ROW: Final = 2

#: The descriptor is read for the handshake (beside NOT_READING, PULLING, PUSHING).
HANDSHAKING: Final = 3

# The descriptor's own methods: TLSSocket hides them.
_recv_into = socket_module.socket.recv_into
_send = socket_module.socket.send
_shutdown = socket_module.socket.shutdown


class SSLIOStream(IOStream):
    """A stream on a TLS connection: ``SSLIOStream(socket, ssl_options=..., ...)``.

    ``socket`` is a plain socket, which the stream wraps (the object given is detached from its descriptor), or an
    ``ssl.SSLSocket`` made with ``do_handshake_on_connect=False``.  If it is connected the handshake begins at once,
    else after `connect`.  Reading and writing may begin before it is complete, and wait.  Keywords beside `IOStream`'s:

    * ``ssl_options``: an ``ssl.SSLContext``, or a dict as for ``netutil.ssl_options_to_context``; the default verifies
      the server against the system's authorities.
    * ``server_side`` (default false), ``server_hostname`` (what the certificate is checked for, and SNI).
    * ``handshake_timeout``: seconds (default 10), after which the stream closes with TimeoutError.
    * ``may_log`` (default None): called with the peer's address, says whether a line about its mistake is written.

    ``stream.socket`` answers ``getpeercert``, ``cipher``, ``version``, ``selected_alpn_protocol`` and so on.  A peer
    that ends the connection without close_notify may have truncated the data: `error` is an ``ssl.SSLEOFError`` then,
    unless the context has ``ssl.OP_IGNORE_UNEXPECTED_EOF``.  Python up to 3.11.2 sets that in each new context, wanted
    or not: there it only has an effect for an SSLSocket that is handed in; take it out of that context's options.
    """

    __module__ = "waterspout.iostream"

    __slots__ = (
        "_cipher",
        "_context",
        "_handshake_future",
        "_handshake_timer",
        "_layer",
        "_memory",
        "_plain",
        "_server_hostname",
        "_server_side",
        "handshake_timeout",
        "may_log",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Brings ssl, which only those who use TLS should pay for.
        from waterspout.iostream._tls_layer import SocketLayer, is_ssl_socket
        from waterspout.netutil._tls_options import context_for

        sock: Any = args[0] if args else kwargs.pop("socket")
        options: dict[str, Any] | ssl.SSLContext | None = kwargs.pop("ssl_options", None)
        self._server_side: bool = kwargs.pop("server_side", False)
        self._server_hostname: str | None = kwargs.pop("server_hostname", None)
        self.handshake_timeout: float = kwargs.pop("handshake_timeout", DEFAULT_HANDSHAKE_TIMEOUT)
        self.may_log: Callable[[str], bool] | None = kwargs.pop("may_log", None)
        self._layer: MemoryLayer | SocketLayer | None = None
        self._memory: MemoryLayer | None = None
        self._cipher: Buffer = b""
        self._plain = 0
        self._handshake_timer: asyncio.TimerHandle | None = None
        self._handshake_future: asyncio.Future[Any] | None = None
        self._context: ssl.SSLContext
        connected = _is_connected(sock)
        if is_ssl_socket(sock):
            self._context = sock.context
            self._server_side = sock.server_side
            self._server_hostname = sock.server_hostname
            if connected:
                self._layer = SocketLayer(sock)
            else:  # an SSLSocket cannot be connected without blocking
                sock = TLSSocket.taking_over(sock)
        else:
            self._context = context_for(options, self._server_side)
            sock = TLSSocket.taking_over(sock)
        super().__init__(sock, *args[1:], **kwargs)
        if connected:
            try:
                self._begin_handshake()
            except BaseException:
                self.close()
                raise

    # -- the handshake -------------------------------------------------------------------------------

    def connect(self, address: Any, server_hostname: str | None = None) -> asyncio.Future[Self]:
        """Connect, then shake hands; the Future's result is the stream.

        ``server_hostname`` is checked against the certificate and sent to the server.  The Future fails with the error
        itself: ``ssl.SSLCertVerificationError``, ConnectionRefusedError...
        """
        if server_hostname is not None:
            self._server_hostname = server_hostname
        return super().connect(address)

    def wait_for_handshake(self) -> asyncio.Future[Self]:
        """Done when the handshake is complete, with the stream as its result; fails with what made it fail.

        RuntimeError if somebody waits already.
        """
        waiting = self._handshake_future
        if waiting is not None and not waiting.done():
            raise RuntimeError("Already waiting for the handshake: share that Future")
        future: asyncio.Future[Self] = self._loop.create_future()
        if self._closed:
            self._fail_opening(future)
        elif self._layer is not None and not self._opening:
            future.set_result(self)
        else:
            self._handshake_future = future
        return future

    def _connected(self) -> None:
        try:
            self._begin_handshake()
        except Exception as error:  # check_hostname without a name, most of all
            self.close(error)

    def _begin_handshake(self) -> None:
        from waterspout.iostream._tls_layer import MemoryLayer

        self._opening = self._blocked = self._dirty = True
        if self._layer is None:
            self._layer = self._memory = MemoryLayer(self._context, self._server_side, self._server_hostname)
            self.socket.tls = self._memory.tls  # type: ignore[attr-defined]
        self._handshake_timer = self._loop.call_later(self.handshake_timeout, self._handshake_expired)
        self._listen(HANDSHAKING)
        if not self._server_side:
            self._handshake()

    def _listen(self, reading: int) -> None:
        if reading == HANDSHAKING:
            self._reading = reading
            self.io_loop.selector_loop.add_reader(self.fileno(), self._handshake_readable)
        else:
            super()._listen(reading)

    def _handshake_readable(self) -> None:
        if self._memory is None or self._receive():
            self._handshake()

    def _handshake(self) -> None:
        layer = self._layer
        assert layer is not None
        try:
            going = layer.handshake()
        except OSError as error:
            self._handshake_failed(error)
            return
        if self._memory is not None:
            self._send_control()
            complete = bool(going)
        else:
            complete = not going
            if going == "write" and not self._writer_on:
                self._writer_on = True
                self.io_loop.selector_loop.add_writer(self.fileno(), self._on_writable)
        if complete and not self._closed:
            self._handshake_complete()

    def _peer(self) -> Any:
        try:
            return self.socket.getpeername()
        except OSError:
            return None

    def _handshake_failed(self, error: OSError) -> None:
        peer = self._peer()
        if self.may_log is None or self.may_log(_host_of(peer)):
            gen_log.warning("SSL Error on %s %s: %s", self.fileno(), peer, error)
        if self._memory is not None:
            self._send_control()  # the alert that tells the peer why
        self.close(error)

    def _handshake_expired(self) -> None:
        self._handshake_timer = None
        self.close(TimeoutError(f"the TLS handshake was not complete after {self.handshake_timeout:g} s"))

    def _handshake_complete(self) -> None:
        self._end_timer()
        if self._writer_on and not self._cipher:
            self._writer_on = False
            self.io_loop.selector_loop.remove_writer(self.fileno())
        future, self._handshake_future = self._handshake_future, None
        if future is not None and not future.done():
            future.set_result(self)
        self._listen(0)
        self._open()
        if self._closed:
            return
        if self._cipher:
            self._wait_writable()
        if self._layer is not None and self._layer.has_input():  # what came in one piece with the end of the handshake
            self._more_input()

    def _end_timer(self) -> None:
        if self._handshake_timer is not None:
            self._handshake_timer.cancel()
            self._handshake_timer = None

    # -- reading -------------------------------------------------------------------------------------

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Decrypt into ``buf``: how many bytes, 0 at the end of the stream, None if there is nothing now."""
        layer = self._layer
        if layer is None or self._memory is not None and not self._receive():
            return None
        return layer.read_into(buf)

    def _receive(self) -> bool:
        """Feed TLS with what the socket has; false if there is nothing."""
        memory = self._memory
        assert memory is not None
        turn = self._turn
        feed = memory.incoming.write
        fed = False
        for _ in range(RECEIVES_IN_A_ROW):
            try:
                count = _recv_into(self.socket, turn.buffer, self._chunk)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if not fed:
                    self._receive_failed(error)
                break  # what came before is delivered first; the error comes back with the next call
            if count:
                feed(turn.view[:count])
            else:
                memory.ended = True
            fed = True
            if count < self._chunk:
                break
            self._bulk = True
        return fed

    def _receive_failed(self, error: OSError) -> None:
        from waterspout.iostream._tls_layer import truncated

        if isinstance(error, ConnectionResetError) and not self._opening:
            self.close(truncated(error))
        else:
            self._read_failed(error)

    def receive_first(self, receiver: StreamReceiver) -> bool:
        """See `StreamCore.receive_first`: there is a handshake to come first."""
        return StreamCore.receive_first(self, receiver)

    def _push_readable(self) -> None:
        if self._memory is None:
            BaseIOStream._push_readable(self)
            if self._reading == PUSHING and self._layer.has_input():  # type: ignore[union-attr]
                self._loop.call_soon(self._more_input)
        elif self._receive():
            self._decrypted()
            if self._bulk:
                self._take_bulk()

    def _pull_readable(self) -> None:
        future = self._read_future
        if future is None or future.done():
            self._nobody_reads()
        elif self._memory is None:
            BaseIOStream._pull_readable(self)
            if self._reading == PULLING and self._layer.has_input():  # type: ignore[union-attr]
                self._loop.call_soon(self._more_input)
        elif self._receive():
            self._decrypted()
            if self._bulk:
                self._take_bulk()

    def _take_bulk(self) -> None:
        """There was a full read, so while it was dealt with more has come, as a rule: it is not waited for in turns."""
        enough = self._received + (READS_IN_A_ROW - 1) * self._chunk
        while self._bulk and self._received < enough:
            self._bulk = False
            future = self._read_future
            waits = self._reading == PUSHING or self._reading == PULLING and future is not None and not future.done()
            if not waits or not self._receive():
                return
            self._decrypted()
        self._bulk = False

    def _watch_for_close(self) -> bool:
        if self._memory is None:
            return BaseIOStream._watch_for_close(self)
        if self._receive():
            self._decrypted()
        return True

    def _decrypted(self) -> None:
        """Hand on all that can be decrypted, unless the receiver pauses."""
        memory = self._memory
        assert memory is not None
        outcome: Outcome | OSError = memory.FULL
        while outcome is memory.FULL:
            pieces, size, outcome = memory.decrypt()
            if not size:
                continue
            self._received += size
            if self._reading == PUSHING:
                self._deliver(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            else:
                self._records_arrived(pieces, size)
            if self._closed:
                return
            if outcome is not memory.WANTS_MORE and self._receiver is not None and self._reading != PUSHING:
                return  # paused: resume_receiving comes back
        if memory.outgoing.pending:
            self._send_control()
        if outcome is memory.END:
            if self._receiver is not None:
                self._push_eof()
            else:
                self.close()
        elif isinstance(outcome, OSError):
            self._read_failed(outcome)

    def _records_arrived(self, pieces: list[bytes], size: int) -> None:
        """Give what was decrypted, ``size`` bytes, to the read that waits, and keep the rest.

        All of it is kept before the read is told: its task may go on to read, or set a receiver, which takes what is
        there.  A read of so many bytes gets the records joined once, when all are there: the way of bulk data, in few
        steps.
        """
        future = self._read_future
        waits = future is not None and not future.done()
        if waits and self._kind == EXACTLY:
            wanted = self._want
            if size == wanted and not self._unread:
                self._read_future = self._want = None
                future.deliver(pieces[0] if len(pieces) == 1 else b"".join(pieces))  # type: ignore[union-attr]
                return
            self._keep(pieces, size)
            if self._unread >= wanted:
                self._read_future = self._want = None
                future.deliver(self._take(wanted))  # type: ignore[union-attr]
            elif self._unread > self.max_buffer_size:
                self._overfull()
            return
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if waits:
            self._arrived(data)
        else:
            self._store(data)

    def _read_failed(self, error: Exception) -> None:
        from ssl import SSLEOFError, SSLZeroReturnError

        if isinstance(error, SSLEOFError):  # as common as a reset, and told by `error`
            self.close(error)
        elif isinstance(error, SSLZeroReturnError):  # TLS takes nothing in any more after `end_output`
            self.close()
        elif self.may_log is None or isinstance(error, BROKEN_CONNECTION) or self.may_log(_host_of(self._peer())):
            super()._read_failed(error)
        else:
            self.close(error)

    def _more_input(self) -> None:
        """Something waits in TLS, and the socket will not say so."""
        if self._closed or self._opening:
            return
        if self._memory is not None:
            if self._receiver is None or self._reading == PUSHING:
                self._decrypted()
        elif self._reading == PUSHING:
            self._push_readable()
        elif self._reading == PULLING:
            self._pull_readable()

    def resume_receiving(self) -> None:
        paused = self._paused
        super().resume_receiving()
        if paused and self._reading == PUSHING and self._layer is not None and self._layer.has_input():
            self._loop.call_soon(self._more_input)

    def reading(self) -> bool:
        """Whether a read waits for data, or the handshake for the peer."""
        return self._opening and not self._closed or super().reading()

    def detach(self) -> tuple[socket_module.socket, bytes]:
        """ValueError: the state of TLS cannot leave the stream."""
        raise ValueError("a TLS stream cannot be detached from its socket")

    # -- writing -------------------------------------------------------------------------------------

    def write_to_fd(self, data: memoryview) -> int:
        """Encrypt and send: how many bytes of ``data`` are on their way; BlockingIOError if none can be."""
        if self._memory is None:
            return self._layer.write(data)  # type: ignore[union-attr]  # without memory it is the SSLSocket's layer
        return SSLIOStream._write_some(self, [data])

    def flush_pending(self) -> bool | None:
        """See `StreamCore.flush_pending`: what `IOStream` does with the bare socket is not for an encrypted one."""
        return StreamCore.flush_pending(self)

    def send_now(self, data: Buffer) -> bool:
        """See `StreamCore.send_now`."""
        return StreamCore.send_now(self, data)

    def write(self, data: Buffer) -> asyncio.Future[None]:
        """See `BaseIOStream.write`."""
        memory = self._memory
        size = len(data)
        if (
            memory is None
            or self._blocked
            or self._out is not None
            or type(data) is not bytes
            or not 0 < size <= BATCH
            or self.max_write_buffer_size is not None
        ):
            return BaseIOStream.write(self, data)
        # Nothing waits before it: straight to the kernel.
        self._total_write_index += size
        try:
            memory.encrypt(data)
            cipher = memory.outgoing.read()
            sent = _send(self.socket, cipher)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.close(error)
        if not self._closed:
            if sent == len(cipher):
                self._sent += size
                return DoneFuture()
            self._cipher = memoryview(cipher)[sent:]
            self._plain = size
            self._out = [data]
            self._account(0)
        future: asyncio.Future[None] = Future(loop=self._loop)
        self._wait_for_write(future)
        return future

    _SENDS_FILES = False

    def _write_some(self, out: list[Buffer]) -> int:
        memory = self._memory
        if memory is None:
            return self.write_to_fd(memoryview(out[0])) if out else 0
        total = 0
        if self._cipher:
            self._send_cipher()
            total, self._plain = self._plain, 0
        whole = self._total_write_index - self._sent
        for _ in range(BATCHES_IN_A_ROW):
            if total == whole:
                break
            batch = _batch(out, total)
            self._plain = memory.encrypt(batch)
            self._cipher = memory.output()
            try:
                self._send_cipher()
            except (BlockingIOError, InterruptedError):
                break
            total += self._plain
            self._plain = 0
        return total

    def _send_cipher(self) -> None:
        """Send ``_cipher``; BlockingIOError if something of it is left."""
        cipher = self._cipher
        sent = _send(self.socket, cipher)
        if sent < len(cipher):
            self._cipher = memoryview(cipher)[sent:]
            raise BlockingIOError(errno.EAGAIN, "the socket took a part")
        self._cipher = b""

    def _send_control(self) -> None:
        """Send what TLS itself has to say: its handshake, tickets, alerts."""
        assert self._memory is not None
        data = self._memory.output()
        if not data:
            return
        if self._cipher:
            self._cipher = b"".join((self._cipher, data))
            return  # it is being waited for
        self._cipher = data
        try:
            self._send_cipher()
        except (BlockingIOError, InterruptedError):
            self._wait_writable()
        except OSError as error:
            self.close(error)

    def _wait_writable(self) -> None:
        self._blocked = self._dirty = self._waiting = True
        if not self._writer_on:
            self._writer_on = True
            self.io_loop.selector_loop.add_writer(self.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        if self._opening and self._memory is None:
            self._writer_on = False
            self.io_loop.selector_loop.remove_writer(self.fileno())
            self._handshake()
            return
        if self._cipher and (self._opening or self._out is None):
            try:
                self._send_cipher()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.close(error)
                return
            if self._opening:
                self._writer_on = False
                self.io_loop.selector_loop.remove_writer(self.fileno())
                return
            self._blocked = self._dirty = False
            self._drained()
            return
        super()._on_writable()

    def writing(self) -> bool:
        """Whether output waits for the kernel, or for the handshake."""
        return self._opening and not self._closed or super().writing()

    # -- closing -------------------------------------------------------------------------------------

    def _before_close(self) -> None:
        self._end_timer()
        layer = self._layer
        if layer is not None and not self._opening and self.error is None:
            farewell = layer.close()
            if self._memory is not None:
                self._say_farewell(b"" if self._cipher else farewell)  # not into the middle of a record
        super()._before_close()

    def end_output(self) -> None:
        """See `IOStream.end_output`: TLS says so first (close_notify), or the peer must suspect a truncation.

        An ``ssl.SSLSocket`` cannot say so while something that it received is unread.
        """
        layer = self._layer
        if layer is not None and not self._opening and not self._closed and layer.may_end():
            farewell = layer.close()
            if farewell and not self._cipher:  # not into the middle of a record
                with contextlib.suppress(BlockingIOError):  # no room for it: then the end comes without
                    _send(self.socket, farewell)
        # Not the method of an SSLSocket: that forgets TLS, and takes what is still to come for plain text.
        _shutdown(self.socket, socket_module.SHUT_WR)

    def _say_farewell(self, farewell: Buffer | None) -> None:
        """Send close_notify, and take what nobody will read: session tickets, mostly.

        Closing a socket that has unread data resets the connection, and the peer would lose what it was just sent.
        """
        with contextlib.suppress(OSError):  # the peer may be gone, or there is no room: it is only told if it listens
            if farewell:
                _send(self.socket, farewell)
        with contextlib.suppress(OSError):
            for _ in range(BATCHES_IN_A_ROW):
                if _recv_into(self.socket, self._turn.buffer) < len(self._turn.buffer):
                    break

    def _after_close(self) -> None:
        handshake, self._handshake_future = self._handshake_future, None
        for future in (self._connecting, handshake):
            if future is not None:
                self._fail_opening(future)
        super()._after_close()

    def _fail_opening(self, future: asyncio.Future[Any]) -> None:
        """`connect`, `wait_for_handshake` and `start_tls` fail with the error itself, a certificate's mostly."""
        if not future.done():
            future.set_exception(self.error if self.error is not None else StreamClosedError())
            future.exception()


def _host_of(peer: Any) -> str:
    return str(peer[0] if isinstance(peer, tuple) else peer)


def _is_connected(sock: socket_module.socket) -> bool:
    try:
        sock.getpeername()
    except OSError as error:
        # Others (EINVAL on macOS) say that the peer has gone again: the handshake will find that out.
        return error.errno != errno.ENOTCONN
    return True


def _batch(out: list[Buffer], start: int) -> Buffer:
    """The next plaintext to encrypt, from byte ``start`` of the queue on; several small buffers become one record."""
    if not start and len(out) == 1 and len(out[0]) <= BATCH:
        return out[0]
    pieces: list[Buffer] = []
    size = 0
    for data in out:
        length = len(data)
        if start >= length:
            start -= length
            continue
        if start or length - start > BATCH - size:
            data = memoryview(data)[start : start + BATCH - size]
            start = 0
        pieces.append(data)
        size += len(data)
        if size >= BATCH:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
