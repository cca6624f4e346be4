"""TCPServer: connections to a port become streams."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import convert_yielded
from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, SSLIOStream, StreamClosedError
from waterspout.log import app_log
from waterspout.netutil import add_accept_handler, bind_sockets
from waterspout.netutil._accept import accept_descriptors, socket_maker
from waterspout.tcpserver._arrivals import Arrivals
from waterspout.tcpserver._closing import HANDSHAKE_TIME, accept_waiting, refuse_new_handshakes
from waterspout.tcpserver._contexts import ServerContext
from waterspout.tcpserver._lobby import POSSIBLE, Lobby
from waterspout.tcpserver._server_names import ServerNames

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from waterspout.tcpserver._lobby import Maker, Waiting

_UNIX = getattr(socket, "AF_UNIX", None)

#: Connections that may wait to be accepted (see ``netutil.bind_sockets``).
DEFAULT_BACKLOG = 4096


class TCPServer:
    """A non-blocking server for connection-oriented sockets.  Subclass it and define `handle_stream`::

        class Echo(TCPServer):
            async def handle_stream(self, stream, address):
                async for chunk in stream:
                    await stream.write(chunk)

        async def main():
            async with Echo() as server:
                server.listen(8888)
                await asyncio.Event().wait()

    Or iterate over one, which needs no subclass; each stream is yours to close then::

        async with TCPServer() as server:
            server.listen(8888)
            async for stream, address in server:
                ...

    Three ways to begin: `listen` (one process); `bind` and `start` (forks); `add_sockets` with sockets made by
    ``netutil.bind_sockets`` (what the other two do).

    ``ssl_options`` (an ``ssl.SSLContext``, or a dict of ``ssl.wrap_socket``'s keywords with at least ``certfile``)
    makes it a TLS server: streams are `SSLIOStream` and their handshake goes on while `handle_stream` begins; the first
    read waits for it.  Files of a dict are looked at again, at most once a second: new connections get the changed
    certificate, others stay.  ``server_names`` gives certificates by the name that the client asks for: a mapping of
    ``"a.example"`` or ``"*.example.org"`` to a dict with ``certfile`` and ``keyfile``, or an ``ssl.SSLContext`` of
    which only the certificate counts, and, where clients show theirs, its authorities and revocation lists; all else is
    as ``ssl_options`` says, `verify_mode` and `verify_flags` too: a context that asks for more is a ValueError.  A dict
    takes over the authorities that ``ssl_options`` has in its files or its context, but not those of a ``capath``.
    Revocation lists cannot be copied: where ``ssl_options`` is a context that checks them, each name must be a context
    with lists of its own (ValueError).  A subclass may set ``may_log``: see `SSLIOStream`.

    ``max_buffer_size`` and ``read_chunk_size`` go to the streams.

    A subclass whose clients speak first may set ``first_byte_timeout``, before it accepts, and say by `may_wait` for
    how many connections: these are bare descriptors until something comes, and are closed if nothing does in so many
    seconds. `handle_stream` is called when there is something to read. (Linux; elsewhere as if it were not set.)
    """

    __module__ = "waterspout.tcpserver"

    ssl_options: dict[str, Any] | ssl.SSLContext | None
    max_buffer_size: int | None
    read_chunk_size: int | None
    first_byte_timeout: float | None  #: seconds; None: `handle_stream` is called at once
    may_log: Callable[[str], bool] | None
    #: Accepted connections whose clients have not spoken yet, by descriptor: to be counted, not to be changed.
    waiting: Waiting

    def __init__(
        self,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        server_names: Mapping[str, dict[str, Any] | ssl.SSLContext] | None = None,
    ) -> None:
        self.ssl_options = ssl_options
        self.max_buffer_size = max_buffer_size
        self.read_chunk_size = read_chunk_size
        self._sockets: dict[int, socket.socket] = {}
        self._removers: dict[int, Callable[[], None]] = {}
        self._bound: list[socket.socket] = []  # by bind(), waiting for start()
        self._started = self._stopped = False
        self._handling: set[asyncio.Future[Any]] = set()
        self._accepted = self._failed = 0
        self.may_log = None
        self._tls: ServerContext | None = None
        self._arrivals: Arrivals | None = None
        self.first_byte_timeout = None
        self.waiting = {}
        self._lobby: Lobby | None = None
        if server_names and ssl_options is None:
            raise ValueError("server_names needs ssl_options: the certificate for all other names")
        names = ServerNames(server_names, ssl_options) if server_names and ssl_options is not None else None
        if isinstance(ssl_options, dict):
            _check_files(ssl_options)
            self._tls = ServerContext(ssl_options, None if names is None else names.install)
            self._tls.get()  # what cannot be loaded is said now, not to the first client
        elif names is not None and ssl_options is not None:
            names.install(ssl_options)

    # -- beginning and ending ------------------------------------------------------------------------

    def listen(
        self,
        port: int,
        address: str | None = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = DEFAULT_BACKLOG,
        flags: int | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Begin to accept connections on ``port`` (arguments as for ``netutil.bind_sockets``); may be called
        repeatedly."""
        self.add_sockets(bind_sockets(port, address, family, backlog, flags, reuse_port))

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Begin to accept connections on these listening sockets, which are made non-blocking, and closed by `stop`."""
        for sock in sockets:
            sock.setblocking(False)
            number = sock.fileno()
            self._sockets[number] = sock
            self._removers[number] = self._accept_on(sock)

    def add_socket(self, socket: socket.socket) -> None:
        """`add_sockets` with one."""
        self.add_sockets([socket])

    def bind(
        self,
        port: int,
        address: str | None = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = DEFAULT_BACKLOG,
        flags: int | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Bind ``port`` (arguments as for ``netutil.bind_sockets``) and accept from `start` on; may be called
        repeatedly."""
        sockets = bind_sockets(port, address, family, backlog, flags, reuse_port)
        if self._started:
            self.add_sockets(sockets)
        else:
            self._bound += sockets

    def start(self, num_processes: int | None = 1, max_restarts: int | None = None) -> None:
        """Accept on what `bind` bound, in this process, or in ``num_processes`` forked ones (``None`` or 0: one a
        core).

        With more than one, no event loop may exist yet, and no other process than the forked ones returns; a child that
        dies is started again, ``max_restarts`` times (default 100).  AssertionError if called twice.
        """
        assert not self._started, "the server was started before"
        self._started = True
        if num_processes != 1:
            from waterspout.process import fork_processes  # brings subprocess, and few servers fork

            fork_processes(num_processes, max_restarts)
        sockets, self._bound = self._bound, []
        self.add_sockets(sockets)

    def stop(self) -> None:
        """Accept no more and close the listening sockets.  Connections that are there go on."""
        if self._stopped:
            return
        self._stopped = True
        self._pause_accepting()
        for sock in self._sockets.values():
            sock.close()
        for sock in self._bound:
            sock.close()
        self._bound = []
        if self._arrivals is not None:
            self._arrivals.end()
        if self._lobby is not None:
            self._lobby.end_when_empty()

    def _pause_accepting(self) -> None:
        """Leave those who come in the kernel."""
        removers, self._removers = self._removers, {}
        for remove in removers.values():
            remove()

    def _resume_accepting(self) -> None:
        for number, sock in self._sockets.items():
            self._removers[number] = self._accept_on(sock)

    def _accept_on(self, sock: socket.socket) -> Callable[[], None]:
        patience = self.first_byte_timeout
        if patience is not None and POSSIBLE:
            io_loop = IOLoop.current()
            if self._lobby is None:
                self._lobby = Lobby(io_loop, self.serve_together, patience, self.waiting)
            come = partial(self._descriptors_came, socket_maker(sock), self._lobby)
            remove = accept_descriptors(sock, come, io_loop)
            if remove is not None:
                return remove
        return add_accept_handler(sock, self._handle_connection)

    async def stop_accepting(self, *, shared: bool = False) -> None:
        """`stop`, without losing a client that waits to be accepted: those are taken in first, which takes a tenth of
        a second where handshakes may be under way.

        *shared* says that other processes go on accepting on these sockets: what waits is left to them.
        """
        if not shared and not self._stopped:
            sockets = list(self._sockets.values())
            if sum(map(refuse_new_handshakes, sockets)) and any(s.family != _UNIX for s in sockets):
                await asyncio.sleep(HANDSHAKE_TIME)
            if not self._stopped:
                for sock in sockets:
                    accept_waiting(sock, self._handle_connection)
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """`stop`, cancel the `handle_stream` coroutines that still run, and wait until they have ended."""
        self.stop()
        self.close_waiting()
        if self._arrivals is not None:
            self._arrivals.close()
        handling = list(self._handling)
        for future in handling:
            future.cancel()
        if handling:
            await asyncio.wait(handling)

    def __aiter__(self) -> AsyncIterator[tuple[IOStream, Any]]:
        """New connections, as pairs of what `handle_stream` would get, until the server is stopped.

        They come to the iterator instead of `handle_stream` if that is not overridden; when 128 have been accepted and
        not taken, no more are accepted. Several may iterate: each connection goes to one of them.
        """
        if self._arrivals is None:
            self._arrivals = Arrivals(self._pause_accepting, self._resume_accepting)
            if self._stopped:
                self._arrivals.end()
        return self._arrivals

    # -- connections -----------------------------------------------------------------------------------

    def handle_stream(self, stream: IOStream, address: Any) -> Awaitable[None] | None:
        """Serve one connection; to be defined by subclasses, as a plain method or a coroutine.

        ``address`` is what ``socket.accept`` gave.  An exception is logged and closes ``stream``.
        """
        if self._arrivals is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define handle_stream(stream, address), or be iterated over"
            )
        self._arrivals.add(stream, address)
        return None

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        self._accepted += 1
        self.serve_connection(connection, address)

    def _descriptors_came(self, make: Maker, lobby: Lobby, arrivals: list[tuple[int, Any]]) -> None:
        self._accepted += len(arrivals)
        while arrivals:
            try:
                room = max(0, self.may_wait(len(arrivals)))
            except Exception:  # a subclass's own: what has been accepted is not lost for it
                app_log.error("Error in %r", self.may_wait, exc_info=True)
                room = 0
            taken_in = lobby.enter(arrivals[:room], make)
            arrivals = arrivals[taken_in:]
            if arrivals:  # for one there is no room; it may be that there is for the next
                fd, address = arrivals.pop(0)
                try:
                    self.serve_connection(make(fd), address)
                except Exception:
                    app_log.error("Error in connection callback", exc_info=True)

    def may_wait(self, count: int) -> int:
        """How many of *count* connections that have just been accepted may be kept as bare descriptors until their
        clients speak; the others are served at once.  None where it is 0 or less.

        Asked where ``first_byte_timeout`` is set.
        """
        return count

    def serve_together(self, arrivals: Iterable[tuple[socket.socket, Any]]) -> None:
        """`serve_connection` for several, of which each has waited for its client's first byte.

        For subclasses that do better step by step for all than all steps for each.
        """
        for connection, address in arrivals:
            try:
                self.serve_connection(connection, address)
            except Exception:
                app_log.error("Error in connection callback", exc_info=True)

    def serve_waiting(self) -> None:
        """Have `handle_stream` serve all that wait for their client's first byte."""
        if self._lobby is not None:
            self._lobby.serve_all()

    def close_waiting(self) -> None:
        """Close all that wait for their client's first byte."""
        if self._lobby is not None:
            self._lobby.close_all()

    def serve_connection(self, connection: socket.socket, address: Any) -> None:
        """Make a stream of a new connection and have `handle_stream` serve it.

        For subclasses that must look at the socket before a stream (and a TLS handshake) begins on it: they override
        this, and call it when they are done, with the ``address`` that `handle_stream` is to get.
        """
        stream: IOStream | None = None
        try:
            if self.ssl_options is None:
                stream = IOStream(connection, self.max_buffer_size, self.read_chunk_size)
                stream.resting_place = self._lobby
            else:
                stream = SSLIOStream(
                    connection,
                    ssl_options=self.ssl_options if self._tls is None else self._tls.get(),
                    server_side=True,
                    max_buffer_size=self.max_buffer_size,
                    read_chunk_size=self.read_chunk_size,
                    may_log=self.may_log,
                )
            result = self.handle_stream(stream, address)
            if result is None:
                return
            future = asyncio.ensure_future(convert_yielded(result))
        except Exception as error:
            app_log.error("Error in connection callback", exc_info=error)
            self._connection_failed(error, stream)
            if stream is None:
                connection.close()
            return
        self._handling.add(future)  # the loop itself refers to its tasks only weakly
        future.add_done_callback(lambda done: self._handled(done, stream))

    def _handled(self, future: asyncio.Future[Any], stream: IOStream) -> None:
        self._handling.discard(future)
        if future.cancelled():
            stream.close()
        else:
            error = future.exception()
            if isinstance(error, StreamClosedError) and stream.closed():
                return  # the client left while it was being served: no fault of anybody's
            if error is not None:
                app_log.error("Exception in callback %r", self.handle_stream, exc_info=error)
                self._connection_failed(error, stream)

    def _connection_failed(self, error: BaseException, stream: IOStream | None) -> None:
        self._failed += 1
        if stream is not None:
            stream.close(error)

    def statistics(self) -> dict[str, int]:
        """``listening`` sockets, connections ``accepted``, coroutines now ``handling`` one, connections ``failed``."""
        return {
            "listening": 0 if self._stopped else len(self._sockets),
            "accepted": self._accepted,
            "handling": len(self._handling),
            "failed": self._failed,
        }


def _check_files(ssl_options: dict[str, Any]) -> None:
    """Say at once what would otherwise fail at each connection."""
    if "certfile" not in ssl_options:
        raise KeyError('missing key "certfile" in ssl_options')
    for key in ("certfile", "keyfile"):
        path = ssl_options.get(key)
        if path is not None and not os.path.exists(path):
            raise ValueError(f'{key} "{path}" does not exist')
