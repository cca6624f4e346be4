"""Name lookups: threads of their own, each host once, a bound on what waits (RX13)."""

import asyncio
import socket
import threading

import pytest

from waterspout.ioloop import IOLoop, new_event_loop
from waterspout.netutil import DefaultLoopResolver, Resolver
from waterspout.netutil._lookups import THREADS, WAITING, lookups_of


class SlowNames:
    """The system's resolver, as it is with name servers that do not answer: names with "slow" in them wait."""

    def __init__(self, monkeypatch):
        self.release = threading.Event()
        self.asked = []
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        self.asked.append(host)
        if "slow" in host:
            assert self.release.wait(60)
        if "unknown" in host:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 3)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
        ]


@pytest.fixture
def names(monkeypatch):
    slow = SlowNames(monkeypatch)
    yield slow
    slow.release.set()


@pytest.fixture(params=[new_event_loop, asyncio.SelectorEventLoop])
def run(request):
    """Run a coroutine function to its end, a minute at most, on loops that ask in threads."""

    def run(main):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(main(), 60))

    return run


async def begun(names, count):
    while len(names.asked) < count:  # noqa: ASYNC110 -- other threads count
        await asyncio.sleep(0.001)


def test_RX13_a_host_that_is_slow_holds_one_thread_however_many_want_it(run, names):
    async def main():
        resolver = DefaultLoopResolver()
        waiting = [asyncio.create_task(resolver.resolve("slow.example", port)) for port in range(500)]
        await begun(names, 1)
        for number in range(20):
            assert await resolver.resolve(f"host{number}.example", 80) == [
                (socket.AF_INET6, ("2001:db8::1", 80, 0, 3)),
                (socket.AF_INET, ("192.0.2.1", 80)),
            ]
        assert names.asked.count("slow.example") == 1
        assert resolver.statistics() == {"names": 1, "waiting": 500}
        names.release.set()
        assert [found[1] for found in await asyncio.gather(*waiting)] == [
            (socket.AF_INET, ("192.0.2.1", port)) for port in range(500)
        ]
        assert resolver.statistics() == {"names": 0, "waiting": 0}

    run(main)


def test_RX13_slow_names_leave_the_default_executor_to_others(run, names):
    async def main():
        resolver = DefaultLoopResolver()
        waiting = [asyncio.create_task(resolver.resolve(f"slow{number}.example", 80)) for number in range(200)]
        await begun(names, THREADS)
        assert await asyncio.gather(*(IOLoop.current().run_in_executor(None, int, "5") for _ in range(50))) == [5] * 50
        assert len(names.asked) == THREADS
        names.release.set()
        await asyncio.gather(*waiting)

    run(main)


def test_RX13_when_too_many_names_wait_the_next_is_an_error_at_once(run, names):
    async def main():
        resolver = DefaultLoopResolver()
        most = THREADS + WAITING
        waiting = [asyncio.create_task(resolver.resolve(f"slow{number}.example", 80)) for number in range(most)]
        await begun(names, THREADS)
        with pytest.raises(socket.gaierror, match="cannot resolve 'one.more': 1010 names are being looked up") as info:
            await resolver.resolve("one.more", 80)
        assert info.value.errno == socket.EAI_AGAIN
        one = asyncio.create_task(resolver.resolve("slow7.example", 81))  # who asks for the same is let in
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        # What had begun goes on, and its thread is not given to the same name again; all else is forgotten.
        assert resolver.statistics() == {"names": THREADS, "waiting": 1}
        names.release.set()
        assert (await one)[1] == (socket.AF_INET, ("192.0.2.1", 81))
        assert await resolver.resolve("one.more", 80)
        assert len(names.asked) == THREADS + 1

    run(main)


def test_RX13_a_client_that_tries_again_and_again_does_not_take_more_threads(run, names):
    async def main():
        resolver = DefaultLoopResolver()
        for _ in range(3 * THREADS):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(resolver.resolve("slow.example", 80), 0.001)
        await begun(names, 1)
        assert len(names.asked) == 1
        assert await resolver.resolve("fast.example", 80)
        names.release.set()

    run(main)


def test_everybody_who_waits_for_an_unknown_name_hears_of_it_and_nothing_is_kept(run, names):
    async def main():
        resolver = DefaultLoopResolver()
        asked = [resolver.resolve("slow.unknown", 80) for _ in range(3)]
        waiting = asyncio.gather(*asked, return_exceptions=True)
        await begun(names, 1)
        names.release.set()
        assert [str(error) for error in await waiting] == [
            f"[Errno {socket.EAI_NONAME}] cannot resolve 'slow.unknown': no such name"
        ] * 3
        with pytest.raises(socket.gaierror):
            await resolver.resolve("slow.unknown", 80)
        assert len(names.asked) == 2, "a failure is not remembered"

    run(main)


def test_resolvers_of_one_loop_share_their_threads_which_end_with_the_last_lookup(names):
    def all_threads():
        return {thread for thread in threading.enumerate() if thread.name.startswith("waterspout-names")}

    others = all_threads()  # of loops that were closed during a lookup

    def threads():
        return all_threads() - others

    async def main():
        waiting = [asyncio.create_task(Resolver().resolve(f"slow{number}.example", 80)) for number in range(50)]
        await begun(names, THREADS)
        running = threads()
        assert len(running) == THREADS
        names.release.set()
        await asyncio.gather(*waiting)
        for thread in running:
            thread.join(60)
        assert not threads()
        return lookups_of(IOLoop.current())

    first = asyncio.run(main())
    names.release.clear()
    names.asked.clear()
    assert asyncio.run(main()) is not first


def test_a_loop_that_has_its_own_getaddrinfo_is_asked_and_each_host_once():
    asked = []

    class OwnNames(asyncio.SelectorEventLoop):
        async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
            asked.append((host, port, type))
            await asyncio.sleep(0)
            return [(socket.AF_INET, type, 6, "", ("192.0.2.9", port))]

    async def main():
        resolver = DefaultLoopResolver()
        found = await asyncio.gather(resolver.resolve("a.example", 1), resolver.resolve("a.example", 2))
        assert found == [[(socket.AF_INET, ("192.0.2.9", port))] for port in (1, 2)]
        assert await resolver.resolve("a.example", "http")

    with asyncio.Runner(loop_factory=OwnNames) as runner:
        runner.run(main())
    assert asked == [("a.example", 0, socket.SOCK_STREAM), ("a.example", "http", socket.SOCK_STREAM)]
