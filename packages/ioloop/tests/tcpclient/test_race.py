"""Which of several addresses is connected to."""

import asyncio
import socket

import pytest

from waterspout.iostream import IOStream, StreamClosedError
from waterspout.tcpclient import _race
from waterspout.tcpclient._race import connect_first

V4, V6 = socket.AF_INET, socket.AF_INET6


class Stream(IOStream):
    """Connects as its address says: "ok", "refused", "hangs", or after a number of seconds."""

    def __init__(self):
        super().__init__(socket.socket())

    async def connect(self, address, server_hostname=None):
        self.address = address
        if address == "refused":
            self.close(ConnectionRefusedError(111, "Connection refused"))
            raise StreamClosedError(self.error)
        if address == "hangs":
            await asyncio.Event().wait()
        if isinstance(address, float):
            await asyncio.sleep(address)
        if address == "broken":
            raise RuntimeError("not a failure to connect")
        return self


@pytest.fixture
def race(monkeypatch):
    """Connect to places; returns the stream and all that were opened, in their order."""
    monkeypatch.setattr(_race, "HEAD_START", 0.02)

    async def race(*places):
        opened = []

        def open_stream(family):
            stream = Stream()
            stream.family = family
            opened.append(stream)
            return stream

        try:
            stream = await connect_first(places, open_stream, "peer:1")
        except BaseException:
            assert all(other.closed() for other in opened)
            raise
        assert [other for other in opened if not other.closed()] == [stream]
        stream.close()
        return stream.address, [(other.family, other.address) for other in opened]

    return race


def test_one_family_is_tried_in_order(run, race):
    async def main():
        assert await race((V4, "refused"), (V4, "ok"), (V4, "never tried")) == ("ok", [(V4, "refused"), (V4, "ok")])

    run(main)


def test_one_family_makes_no_task(run, race):
    async def main():
        before = asyncio.all_tasks()

        class Watching(Stream):
            def connect(self, address, server_hostname=None):
                assert asyncio.all_tasks() == before
                connected = asyncio.get_running_loop().create_future()  # as of a real stream
                connected.set_result(self)
                return connected

        (await connect_first([(V6, "a"), (V6, "b")], lambda _: Watching(), "peer")).close()

    run(main)


def test_next_address_of_one_family_joins_after_the_head_start(run, race):
    """A dead first address, of which nobody says so, does not cost the whole timeout."""

    async def main():
        hangs = (V4, "hangs")
        assert await race(hangs, (V4, "ok"), (V4, "never tried")) == ("ok", [hangs, (V4, "ok")])
        assert await race(hangs, hangs, (V4, "refused"), (V4, "ok")) == (
            "ok",
            [hangs, hangs, (V4, "refused"), (V4, "ok")],
        )
        assert (await race((V6, "hangs"), (V4, "hangs"), (V4, "ok")))[0] == "ok"

    run(main)


def test_slow_first_address_of_one_family_may_still_win(run, race):
    async def main():
        assert (await race((V4, 0.04), (V4, "hangs"), (V4, "hangs")))[0] == 0.04

    run(main)


def test_other_errors_of_one_family_come_out(run, race):
    async def main():
        with pytest.raises(RuntimeError, match="not a failure"):
            await race((V4, "hangs"), (V4, "broken"))

    run(main)


def test_first_family_wins_if_it_answers_in_time(run, race, monkeypatch):
    monkeypatch.setattr(_race, "HEAD_START", 100)

    async def main():
        address, opened = await race((V6, 0.005), (V4, "ok"))
        assert address == 0.005
        assert opened == [(V6, 0.005)]

    run(main)


def test_second_family_joins_after_the_head_start(run, race):
    async def main():
        address, opened = await race((V6, "hangs"), (V4, "ok"))
        assert address == "ok"
        assert opened == [(V6, "hangs"), (V4, "ok")]

    run(main)


def test_second_family_joins_at_once_when_an_attempt_fails(run, race, monkeypatch):
    monkeypatch.setattr(_race, "HEAD_START", 100)

    async def main():
        assert (await race((V6, "refused"), (V6, "hangs"), (V4, "ok")))[0] == "ok"

    run(main)


def test_slow_first_family_may_still_win(run, race):
    async def main():
        assert (await race((V6, 0.04), (V4, "hangs")))[0] == 0.04

    run(main)


def test_all_failures_are_named(run, race):
    async def main():
        with pytest.raises(StreamClosedError) as caught:
            await race((V6, "refused"), (V4, "refused"))
        reason = caught.value.real_error
        assert isinstance(reason, ConnectionRefusedError)
        assert str(reason).count("Connection refused") == 2
        assert "cannot connect to peer:1" in str(reason)
        with pytest.raises(StreamClosedError) as caught:
            await race()
        assert "no address" in str(caught.value.real_error)

    run(main)


def test_other_errors_come_out(run, race):
    async def main():
        with pytest.raises(RuntimeError, match="not a failure"):
            await race((V6, "broken"), (V4, "hangs"))
        with pytest.raises(RuntimeError, match="not a failure"):
            await race((V4, "broken"))

    run(main)


@pytest.mark.parametrize(
    "places", [[(V4, "hangs")], [(V4, "hangs"), (V4, "hangs")], [(V6, "hangs"), (V4, "hangs"), (V4, "hangs")]]
)
def test_cancelled_race_closes_all(run, race, places):
    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(race(*places), 0.05)

    run(main)
