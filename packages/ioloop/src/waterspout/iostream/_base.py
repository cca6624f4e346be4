"""BaseIOStream: Tornado's way of reading and writing (*pull*) on any descriptor.

Theory of operation.  What arrived and was not asked for yet is ``_head[_pos:]`` followed by the pieces in ``_tail``,
``_unread`` bytes together.  In the common case, one piece that is consumed front to back, a read is one slice of a
bytes object.  Pieces are joined once, when a read is satisfied by several.  While a read looks for a delimiter,
``_head`` is a bytearray that grows in place.

There is at most one waiting read: ``_read_future`` with its ``_kind``, what it wants in ``_want`` and its ``_limit``.
With none waiting nothing is read from the descriptor: data waits in the kernel, which is what slows the peer down, and
what lets `start_tls` and `detach` find the descriptor as the peer left it.
"""

from __future__ import annotations

import re
from asyncio import Future
from typing import TYPE_CHECKING, Any, Final

from waterspout.iostream._core import (
    BROKEN_CONNECTION,
    NOT_READING,
    PULLING,
    READS_IN_A_ROW,
    Buffer,
    StreamCore,
    octets,
)
from waterspout.iostream._errors import StreamBufferFullError, StreamClosedError, UnsatisfiableReadError
from waterspout.iostream._pending import PendingRead
from waterspout.log import gen_log

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

#: 100 MiB, Tornado's default: what one read may make the stream keep.
DEFAULT_MAX_BUFFER_SIZE: Final = 100 * 1024 * 1024
DEFAULT_READ_CHUNK_SIZE: Final = 64 * 1024

# The kinds of reads.
EXACTLY: Final = 0  # _want bytes
SOME: Final = 1  # up to _want bytes
UNTIL: Final = 2  # to the end of the delimiter _want
MATCH: Final = 3  # to the end of a match of the regular expression _want
ALL: Final = 4  # to the end of the stream
INTO: Final = 5  # fill the memoryview _want, of which _scanned bytes are filled; _limit of them are enough


class BaseIOStream(StreamCore):
    """Reads and writes a non-blocking descriptor: the base of `IOStream` and `PipeIOStream`.

    ``max_buffer_size`` bounds what one read may make the stream keep (default 100 MiB), ``max_write_buffer_size`` what
    may be queued for writing (default: no bound), ``read_chunk_size`` how much is read at once (64 KiB, which is also
    the most).

    The ``read_*`` methods return a Future: done at once where the data is there, else the stream's one waiting read.
    They raise StreamClosedError if the stream is closed and what it has left does not satisfy them, AssertionError
    while another read waits.  Cancelling a waiting read takes nothing from the stream.

    A subclass for another kind of descriptor defines `fileno`, `close_fd`, `read_from_fd`, `write_to_fd` and, if it
    can, `get_fd_error`.
    """

    __module__ = "waterspout.iostream"

    __slots__ = (
        "_close_callback",
        "_head",
        "_kind",
        "_limit",
        "_pos",
        "_read_future",
        "_scanned",
        "_tail",
        "_unread",
        "_want",
        "max_buffer_size",
        "max_write_buffer_size",
        "read_chunk_size",
    )

    max_buffer_size: int
    max_write_buffer_size: int | None
    read_chunk_size: int

    def __init__(
        self,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        max_write_buffer_size: int | None = None,
    ) -> None:
        if max_buffer_size or read_chunk_size:
            self.max_buffer_size = max_buffer_size = max_buffer_size or DEFAULT_MAX_BUFFER_SIZE
            # A chunk is at most half the buffer, so that a read cannot fail with the buffer nearly empty.
            read_chunk_size = max(1, min(read_chunk_size or DEFAULT_READ_CHUNK_SIZE, max_buffer_size // 2))
        else:
            self.max_buffer_size = DEFAULT_MAX_BUFFER_SIZE
            read_chunk_size = DEFAULT_READ_CHUNK_SIZE
        self.read_chunk_size = read_chunk_size
        self.max_write_buffer_size = max_write_buffer_size
        StreamCore.__init__(self, read_chunk_size)  # super() takes longer than the call itself on Python 3.11
        self._head: bytes | bytearray = b""
        self._pos = self._unread = self._kind = self._scanned = 0
        self._tail: list[bytes] | None = None
        self._read_future: PendingRead | None = None
        self._want: Any = None
        self._limit: int | None = None
        self._close_callback: Callable[[], object] | None = None

    # -- reading -----------------------------------------------------------------------------------

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> asyncio.Future[bytes]:
        """Read up to and including ``delimiter``.

        If it does not end within ``max_bytes``, the stream is closed with an `UnsatisfiableReadError`.
        """
        if self._reading == PULLING and self._read_future is None and not self._unread:
            self._read_future = future = PendingRead(loop=self._loop)  # the way of a dialogue, without helpers
            future.stream = self
            future.wake = None
            self._kind = UNTIL
            self._want = delimiter
            self._limit = max_bytes
            return future
        return self._read(UNTIL, delimiter, max_bytes)

    def read_until_regex(self, regex: bytes | re.Pattern[bytes], max_bytes: int | None = None) -> asyncio.Future[bytes]:
        """Read up to and including the first match of ``regex``; ``max_bytes`` as in `read_until`."""
        return self._read(MATCH, re.compile(regex), max_bytes)

    def read_bytes(self, num_bytes: int, partial: bool = False) -> asyncio.Future[bytes]:
        """Read ``num_bytes`` bytes; with ``partial`` at least one and at most so many, as soon as there are any."""
        unread = self._unread
        if 0 <= num_bytes < unread and self._read_future is None:
            pos = self._pos
            data: Any = self._head[pos : pos + num_bytes]  # bytes: it is a bytearray only while a read waits
            if len(data) == num_bytes:  # a frame of several that came together, without helpers
                self._pos = pos + num_bytes
                self._unread = unread - num_bytes
                future: asyncio.Future[bytes] = Future(loop=self._loop)
                future.set_result(data)
                return future
        elif num_bytes > unread and not (unread and partial) and self._reading == PULLING and self._read_future is None:
            self._want = num_bytes.__index__()
            self._read_future = waiting = PendingRead(loop=self._loop)  # as in `read_until`
            waiting.stream = self
            waiting.wake = None
            self._kind = SOME if partial else EXACTLY
            self._limit = None
            return waiting
        if num_bytes < 0:
            raise ValueError(f"cannot read {num_bytes} bytes")
        return self._read(SOME if partial and num_bytes else EXACTLY, num_bytes.__index__())

    def read_into(self, buf: bytearray | memoryview, partial: bool = False) -> asyncio.Future[int]:
        """Fill ``buf`` (with ``partial``: at least one byte of it); the result is the number of bytes.

        ``buf`` belongs to the stream until the read is done.  `max_buffer_size` does not limit it.  TypeError if it
        cannot be written to.
        """
        view = memoryview(buf).cast("B")
        if view.readonly:
            raise TypeError(f"cannot read into {type(buf).__name__}, which is read-only: give a bytearray")
        if self._read_future is not None or self._receiver is not None:
            self._refuse_read()
        filled = min(self._unread, len(view))
        if filled:
            view[:filled] = self._take(filled)
        enough = min(1, len(view)) if partial else len(view)
        if filled >= enough:
            view.release()
            return self._done(filled)
        if self._closed:
            self._put_back(bytes(view[:filled]))
            view.release()
            raise StreamClosedError(real_error=self.error)
        self._scanned = filled
        return self._wait_for_data(INTO, view, enough)

    def read_until_close(self) -> asyncio.Future[bytes]:
        """Read everything until the peer closes.

        StreamClosedError if the stream ends by an error instead: an overfull buffer, a TLS connection that was cut off.
        A plain connection that is reset counts as closed, as some systems report every close so.
        """
        if self._closed:
            if self._read_future is not None or self._receiver is not None:
                self._refuse_read()
            if not self._ended_in_order():
                raise StreamClosedError(real_error=self.error)
            return self._done(self._take(self._unread))
        return self._read(ALL, None)

    def _ended_in_order(self) -> bool:
        return self.error is None or isinstance(self.error, BROKEN_CONNECTION)

    def reading(self) -> bool:
        """Whether a read is waiting for data."""
        return self._read_future is not None and not self._read_future.done()

    def _read(self, kind: int, want: Any, limit: int | None = None) -> asyncio.Future[Any]:
        """One read: from what is buffered if that suffices, else wait."""
        if self._read_future is not None or self._receiver is not None:
            self._refuse_read()
        if self._unread or kind == EXACTLY:
            self._scanned = 0
            try:
                size = self._find(kind, want, limit)
            except UnsatisfiableReadError as error:
                self._unsatisfiable(error)
                failed: asyncio.Future[Any] = self._loop.create_future()
                self._fail(failed)
                return failed
            if size >= 0:
                return self._done(self._take(size))
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        return self._wait_for_data(kind, want, limit)

    def _done(self, result: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = Future(loop=self._loop)
        future.set_result(result)
        return future

    def _wait_for_data(self, kind: int, want: Any, limit: int | None) -> PendingRead:
        future = PendingRead(loop=self._loop)
        future.stream = self
        future.wake = None
        self._kind = kind
        self._want = want
        self._limit = limit
        self._read_future = future
        if self._reading != PULLING and not self._opening:
            try:
                self._listen(PULLING)
            except OSError as error:  # the descriptor is none any more
                self._drop_read()
                self.close(error)
                raise
        return future

    def _refuse_read(self) -> None:
        """A read begins while ``_read_future`` is there, or a receiver."""
        if self._receiver is not None:
            raise AssertionError("the stream has a receiver: what arrives goes there, not to read_*()")
        assert self._read_future is not None
        if not self._read_future.done():
            raise AssertionError("Already reading: a stream can have one waiting read, await it or cancel it first")
        self._drop_read()

    def _drop_read(self) -> None:
        """Forget a waiting read that was cancelled; what it took goes back."""
        self._read_future = None
        want, self._want = self._want, None
        if isinstance(self._head, bytearray):
            self._head = bytes(self._head)
        if self._kind == INTO:
            self._put_back(bytes(want[: self._scanned]))
            want.release()  # so that its owner may resize the buffer

    def _read_cancelled(self, read: PendingRead) -> None:
        if self._read_future is read:
            self._drop_read()

    # -- what is buffered ----------------------------------------------------------------------------

    def _find(self, kind: int, want: Any, limit: int | None) -> int:
        """How many of the unread bytes satisfy such a read; -1 if it has to wait; UnsatisfiableReadError."""
        unread = self._unread
        if kind == EXACTLY:
            needed: int = want
            return needed if unread >= needed else -1
        if kind == SOME:
            most: int = want
            return min(unread, most)
        if kind == ALL:
            return -1
        if self._tail:
            self._join()
        if kind == UNTIL:
            found = self._head.find(want, self._pos + max(0, self._scanned - len(want) + 1))
            size = found + len(want) - self._pos if found >= 0 else -1
            self._scanned = unread
        else:
            # ^ and lookbehind must not see what was read before; to copy the rest for each of many lines takes longer.
            match = want.search(memoryview(self._head)[self._pos :] if self._pos else self._head)
            size = match.end() if match is not None else -1
        if limit is not None and (size > limit or (size < 0 and unread >= limit)):
            raise UnsatisfiableReadError(
                f"{'delimiter' if kind == UNTIL else 'pattern'} {want!r} not found within {limit} bytes"
            )
        return size

    def _store(self, data: bytes) -> None:
        """Keep what arrived for a waiting read that it does not satisfy alone."""
        if not self._unread:
            self._head = data
            self._pos = 0
        elif self._kind in (UNTIL, MATCH) and self._read_future is not None:
            head = self._head
            if not isinstance(head, bytearray):
                head = bytearray(memoryview(head)[self._pos :])
                for piece in self._tail or ():
                    head += piece
                self._tail = None
                self._head = head
                self._pos = 0
            head += data
        elif self._tail is None:
            self._tail = [data]
        else:
            self._tail.append(data)
        self._unread += len(data)

    def _keep(self, pieces: list[bytes], size: int) -> None:
        """`_store` for several pieces, ``size`` bytes together, of a read that wants more than that, or none waits."""
        if not self._unread:
            self._head = pieces[0]
            self._pos = 0
            pieces = pieces[1:]
        if self._tail is None:
            self._tail = pieces or None
        else:
            self._tail += pieces
        self._unread += size

    def _join(self) -> None:
        self._head = b"".join((memoryview(self._head)[self._pos :], *(self._tail or ())))
        self._pos = 0
        self._tail = None

    def _take(self, size: int) -> bytes:
        """Remove and return the first ``size`` unread bytes."""
        end = self._pos + size
        if end > len(self._head):
            return self._gather(size)
        head, pos = self._head, self._pos
        self._unread -= size
        if isinstance(head, bytearray):
            with memoryview(head) as view:
                self._head = bytes(view[end:])
                self._pos = 0
                return bytes(view[pos:end])
        if self._unread:
            self._pos = end
        else:
            self._head = b""
            self._pos = 0
        return head if not pos and end == len(head) else head[pos:end]

    def _gather(self, size: int) -> bytes:
        """`_take` of more than the first piece holds: the pieces are joined as far as that reaches."""
        tail = self._tail
        assert tail is not None
        pieces: list[Buffer] = [memoryview(self._head)[self._pos :] if self._pos else self._head]
        if size == self._unread:  # all there is
            pieces += tail
            self._head = b""
            self._tail = None
            self._pos = self._unread = 0
            return b"".join(pieces)
        missing = size - len(pieces[0])
        index = 0
        for piece in tail:
            if len(piece) > missing:
                break
            pieces.append(piece)
            missing -= len(piece)
            index += 1
        self._unread -= size
        if missing:
            pieces.append(memoryview(tail[index])[:missing])
        self._pos = missing
        self._head = tail[index] if index < len(tail) else b""
        self._tail = tail[index + 1 :] or None
        return b"".join(pieces)

    def unread(self, data: bytes) -> None:
        """Make ``data`` the next bytes to be read: for a protocol that has read further than it needed."""
        self._put_back(data)

    def _put_back(self, data: bytes) -> None:
        """Make ``data`` the next bytes to be read."""
        if data:
            self._head = data + self._head[self._pos :]
            self._pos = 0
            self._unread += len(data)

    def _take_unread(self) -> bytes:
        if self._read_future is not None:
            self._refuse_read()
        return self._take(self._unread) if self._unread else b""

    # -- what arrives --------------------------------------------------------------------------------

    def _pull_readable(self) -> None:
        """The descriptor is readable and there is no receiver; the form for any descriptor."""
        future = self._read_future
        if future is None or future.done():
            self._nobody_reads()
            return
        for _ in range(READS_IN_A_ROW):
            data = self._read_chunk()
            if not data:
                if data is not None:
                    self.close()
                return
            self._arrived(data)
            if len(data) < self._chunk or self._read_future is not future:
                return

    def _arrived(self, data: bytes) -> None:
        """Give ``data`` to the waiting read, if it is satisfied now."""
        future = self._read_future
        assert future is not None
        kind = self._kind
        if kind == INTO:
            view, filled = self._want, self._scanned
            room = len(view) - filled
            if len(data) > room:
                self._store(data[room:])
                data = data[:room]
            self._scanned = filled = filled + len(data)
            view[filled - len(data) : filled] = data
            if filled >= (self._limit or 0):
                self._read_future = self._want = None
                view.release()
                future.deliver(filled)
            return
        if not self._unread:
            self._scanned = 0
        self._store(data)
        try:
            size = self._find(kind, self._want, self._limit)
        except UnsatisfiableReadError as error:
            self._unsatisfiable(error)
            return
        if size >= 0:
            self._read_future = self._want = None
            future.deliver(self._take(size))
        elif self._unread > self.max_buffer_size:
            self._overfull()

    def _overfull(self) -> None:
        gen_log.error("Reached maximum read buffer size: %d bytes on %r", self.max_buffer_size, self)
        self._read_failed(StreamBufferFullError(f"Reached maximum read buffer size of {self.max_buffer_size} bytes"))

    def _unsatisfiable(self, error: UnsatisfiableReadError) -> None:
        gen_log.info("Unsatisfiable read, closing connection: %s", error)
        self.close(error)

    def _nobody_reads(self) -> None:
        """Readable, and no read waits: look only whether the peer is gone, if that interests anybody."""
        if self._read_future is not None:
            self._drop_read()
        if self._close_callback is None or self._unread or not self._watch_for_close():
            self._listen(NOT_READING)

    def _watch_for_close(self) -> bool:
        """Close if the peer did; false if data stands before the end, so that it cannot be seen."""
        data = self._read_chunk()
        if data:
            self._store(data)
        elif data is not None:
            self.close()
        return True

    # -- writing -----------------------------------------------------------------------------------

    def write(self, data: Buffer) -> asyncio.Future[None]:
        """Write ``data``; the Future is done when it is in the kernel.

        What the kernel takes at once is sent at once, the rest is queued without copying: leave a bytearray alone until
        the Future is done.  StreamClosedError if the stream is closed, StreamBufferFullError (and nothing is queued) if
        more than `max_write_buffer_size` bytes would wait.
        """
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        if type(data) is not bytes:
            data = octets(data)
        size = len(data)
        if size:
            limit = self.max_write_buffer_size
            if limit is not None and self.pending + size > limit:
                raise StreamBufferFullError(
                    f"Reached maximum write buffer size of {limit} bytes: "
                    f"{self.pending} are queued, {size} more are refused"
                )
            out = self._out
            if out is None:
                self._out = [data]
            else:
                out.append(data)
            self._total_write_index += size
        if not self._blocked:
            self.flush_pending()
        future: asyncio.Future[None] = Future(loop=self._loop)
        if self._sent == self._total_write_index and not self._closed:
            future.set_result(None)
        else:
            self._wait_for_write(future)
        return future

    def writing(self) -> bool:
        """Whether output waits for the kernel; on a closed stream none does."""
        return self.pending > 0 and not self._closed

    def set_nodelay(self, value: bool) -> None:
        """Send small writes at once instead of collecting them (TCP_NODELAY), where the descriptor knows that."""

    # -- closing -----------------------------------------------------------------------------------

    def set_close_callback(self, callback: Callable[[], object] | None) -> None:
        """Have ``callback`` called by the loop when the stream is closed, whoever closes it; None takes it back.

        At once (in the next turn) if it is closed already.  While nothing is read, a peer that closes is only noticed
        if no data stands before the end.
        """
        self._close_callback = callback
        if callback is None:
            return
        if self._closed:
            self._run_close_callback()
        elif not (self._reading or self._opening or self._unread or self._receiver is not None):
            self._listen(PULLING)

    def _before_close(self) -> None:
        future = self._read_future
        if future is not None and not future.done() and self._kind == ALL and self._ended_in_order():
            self._read_future = None
            future.set_result(self._take(self._unread))

    def _after_close(self) -> None:
        future = self._read_future
        if future is not None:
            self._drop_read()
            self._fail(future)
        super()._after_close()
        if self._close_callback is not None:
            self._run_close_callback()

    def _run_close_callback(self) -> None:
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            self.io_loop.add_callback(callback)

    # -- in Python's own words -----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait until all output has left, then close; close at once if an exception ends the block."""
        try:
            if exc_type is None and self.pending and not self._closed:
                await self.flushed()
        finally:
            self.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """`chunks` of any size."""
        return self.chunks()

    def chunks(self, size: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over what arrives, as it arrives, at most ``size`` bytes at once, until the peer closes.

        StreamClosedError if the stream ends by an error.
        """
        from waterspout.iostream._iteration import chunks  # a part of the start-up time for those who need it

        return chunks(self, size or self.read_chunk_size)

    def lines(self, delimiter: bytes = b"\n", max_bytes: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over lines, each with its delimiter; the last one may lack it.

        StreamClosedError if the stream ends by an error, which a line longer than ``max_bytes`` is.
        """
        from waterspout.iostream._iteration import lines

        return lines(self, delimiter, max_bytes)
