"""StreamCore: a non-blocking descriptor on the loop, with push on its reading side and one flush per turn on its other.

Theory of operation.

*Reading.*  The descriptor is registered with the loop when somebody first wants data and stays registered while the
stream is open: a request costs no ``epoll_ctl``.  One read goes into the buffer that all streams of the loop share, so
an idle stream owns none.  (Where a socket's bytes are pushed on, recv makes them: for the few that mostly come, taking
them out of a shared buffer costs more.)  With a receiver (*push*) the bytes are handed on at once; without one
`BaseIOStream` keeps them for its ``read_*`` methods (*pull*).

*Writing.*  `send` queues a buffer and makes the stream *dirty*: it joins the list of the loop's turn, once.  At the end
of the turn `flush_pending` gives all of it to the kernel in one system call.  Only when the kernel does not take
everything is the descriptor watched for writing, until the queue is empty.

Two counters say where the output stands: ``_total_write_index`` bytes were ever queued, ``_sent`` of them are in the
kernel. ``_blocked`` means that output must wait (connecting, TLS handshake, kernel full, a `sendfile` at work);
``_dirty`` means that `send` need not join the turn: the stream is on its list, or blocked.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

from waterspout.ioloop import IOLoop
from waterspout.iostream._errors import StreamClosedError
from waterspout.log import app_log, gen_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from waterspout.iostream._receiver import StreamReceiver
    from waterspout.iostream._resting import RestingPlace

Buffer = bytes | bytearray | memoryview

#: A stream with more output than this in its queue should be given no more; `StreamReceiver.writable` says when it may.
#: asyncio's transports use the same.
DEFAULT_HIGH_WATER: Final = 64 * 1024

#: Buffers that one ``sendmsg`` or ``writev`` takes (Linux, macOS and the BSDs have 1024).
IOV_MAX: Final = 1024

#: Full reads that one stream may make in one go while others wait for their turn: 256 KiB.
READS_IN_A_ROW: Final = 4

#: Errors by which a connection ends without anybody being at fault here.
BROKEN_CONNECTION: Final = (ConnectionError, TimeoutError)

# What the descriptor is registered for on the reading side.
NOT_READING: Final = 0
PULLING: Final = 1
PUSHING: Final = 2
RESTING: Final = 4  # for nothing, as `resting_place` watches it for push (3 is TLS's, for its handshake)


def octets(data: Buffer) -> Buffer:
    """``data`` with a length that counts bytes; TypeError unless it is bytes-like.

    >>> from array import array
    >>> len(octets(memoryview(array("H", [1, 2]))))
    4
    """
    if isinstance(data, bytes | bytearray):
        return data
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


class StreamCore:
    """See the module's docstring.  Subclasses say how bytes get in and out of the descriptor."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_blocked",
        "_chunk",
        "_close_watchers",
        "_closed",
        "_closing",
        "_dirty",
        "_eof",
        "_loop",
        "_opening",
        "_out",
        "_over",
        "_paused",
        "_reading",
        "_received",
        "_receiver",
        "_sent",
        "_total_write_index",
        "_turn",
        "_waiting",
        "_write_waiters",
        "_writer_on",
        "error",
        "high_water",
        "io_loop",
        "resting_place",
    )

    io_loop: IOLoop
    error: BaseException | None  #: what closed the stream; None while open or if it was closed in order
    high_water: int  #: bytes of queued output above which `StreamReceiver.writable` will be called
    resting_place: RestingPlace | None  #: who watches in the loop's place after `receive_first`

    def __init__(self, read_chunk_size: int) -> None:
        io_loop = IOLoop.current()
        self.io_loop = io_loop
        self.error = None
        self.high_water = DEFAULT_HIGH_WATER
        self.resting_place = None
        self._loop = io_loop.asyncio_loop
        self._turn = turn = io_loop.turn
        most = len(turn.buffer)
        self._chunk = read_chunk_size if read_chunk_size < most else most
        self._receiver: StreamReceiver | None = None
        self._reading = NOT_READING
        self._paused = self._eof = self._opening = False
        self._closed = self._closing = False
        self._close_watchers: tuple[Callable[[], object], ...] = ()
        self._out: list[Buffer] | None = None
        self._total_write_index = self._sent = self._received = 0
        self._blocked = self._dirty = self._writer_on = False
        self._waiting = False  # somebody wants to know when the queue is empty: _drained() has something to do
        self._over = False  # the queue exceeded high_water since it was last empty
        self._write_waiters: list[tuple[int, asyncio.Future[None]]] | None = None

    # -- what a kind of descriptor has to say ------------------------------------------------------

    def fileno(self) -> int:
        """The file descriptor."""
        raise NotImplementedError

    def close_fd(self) -> None:
        """Close the descriptor; called once."""
        raise NotImplementedError

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read once into ``buf``: the number of bytes, 0 at the end of the stream, None if there is nothing now."""
        raise NotImplementedError

    def write_to_fd(self, data: memoryview) -> int:
        """Write once: the number of bytes that the kernel took; BlockingIOError if it takes none now."""
        raise NotImplementedError

    def get_fd_error(self) -> BaseException | None:
        """The error that is pending on the descriptor, if the system can tell."""
        return None

    # -- reading: push -----------------------------------------------------------------------------

    def set_receiver(self, receiver: StreamReceiver | None) -> None:
        """Hand everything that arrives to ``receiver``, beginning inside this call with what is buffered already.

        ``None`` goes back to the ``read_*`` methods; what arrives then waits in the kernel.  The new receiver starts
        unpaused.  AssertionError while a read is waiting.  On a stream that is closed, ``connection_lost`` follows.
        """
        self._paused = False
        if receiver is None:
            self._receiver = None
            self._listen(NOT_READING)
            return
        data = self._take_unread()
        self._receiver = receiver
        if data:
            receiver.data_received(data)
            if self._receiver is not receiver:
                return  # it has passed the stream on; the new owner's call did the rest
        if self._closed:
            self._loop.call_soon(self._lose_receiver)
        elif self._eof:
            self._loop.call_soon(self._push_eof)
        elif not (self._paused or self._opening):
            self._listen(PUSHING)

    def receive_first(self, receiver: StreamReceiver) -> bool:
        """`set_receiver` on a new connection whose peer may have spoken already: what has arrived is handed on at once.

        Who serves connections that wait to be accepted finds the first request there more often than not.  Returns
        whether something had arrived, or the end had.  The loop hears of the descriptor only if the stream goes on: one
        question, one answer, and it never did; with a `resting_place`, only when the peer speaks again.  Here, for any
        descriptor, it is `set_receiver` and false.
        """
        self.set_receiver(receiver)
        return False

    def pause_receiving(self) -> None:
        """Leave what arrives in the kernel, so that the peer is slowed down; for receivers."""
        self._paused = True
        if self._reading:
            self._listen(NOT_READING)

    def resume_receiving(self) -> None:
        """End `pause_receiving`; nothing happens if the stream is not paused."""
        if self._paused:
            self._paused = False
            if self._receiver is not None and not (self._closed or self._eof or self._opening):
                self._listen(PUSHING)

    def receive_paused(self) -> None:
        """Read once, although receiving is paused, and hand on what has arrived; for receivers that choose the time."""
        if self._receiver is not None and not (self._closed or self._eof or self._opening):
            self._push_readable()

    def _take_unread(self) -> bytes:
        """What pull has buffered."""
        raise NotImplementedError

    def _listen(self, reading: int) -> None:
        """Register the descriptor for ``reading``; nothing happens where it already is."""
        if self._reading != reading:
            if self._reading == RESTING:
                self._leave_resting_place()
                if reading == NOT_READING:
                    return
            self._reading = reading
            if reading == NOT_READING:
                self.io_loop.selector_loop.remove_reader(self.fileno())
            elif self.io_loop.tells_once and self.resting_place is None:
                self.io_loop.selector_loop.add_reader(self.fileno(), self._read_to_the_last, reading)
            else:
                readable = self._push_readable if reading == PUSHING else self._pull_readable
                self.io_loop.selector_loop.add_reader(self.fileno(), readable)

    def _leave_resting_place(self) -> None:
        self._reading = NOT_READING
        self.resting_place.leave(self)  # type: ignore[union-attr]

    @property
    def resting(self) -> bool:
        """Whether `resting_place` watches the descriptor."""
        return self._reading == RESTING

    def wake(self) -> None:
        """The `resting_place` has seen the descriptor become readable: from now on the loop watches it."""
        self._listen(PUSHING)
        self._push_readable()

    def _read_to_the_last(self, reading: int) -> None:
        """The descriptor is readable, on a loop that tells of a reset once: if data came with it, that is now.

        After a short read another one sees it; bulk is watched anew, and then it is told anew.  This is not for the
        connections of a server that has a `resting_place`: an answer to who has left fails, and deadlines end what has
        none.
        """
        readable = self._push_readable if reading == PUSHING else self._pull_readable
        before = self._received
        readable()
        if self._reading == reading and self._received - before < self._chunk:
            before = self._received
            readable()
        if self._reading == reading and self._received != before:
            self._listen(NOT_READING)
            self._listen(reading)

    def _push_readable(self) -> None:
        """The descriptor is readable and there is a receiver; the form for any descriptor."""
        for _ in range(READS_IN_A_ROW):
            data = self._read_chunk()
            if not data:
                if data is not None:
                    self._push_eof()
                return
            self._deliver(data)
            if len(data) < self._chunk or self._reading != PUSHING:
                return

    def _read_chunk(self) -> bytes | None:
        """What `read_from_fd` has, ``b""`` at the end; None if there is nothing now, or that failed and closed this."""
        view = self._turn.view[: self._chunk]
        try:
            count = self.read_from_fd(view)
        except Exception as error:
            self._read_failed(error)
            return None
        if count is None:
            return None
        self._received += count
        return bytes(view[:count])

    def _pull_readable(self) -> None:
        raise NotImplementedError

    def _read_failed(self, error: Exception) -> None:
        """Close because of ``error``; a connection that was reset is everyday life, all else is worth a line."""
        if not isinstance(error, BROKEN_CONNECTION):
            gen_log.warning("error on read: %s", error)
        self.close(error)

    def _deliver(self, data: bytes) -> None:
        receiver = self._receiver
        if receiver is not None:
            try:
                receiver.data_received(data)
            except Exception as error:
                self._receiver_failed(error)

    def _push_eof(self) -> None:
        """The peer closed its side: ask the receiver whether ours stays open."""
        receiver = self._receiver
        if self._closed or receiver is None:
            return
        self._eof = True
        self._listen(NOT_READING)  # an end of file stays readable for ever
        try:
            stays_open = receiver.eof_received()
        except Exception as error:
            self._receiver_failed(error)
            return
        if not stays_open:
            self.close_after_flush()

    def _receiver_failed(self, error: BaseException) -> None:
        app_log.error("%r failed on %r, which is closed", self._receiver, self, exc_info=error)
        self.close(error)

    # -- writing -----------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Bytes that are queued and not yet in the kernel."""
        return self._total_write_index - self._sent

    @property
    def written(self) -> int:
        """Bytes that were ever queued or sent: before encryption, where there is one."""
        return self._total_write_index

    @property
    def _write_buffer(self) -> list[Buffer] | None:
        """The queue of buffers, None when closed.

        Who appends to it directly also adds to ``_total_write_index`` and then calls ``write(b"")``: `distributed` does
        so.
        """
        if self._out is None and not self._closed:
            self._out = []
        return self._out

    def send(self, data: Buffer) -> None:
        """Queue ``data`` for the one flush at the end of this turn; StreamClosedError if the stream is closed.

        The buffer is not copied: leave it unchanged until `flushed`.  `pending` says how much waits.
        """
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        if type(data) is not bytes:
            data = octets(data)
        out = self._out
        if out is None:
            self._out = [data]
        else:
            out.append(data)
        self._total_write_index += len(data)
        if not self._dirty:
            self._dirty = True
            add = self._turn.add  # an attribute and not a method: called in one go, Python 3.11 looks for it at length
            add(self)

    def send_now(self, data: Buffer) -> bool:
        """`send`, and flush within this call; true if all that was queued is in the kernel.

        For one message to many streams: `send` would keep a list for each until the turn ends. Each call is a system
        call, where several of `send` share one.
        """
        self.send(data)
        self.flush_pending()
        return self._sent == self._total_write_index

    def send_many(self, buffers: Iterable[Buffer]) -> None:
        """`send` several buffers at once; they leave together in one ``sendmsg``."""
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        added = [data if type(data) is bytes else octets(data) for data in buffers]
        out = self._out
        if out is None:
            self._out = added
        else:
            out += added
        for data in added:
            self._total_write_index += len(data)
        if not self._dirty:
            self._dirty = True
            self._turn.add(self)

    def flushed(self) -> asyncio.Future[None]:
        """Done when all that is queued now is in the kernel; fails with StreamClosedError if the stream closes
        before."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self._sent == self._total_write_index and not self._closed:
            future.set_result(None)
        else:
            self._wait_for_write(future)
        return future

    def close_after_flush(self, instead: Callable[[], object] | None = None) -> None:
        """Close as soon as all queued output is in the kernel, or cannot get there.

        With *instead* the receiver has done its work: it is not called any more, and *instead* is called from inside
        the close in place of its ``connection_lost`` (on a closed stream: at once).  What arrives is left in the
        kernel, which makes the close a reset: for peers that have no more to say.
        """
        if instead is not None:
            self._receiver = None
            if self._reading:
                self._listen(NOT_READING)
            if self._closed:
                instead()
            else:
                self._close_watchers += (instead,)
        if not self._closed:
            if self._sent == self._total_write_index:
                self.close()
            else:
                self._closing = self._waiting = True

    def flush_pending(self) -> bool | None:
        """Hand what is queued to the kernel; the loop's turn calls it.  The form for any descriptor.

        False if nothing was scheduled with the loop (see ``waterspout.ioloop``'s ``Flushable``).
        """
        if self._blocked:
            return False
        self._dirty = False
        out = self._out
        if out is None:
            return False
        try:
            sent = self._write_some(out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.close(error)
            return None
        return self._account(sent)

    def _account(self, sent: int) -> bool | None:
        """The kernel took the first ``sent`` bytes of the queue; go on, wait for room, or tell that all is out."""
        high_water = self.high_water
        while True:
            if self._total_write_index - self._sent > high_water:
                self._over = self._waiting = True
            self._sent += sent
            if self._sent == self._total_write_index:
                self._out = None
                if not self._waiting:
                    return False
                self._drained()
                return None
            out = self._out
            assert out is not None
            whole = _drop(out, sent)
            if self._write_waiters:
                self._settle_writes()
            if not (whole and sent):
                break
            # All that was offered went out, and there is more than one call can take.
            try:
                sent = self._write_some(out)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self.close(error)
                return None
        self._blocked = self._dirty = self._waiting = True
        if not self._writer_on:
            self._writer_on = True
            self.io_loop.selector_loop.add_writer(self.fileno(), self._on_writable)
        return None

    def _write_some(self, out: list[Buffer]) -> int:
        """Offer the head of the queue to the kernel."""
        return self.write_to_fd(memoryview(out[0])) if out else 0

    def _on_writable(self) -> None:
        self._blocked = False
        self.flush_pending()

    def _drained(self) -> None:
        """The queue is empty, and somebody wanted to know."""
        self._waiting = False
        if self._writer_on:
            self._writer_on = False
            self.io_loop.selector_loop.remove_writer(self.fileno())
        if self._write_waiters:
            self._settle_writes()
        if self._closing:
            self.close()
        elif self._over:
            self._over = False
            if self._receiver is not None:
                try:
                    self._receiver.writable()
                except Exception as error:
                    self._receiver_failed(error)

    def _wait_for_write(self, future: asyncio.Future[None]) -> None:
        """Settle ``future`` when the output queued so far is in the kernel."""
        if self._closed:
            self._fail(future)
            return
        self._waiting = True
        if self._write_waiters is None:
            self._write_waiters = []
        self._write_waiters.append((self._total_write_index, future))

    def _settle_writes(self) -> None:
        waiters, sent = self._write_waiters or [], self._sent
        settled = 0
        for index, future in waiters:
            if index > sent:
                break
            settled += 1
            if not future.done():
                future.set_result(None)
        if settled == len(waiters):
            self._write_waiters = None
        else:
            del waiters[:settled]

    def _fail(self, future: asyncio.Future[Any]) -> None:
        """End ``future`` with StreamClosedError; nobody has to look at it."""
        if not future.done():
            future.set_exception(StreamClosedError(real_error=self.error))
            future.exception()

    def _hold_output(self) -> None:
        """Let all output wait until `_release_output`."""
        self._blocked = self._dirty = True

    def _release_output(self) -> None:
        self._blocked = False
        if self._sent == self._total_write_index and self._out is None:
            self._dirty = False
            if self._waiting:
                self._drained()
        else:
            self._dirty = True
            self._turn.add(self)

    def statistics(self) -> dict[str, int]:
        """Bytes ``received`` and ``sent`` so far, ``pending`` for the kernel."""
        return {"received": self._received, "sent": self._sent, "pending": self.pending}

    # -- closing -----------------------------------------------------------------------------------

    def closed(self) -> bool:
        """Whether the stream is closed."""
        return self._closed

    def close(
        self,
        exc_info: bool
        | BaseException
        | tuple[type[BaseException] | None, BaseException | None, TracebackType | None] = False,
    ) -> None:
        """Close at once; output that is still queued is lost.  Nothing happens on a closed stream.

        ``exc_info`` becomes `error`: an exception, ``sys.exc_info()``'s triple, or true for the exception being
        handled. Waiting reads and writes fail with `StreamClosedError`; the receiver's ``connection_lost`` and the
        close callback are called by the loop later.
        """
        if self._closed:
            return
        if exc_info:
            if isinstance(exc_info, BaseException):
                self.error = exc_info
            else:
                self.error = (sys.exc_info() if exc_info is True else exc_info)[1]  # type: ignore[index]
        self._before_close()
        self._forget_fd()
        try:
            self.close_fd()
        except OSError as error:
            # The descriptor is gone, whether it was closed by somebody else or has only now told of an error.
            if self.error is None:
                self.error = error
        finally:
            self._after_close()

    def watch_close(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when this stream gives its descriptor up, whoever closes or detaches it.

        For those who keep account of connections: it is independent of the receiver and of ``set_close_callback``,
        stays when the stream changes hands, moves along with ``start_tls``, and is called from inside ``close``.  On a
        closed stream it is called at once.  An exception is logged.
        """
        if self._closed:
            callback()
        else:
            self._close_watchers += (callback,)

    def _before_close(self) -> None:
        """For what must be done while the descriptor is still there."""

    def _forget_fd(self) -> None:
        """Leave the loop, and drop what is queued."""
        self._closed = True
        self._out = None
        self._blocked = self._dirty = True
        if self._reading or self._writer_on:
            self._leave_watch()
        watchers, self._close_watchers = self._close_watchers, ()
        for callback in watchers:
            try:
                callback()
            except Exception:
                app_log.error("Exception in %r", callback, exc_info=True)

    def _leave_watch(self) -> None:
        if self._reading == RESTING:
            self._leave_resting_place()
        if not self._loop.is_closed():
            if self._reading:
                self._listen(NOT_READING)
            if self._writer_on:
                self.io_loop.selector_loop.remove_writer(self.fileno())
        self._reading = NOT_READING
        self._writer_on = False

    def _after_close(self) -> None:
        """Tell everybody who waits."""
        waiters, self._write_waiters = self._write_waiters, None
        for _, future in waiters or ():
            self._fail(future)
        if self._receiver is not None:
            self._call_later(self._lose_receiver)

    def _call_later(self, callback: Callable[[], None]) -> None:
        if self._loop.is_closed():
            callback()
        else:
            self._loop.call_soon(callback)

    def _lose_receiver(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(self.error)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"fd={self.fileno()}"
        return f"<{type(self).__name__} {state} at {id(self):#x}>"


def _drop(out: list[Buffer], sent: int) -> bool:
    """Take ``sent`` bytes from the head of the queue; true if no buffer was cut."""
    done = 0
    for data in out:
        size = len(data)
        if sent < size:
            break
        sent -= size
        done += 1
    del out[:done]
    if sent:
        out[0] = memoryview(out[0])[sent:]
    return not sent
