"""Names: remembered for a while, overridden, resolved by somebody else."""

from __future__ import annotations

import socket

import pytest

import waterspout.httpclient._dns as module
from waterspout.httpclient import ForbiddenAddressError, ResolveError, is_public_address
from waterspout.httpclient._dns import CachingResolver, GuardedResolver
from waterspout.netutil import Resolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Book(Resolver):
    """Answers from a dictionary, and counts how often it is asked."""

    def initialize(self, entries, asked):
        self.entries, self.asked = entries, asked

    async def resolve(self, host, port, family=socket.AF_UNSPEC):
        self.asked.append(host)
        if host not in self.entries:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, (address, port)) for address in self.entries[host]]


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def test_answer_is_remembered_until_its_time_is_up(run, clock):
    async def main():
        asked = []
        resolver = CachingResolver(resolver=Book(entries={"a.example": ["127.0.0.1"]}, asked=asked), ttl=30.0)
        first = await resolver.resolve("a.example", 80)
        clock.now += 29.9
        assert await resolver.resolve("a.example", 80) == first and asked == ["a.example"]
        assert await resolver.resolve("a.example", 81) != first
        clock.now += 0.2
        assert await resolver.resolve("a.example", 80) == first and len(asked) == 3

    run(main)


def test_failures_and_answers_without_a_ttl_are_not_remembered(run, clock):
    async def main():
        asked = []
        entries = {}
        resolver = CachingResolver(resolver=Book(entries=entries, asked=asked), ttl=30.0)
        with pytest.raises(socket.gaierror):
            await resolver.resolve("a.example", 80)
        entries["a.example"] = ["127.0.0.1"]
        assert await resolver.resolve("a.example", 80)
        never = CachingResolver(resolver=Book(entries=entries, asked=asked), ttl=0)
        await never.resolve("a.example", 80)
        await never.resolve("a.example", 80)
        assert len(asked) == 4

    run(main)


def test_memory_is_bounded(run, clock, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 2)

    async def main():
        asked = []
        resolver = CachingResolver(resolver=Book(entries=dict.fromkeys("abc", ["127.0.0.1"]), asked=asked), ttl=30.0)
        for name in "abca":
            await resolver.resolve(name, 80)
        assert asked == ["a", "b", "c", "a"]
        await resolver.resolve("c", 80)
        assert len(asked) == 4

    run(main)


def test_guard_passes_on_only_what_is_allowed(run):
    async def main():
        book = Book(entries={"mixed": ["10.0.0.1", "8.8.8.8"], "inner": ["10.0.0.1"]}, asked=[])
        resolver = GuardedResolver(resolver=book, allow=lambda address: not address.startswith("10."))
        assert [address for _, address in await resolver.resolve("mixed", 80)] == [("8.8.8.8", 80)]
        with pytest.raises(ForbiddenAddressError, match=r"10\.0\.0\.1"):
            await resolver.resolve("inner", 80)

    run(main)


def test_client_uses_its_own_resolver_and_mappings(run, peer, client):
    async def main():
        async with peer(OK) as server:
            asked = []
            book = Book(entries={"b.example": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]}, asked=asked)
            mapping = {"a.example": "b.example", ("c.example", 80): ("127.0.0.1", server.port)}
            http = client(resolver=book, hostname_mapping=mapping)
            assert (await http.fetch(f"http://a.example:{server.port}/")).body == b"hello"
            assert (await http.fetch("http://c.example/")).body == b"hello"
            assert asked[0] == "b.example"
            with pytest.raises(ResolveError, match=r"unknown\.example"):
                await http.fetch("http://unknown.example/")
            assert [request.split(b"Host: ")[1].split(b"\r\n")[0].split(b":")[0] for request in server.requests] == [
                b"a.example",
                b"c.example",
            ]

    run(main)


@pytest.mark.parametrize(
    "address", ["fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "5f00::1", "4000::1", "64:ff9b::127.0.0.1"]
)
def test_CS8_ipv6_addresses_that_nobody_public_has_are_not_public(address):
    assert not is_public_address(address)


@pytest.mark.parametrize("address", ["2606:4700::1", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_CS8_public_ipv6_addresses_are(address):
    assert is_public_address(address)
