"""Fixtures that several packages of waterspout-ioloop share: loops of each kind, certificates, a way to cancel."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from waterspout.ioloop import new_event_loop

Main = Callable[[], Coroutine[Any, Any, Any]]
Runner = Callable[[Main], Any]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_kinds() -> dict[str, LoopFactory]:
    kinds: dict[str, LoopFactory] = {"waterspout": new_event_loop, "stock": asyncio.SelectorEventLoop}
    try:
        import uvloop
    except ImportError:
        return kinds
    return {**kinds, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=loop_kinds())
def new_loop(request: pytest.FixtureRequest) -> LoopFactory:
    """The factory of each kind of loop."""
    return loop_kinds()[request.param]


@pytest.fixture
def run(new_loop: LoopFactory) -> Runner:
    """Runs a coroutine function to its end on each kind of loop, at most ten seconds."""

    def runner(main: Main) -> Any:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(asyncio.wait_for(main(), 10))

    return runner


@pytest.fixture
def run_once() -> Runner:
    """Runs a coroutine function to its end on asyncio's own loop, at most a minute: for what no loop does otherwise."""

    def runner(main: Main) -> Any:
        return asyncio.run(asyncio.wait_for(main(), 60))

    return runner


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


@pytest.fixture
def server_tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate[0])
    return context


@pytest.fixture
def cancel_everywhere() -> Callable[..., None]:
    """Runs a scenario again and again, each time cancelling its victim one turn of the loop later.

    A scenario is a function that returns three coroutine functions: the victim, which is cancelled;
    the others, which go on; and the check, which runs when all are done. It ends when the victim
    was done before it was to be cancelled.
    """

    async def once(scenario: Callable[[], tuple[Main, list[Main], Main]], turns: int, before_others: bool) -> bool:
        victim, others, check = scenario()
        tasks = []
        if not before_others:
            tasks = [asyncio.ensure_future(other()) for other in others]
            await asyncio.sleep(0)
        task = asyncio.ensure_future(victim())
        if before_others:
            tasks = [asyncio.ensure_future(other()) for other in others]
        for _ in range(turns):
            await asyncio.sleep(0)
        was_cancelled = task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*tasks)
        await check()
        return was_cancelled

    def everywhere(scenario: Callable[[], tuple[Main, list[Main], Main]]) -> None:
        for before_others in (False, True):
            turns = 0
            while asyncio.run(asyncio.wait_for(once(scenario, turns, before_others), 60)):
                turns += 1
                assert turns < 100, "the victim never ends"
            assert turns >= 1

    return everywhere
