"""Resolvers."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from waterspout.netutil import (
    BlockingResolver,
    DefaultExecutorResolver,
    DefaultLoopResolver,
    ExecutorResolver,
    OverrideResolver,
    Resolver,
    ThreadedResolver,
)

KINDS = [DefaultLoopResolver, DefaultExecutorResolver, BlockingResolver, ThreadedResolver, ExecutorResolver]


@pytest.mark.parametrize("kind", KINDS)
def test_localhost_is_found(run, kind):
    async def main():
        resolver = kind()
        found = await resolver.resolve("localhost", 80)
        assert (socket.AF_INET, ("127.0.0.1", 80)) in found
        only = await resolver.resolve("localhost", 80, socket.AF_INET)
        assert {family for family, _ in only} == {socket.AF_INET}
        resolver.close()

    run(main)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_name_is_an_error_that_names_it_and_says_why(run, kind):
    async def main():
        resolver = kind()
        with pytest.raises(socket.gaierror, match=r"cannot resolve 'no-such-host\.invalid': \w"):
            await resolver.resolve("no-such-host.invalid", 80)
        with pytest.raises(OSError, match="cannot resolve"):
            await resolver.resolve("x" * 70 + ".example", 80)
        resolver.close()

    run(main)


@pytest.mark.parametrize("kind", KINDS)
def test_ip_address_is_answered_without_asking_anybody(kind, monkeypatch):
    def nobody(*arguments, **keywords):
        pytest.fail("asked for an IP address")

    async def main():
        resolver = kind()
        monkeypatch.setattr(socket, "getaddrinfo", nobody)
        monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", nobody, raising=False)
        steps = resolver.resolve("192.0.2.1", 80)
        with pytest.raises(StopIteration) as done:  # it ends without waiting once
            steps.send(None)
        assert done.value.value == [(socket.AF_INET, ("192.0.2.1", 80))]
        resolver.close()

    asyncio.run(main())


def test_threads_of_a_threaded_resolver_end_with_it():
    async def main():
        resolver = ThreadedResolver(num_threads=2)
        await resolver.resolve("localhost", 80)
        names = [thread.name for thread in threading.enumerate()]
        assert any("waterspout-resolver" in name for name in names)
        resolver.close()
        assert not any("waterspout-resolver" in thread.name for thread in threading.enumerate())
        with pytest.raises(RuntimeError, match="closed"):
            await resolver.resolve("localhost", 80)

    asyncio.run(main())


def test_executor_is_closed_only_if_wanted():
    async def main():
        with ThreadPoolExecutor(1) as executor:
            kept = ExecutorResolver(executor, close_executor=False)
            await kept.resolve("localhost", 80)
            kept.close()
            assert executor.submit(int).result() == 0
            closing = ExecutorResolver(executor)
            closing.close()
            with pytest.raises(RuntimeError):
                executor.submit(int)

    asyncio.run(main())


def test_override_by_host_by_port_and_by_family(run):
    async def main():
        resolver = OverrideResolver(
            BlockingResolver(),
            {
                "google.com": "127.0.0.1",
                ("github.com", 443): ("127.0.0.1", 1443),
                ("login.example", 443, socket.AF_INET6): ("::1", 1443),
                ("login.example", 443): ("127.0.0.2", 1444),
            },
        )
        assert await resolver.resolve("google.com", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
        assert await resolver.resolve("github.com", 443) == [(socket.AF_INET, ("127.0.0.1", 1443))]
        assert await resolver.resolve("login.example", 443) == [(socket.AF_INET, ("127.0.0.2", 1444))]
        assert (await resolver.resolve("login.example", 443, socket.AF_INET6))[0][1][:2] == ("::1", 1443)
        assert await resolver.resolve("192.0.2.9", 1) == [(socket.AF_INET, ("192.0.2.9", 1))]
        resolver.close()

    run(main)


def test_resolver_makes_what_is_configured():
    saved = Resolver._save_configuration()
    try:
        assert type(Resolver()) is DefaultLoopResolver
        Resolver.configure("waterspout.netutil.ThreadedResolver", num_threads=3)
        made = Resolver()
        assert type(made) is ThreadedResolver
        assert made.executor._max_workers == 3
        made.close()
    finally:
        Resolver._restore_configuration(saved)


def test_interface_says_what_is_missing():
    class Half(Resolver):
        pass

    with pytest.raises(NotImplementedError, match="Half"):
        Half().resolve("localhost", 80)
