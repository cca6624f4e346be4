"""Name resolution: the `Resolver` interface and what implements it.

An IP address is answered without asking anybody: no thread, no turn of the loop.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import dummy_executor
from waterspout.ioloop import IOLoop
from waterspout.netutil._addresses import literal_address
from waterspout.netutil._lookups import lookups_of
from waterspout.util import Configurable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from concurrent.futures import Executor

Addresses = list[tuple[int, Any]]


class Resolver(Configurable):
    """Finds the addresses of a host.

    ``Resolver()`` makes the configured implementation: `DefaultLoopResolver`, unless ``Resolver.configure`` says
    otherwise, with the class (or its dotted name) and its keywords:

    * ``waterspout.netutil.DefaultLoopResolver``: the system's, in threads for that alone
    * ``waterspout.netutil.DefaultExecutorResolver``: ``socket.getaddrinfo`` in the loop's default executor
    * ``waterspout.netutil.ThreadedResolver``: in threads of its own (``num_threads``)
    * ``waterspout.netutil.BlockingResolver``: at once, for tests and scripts
    * ``waterspout.netutil.OverrideResolver``: names of your own in front of another resolver
    * ``waterspout.platform.caresresolver.CaresResolver``: c-ares, with the package pycares
    """

    __module__ = "waterspout.netutil"

    @classmethod
    def configurable_base(cls) -> type[Resolver]:
        return Resolver

    @classmethod
    def configurable_default(cls) -> type[Resolver]:
        return DefaultLoopResolver

    def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Awaitable[Addresses]:
        """Find where ``host`` (a name or an IP address) is: pairs ``(family, address)`` as ``socket.connect`` takes
        them.

        OSError (socket.gaierror, mostly) with a message that names the host and the reason.
        """
        raise NotImplementedError(f"{type(self).__name__} must define resolve")

    def close(self) -> None:
        """Free what the resolver holds, such as threads."""


def look_up(host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Addresses:
    """Ask the system; blocks.  Errors as `Resolver.resolve`."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise cannot_resolve(host, error) from error
    return [(entry[0], entry[4]) for entry in found]


def cannot_resolve(host: str, error: BaseException) -> OSError:
    """The error for ``host``, with the number and reason of ``error``."""
    number = error.errno if isinstance(error, OSError) and error.errno is not None else socket.EAI_NONAME
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return socket.gaierror(number, f"cannot resolve {host!r}: {reason}")


class DefaultLoopResolver(Resolver):
    """What the system answers, asked in a few threads that all resolvers of a loop share and that do nothing else.

    A host that many want to know is asked for once, so that one whose name servers are slow holds one thread; a
    thousand may wait for a thread, then there is an error (EAI_AGAIN). A loop that brings a ``getaddrinfo`` of its own,
    as uvloop does, is asked itself.
    """

    __module__ = "waterspout.netutil"

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Addresses:
        literal = literal_address(host, port, family)
        if literal is not None:
            return literal
        try:
            found = await lookups_of(IOLoop.current()).find(host, port, family)
        except (OSError, UnicodeError) as error:
            raise cannot_resolve(host, error) from error
        return [(entry[0], entry[4]) for entry in found]

    def statistics(self) -> dict[str, int]:
        """Of the current loop: ``names`` that are being looked up, and coroutines ``waiting`` for them."""
        return lookups_of(IOLoop.current()).statistics()


class DefaultExecutorResolver(Resolver):
    """Uses ``socket.getaddrinfo`` in the event loop's default executor."""

    __module__ = "waterspout.netutil"

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Addresses:
        literal = literal_address(host, port, family)
        if literal is not None:
            return literal
        return await IOLoop.current().run_in_executor(None, look_up, host, port, family)


class ExecutorResolver(Resolver):
    """Uses ``socket.getaddrinfo`` in an executor that it is given: ``ExecutorResolver(executor, close_executor=True)``.

    Without one it blocks.  Deprecated, as in Tornado: `DefaultLoopResolver` serves better.
    """

    __module__ = "waterspout.netutil"

    executor: Executor | None
    close_executor: bool

    def initialize(self, executor: Executor | None = None, close_executor: bool = True) -> None:
        """``close_executor``: whether `close` shuts the executor down."""
        self.executor = executor if executor is not None else dummy_executor
        self.close_executor = close_executor if executor is not None else False

    def close(self) -> None:
        if self.close_executor and self.executor is not None:
            self.executor.shutdown()
        self.executor = None

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Addresses:
        literal = literal_address(host, port, family)
        if literal is not None:
            return literal
        if self.executor is None:
            raise RuntimeError("the resolver is closed")
        return await IOLoop.current().run_in_executor(self.executor, look_up, host, port, family)


class BlockingResolver(ExecutorResolver):
    """Blocks the event loop while it resolves: for tests and for names from a local file."""

    __module__ = "waterspout.netutil"

    def initialize(self) -> None:  # type: ignore[override]  # it takes none of the base's arguments
        super().initialize()


class ThreadedResolver(ExecutorResolver):
    """Resolves in ``num_threads`` threads of its own, which end with `close`."""

    __module__ = "waterspout.netutil"

    def initialize(self, num_threads: int = 10) -> None:  # type: ignore[override]  # takes a number instead
        from concurrent.futures import ThreadPoolExecutor  # brings threads, which the other resolvers do not need

        super().initialize(ThreadPoolExecutor(num_threads, thread_name_prefix="waterspout-resolver"))


class OverrideResolver(Resolver):
    """Answers for the names in ``mapping`` itself and asks ``resolver`` about the others: as ``/etc/hosts`` does.

    ``mapping`` has keys ``(host, port, family)`` or ``(host, port)``, whose values are a new ``(host, port)``, or
    ``host``, whose value is a new host.  The more precise key wins.  What comes out is resolved by ``resolver``.
    """

    __module__ = "waterspout.netutil"

    resolver: Resolver
    mapping: Mapping[Any, Any]

    def initialize(self, resolver: Resolver, mapping: Mapping[Any, Any]) -> None:
        """See the class."""
        self.resolver = resolver
        self.mapping = mapping

    def close(self) -> None:
        self.resolver.close()

    def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Awaitable[Addresses]:
        for key in ((host, port, family), (host, port)):
            if key in self.mapping:
                host, port = self.mapping[key]
                break
        else:
            host = self.mapping.get(host, host)
        return self.resolver.resolve(host, port, family)
