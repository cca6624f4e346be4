"""`CaresResolver`, with a name server of our own on the loopback interface."""

import asyncio
import socket
import struct
import subprocess
import sys

import pytest

from waterspout.ioloop import IOLoop

pytest.importorskip("pycares")

from waterspout.netutil import Resolver
from waterspout.platform.caresresolver import CaresResolver

NAMES = {b"\x04good\x04test\x00": "192.0.2.7"}
NO_SUCH_NAME = 3


class NameServer(asyncio.DatagramProtocol):
    """Answers questions for addresses of the names above; other names do not exist; ``silent`` is not answered."""

    def connection_made(self, transport):
        self.transport = transport
        self.questions = 0

    def datagram_received(self, data, peer):
        self.questions += 1
        end = data.index(b"\x00", 12) + 1
        name, question = data[12:end], data[12 : end + 4]
        kind = struct.unpack_from("!H", data, end)[0]
        if b"silent" in name:
            return
        known = name.lower() in NAMES
        answers = b""
        if known and kind == 1:
            answers = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(NAMES[name.lower()])
        flags = 0x8180 | (0 if known else NO_SUCH_NAME)
        head = data[:2] + struct.pack("!HHHHH", flags, 1, bool(answers), 0, 0)
        self.transport.sendto(head + question + answers, peer)


def run(test, **options):
    async def main():
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        resolver = CaresResolver(servers=["127.0.0.1"], udp_port=port, tcp_port=port, **options)
        try:
            return await test(resolver, server)
        finally:
            resolver.close()
            assert resolver.fds == {}
            assert IOLoop.current().handlers == {}
            transport.close()

    return IOLoop.run(main)


def test_name_is_asked_of_the_server():
    async def test(resolver, server):
        found = await resolver.resolve("good.test", 80)
        assert server.questions >= 1
        return found

    assert (socket.AF_INET, ("192.0.2.7", 80)) in run(test)


def test_many_questions_at_once():
    async def test(resolver, server):
        return await asyncio.gather(*(resolver.resolve("good.test", port, socket.AF_INET) for port in range(50)))

    assert run(test) == [[(socket.AF_INET, ("192.0.2.7", port))] for port in range(50)]


def test_unknown_name_is_an_error_that_names_it_and_the_reason():
    async def test(resolver, server):
        with pytest.raises(OSError, match="cannot resolve 'bad.test': .+"):
            await resolver.resolve("bad.test", 80)

    run(test)


def test_server_that_is_silent_is_given_up():
    async def test(resolver, server):
        with pytest.raises(OSError, match="cannot resolve 'silent.test'"):
            await asyncio.wait_for(resolver.resolve("silent.test", 80, socket.AF_INET), 20)
        assert server.questions >= 2

    run(test, timeout=0.05, tries=2)


def test_address_is_answered_without_a_question():
    async def test(resolver, server):
        found = await resolver.resolve("127.0.0.1", 80)
        assert server.questions == 0
        return found

    assert run(test) == [(socket.AF_INET, ("127.0.0.1", 80))]


def test_localhost_comes_from_the_hosts_file():
    async def test(resolver, server):
        return await resolver.resolve("localhost", 80, socket.AF_INET)

    assert run(test) == [(socket.AF_INET, ("127.0.0.1", 80))]


def test_cancelled_question_does_not_hurt_the_next():
    async def test(resolver, server):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolver.resolve("silent.test", 80, socket.AF_INET), 0.01)
        return await resolver.resolve("good.test", 80, socket.AF_INET)

    assert run(test) == [(socket.AF_INET, ("192.0.2.7", 80))]


def test_closing_fails_the_questions_that_are_under_way():
    async def test(resolver, server):
        question = asyncio.ensure_future(resolver.resolve("silent.test", 80))
        await asyncio.sleep(0.005)
        resolver.close()
        with pytest.raises(OSError, match="cannot resolve 'silent.test'"):
            await asyncio.wait_for(question, 5)
        with pytest.raises(RuntimeError, match="closed"):
            await resolver.resolve("good.test", 80)

    run(test)


def test_can_be_configured_by_name():
    saved = Resolver._save_configuration()
    try:
        Resolver.configure("waterspout.platform.caresresolver.CaresResolver")

        async def main():
            resolver = Resolver()
            resolver.close()
            return type(resolver)

        assert IOLoop.run(main) is CaresResolver
    finally:
        Resolver._restore_configuration(saved)


def test_missing_pycares_is_said_with_the_extra_that_brings_it():
    code = "import sys; sys.modules['pycares'] = None\nimport waterspout.platform.caresresolver"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "pip install 'waterspout-ioloop[cares]'" in result.stderr
