"""What a client may have of us that sends its requests without waiting for answers."""

from __future__ import annotations

import asyncio
import socket
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection, Phase, _pipelining
from waterspout.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPOutputError,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    ResponseStartLine,
)
from waterspout.ioloop import Deadlines, new_event_loop
from waterspout.iostream import IOStream

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = 100_000
TURNS = 20


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Client:
    """A client of a connection of its own, on a socket pair; `served` are the targets that were answered."""

    def __init__(self, size: int = 2, later: bool = False) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        self.served: list[str] = []
        self.size = size
        self.later = later
        stream = IOStream(theirs)
        self.loop = asyncio.get_running_loop()
        self.connection = HTTP1ServerConnection(stream, deadlines=Deadlines(stream.io_loop))

    def application(self, request: HTTPServerRequest) -> None:
        if self.later:
            self.loop.call_soon(self.answer, request)
        else:
            self.answer(request)

    def answer(self, request: HTTPServerRequest) -> None:
        self.served.append(request.path)
        # Each has bytes of its own, as those of real answers do.
        body = request.path.encode().ljust(self.size)
        connection: Any = request.connection
        connection.respond(200, None, f"Content-Length: {len(body)}\r\n", body)

    async def send(self, data: bytes) -> None:
        """All of *data*, as fast as it is taken; returns when nothing is taken any more."""
        stuck = 0
        while data and stuck < TURNS:
            try:
                data = data[self.socket.send(data) :]
                stuck = 0
            except BlockingIOError:
                stuck += 1
            await asyncio.sleep(0)
        await turns()

    def read(self) -> bytes:
        received = b""
        try:
            while data := self.socket.recv(1 << 20):
                received += data
        except BlockingIOError:
            pass
        return received

    async def read_answers(self, count: int) -> bytes:
        """What comes until *count* more answers have, which may be in one piece with some after them."""
        received, answers = b"", 0
        give_up = self.loop.time() + 30
        while answers < count:
            assert self.loop.time() < give_up, f"{answers} answers have come instead of {count}"
            data = self.read()
            answers += (received[-12:] + data).count(b"HTTP/1.1 200 ")
            received += data
            await asyncio.sleep(0)
        return received

    def close(self) -> None:
        self.connection.close()
        self.socket.close()


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await main()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(whole())


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_RX5_who_takes_no_answers_gets_no_more_of_them_made(later: bool) -> None:
    async def main() -> None:
        client = Client(LARGE, later)
        client.connection.start_serving(client.application)
        await client.send(b"".join(GET % number for number in range(20_000)))
        served = len(client.served)
        assert served < 50, "what the kernel's buffers hold, and not what was asked for"
        assert client.connection.stream.pending <= _pipelining.OUTPUT_LIMIT + 2 * LARGE
        await client.read_answers(served + 100)
        assert len(client.served) >= served + 100, "it goes on when they are taken"
        assert client.served == [f"/{number}" for number in range(len(client.served))]
        client.close()

    run(main)


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_RX5_answers_that_are_not_taken_have_a_deadline_whoever_asks_for_more(later: bool) -> None:
    async def main() -> None:
        client = Client(LARGE, later)
        client.connection.start_serving(client.application)
        await client.send(b"".join(GET % number for number in range(2000)))
        assert client.connection.stream.pending
        client.connection.deadline_passed()  # what the wheel does
        assert not client.connection.stream.closed()
        client.connection.deadline_passed()
        assert client.connection.stream.closed()
        await asyncio.sleep(0)
        assert client.connection.phase is Phase.CLOSED
        client.socket.close()

    run(main)


def test_a_client_that_takes_its_answers_is_not_cut_off_where_as_much_is_pending_as_before() -> None:
    async def main() -> None:
        client = Client(1 << 20)
        client.connection.start_serving(client.application)
        stream = client.connection.stream
        seen = []
        for number in range(3):
            await client.send(GET % number)
            seen.append(stream.pending)
            client.connection.deadline_passed()  # what the wheel does, a minute later each time
            assert not stream.closed()
            while stream.pending:
                client.read()
                await asyncio.sleep(0)
            client.read()
        assert seen[0] > 0 and len(set(seen)) == 1, "the kernel took as much each time"
        client.close()

    run(main)


def test_RX5_ten_thousand_requests_at_once_leave_others_their_turn() -> None:
    async def main() -> None:
        many, one = Client(), Client()
        for client in (many, one):
            client.connection.start_serving(client.application)
        count = 10_000
        data = memoryview(b"".join(GET % number for number in range(count)))
        waited: list[int] = []
        asked = len(many.served)
        received = 0
        give_up = asyncio.get_running_loop().time() + 60
        one.socket.send(GET % 0)
        while received < count and asyncio.get_running_loop().time() < give_up:
            try:
                data = data[many.socket.send(data) :] if data else data
            except BlockingIOError:
                pass
            received += many.read().count(b"HTTP/1.1 200 ")
            if one.read():
                waited.append(len(many.served) - asked)
                asked = len(many.served)
                one.socket.send(GET % 0)
            await asyncio.sleep(0)
        assert many.served == [f"/{number}" for number in range(count)]
        # The loop may tell of one descriptor before the other, or of the first one again.
        assert max(waited) <= 4 * _pipelining.AT_ONCE and len(waited) > count // _pipelining.AT_ONCE // 4
        many.close()
        one.close()

    run(main)


@pytest.mark.parametrize("count", [_pipelining.AT_ONCE + n for n in (-1, 0, 1)] + [2 * _pipelining.AT_ONCE])
@pytest.mark.parametrize("rest", [b"", b"GET /rest HT", b"\r\n"])
def test_as_many_as_are_served_at_once_and_one_more_or_less_are_all_answered(count: int, rest: bytes) -> None:
    async def main() -> None:
        client = Client()
        client.connection.start_serving(client.application)
        await client.send(b"".join(GET % number for number in range(count)) + rest)
        await client.read_answers(count)
        assert client.served == [f"/{number}" for number in range(count)]
        assert client.connection.phase is (Phase.HEAD if b"GET" in rest else Phase.IDLE)
        if b"GET" in rest:
            await client.send(b"TP/1.1\r\nHost: a\r\n\r\n")
        else:
            await client.send(b"GET /rest HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.read_answers(1)
        assert client.served[-1] == "/rest"
        client.close()

    run(main)


def test_a_malformed_request_among_many_is_refused_after_the_answers_before_it() -> None:
    async def main() -> None:
        client = Client()
        client.connection.start_serving(client.application)
        await client.send(GET % 0 * 40 + b"GET /\x01 HTTP/1.1\r\n\r\n" + GET % 0)
        received = await client.read_answers(40)
        for _ in range(TURNS):
            await asyncio.sleep(0)
            received += client.read()
        assert received.count(b"HTTP/1.1 200 ") == 40 and received.count(b"HTTP/1.1 400 ") == 1
        assert received.rfind(b" 400 ") > received.rfind(b" 200 ") and len(client.served) == 40
        client.close()

    run(main)


class Hasty(HTTPMessageDelegate, HTTPServerConnectionDelegate):
    """Answers from inside a method that it is still busy with afterwards."""

    def __init__(self, client: Client, busy_in: str) -> None:
        self.client = client
        self.busy_in = busy_in
        self.busy: Future[None] | None = None

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        self.connection = request_conn
        return self

    def _answer(self, method: str) -> Future[None] | None:
        if method != self.busy_in:
            return None
        request = self.connection.request
        if request.path == "/last":
            self.client.answer(request)
            return None
        self.busy = self.client.loop.create_future()
        self.client.loop.call_soon(self.client.answer, request)
        return self.busy

    def headers_received(self, start_line: Any, headers: Any) -> Future[None] | None:
        return self._answer("headers")

    def data_received(self, chunk: bytes) -> Future[None] | None:
        return self._answer("data")

    def finish(self) -> None:
        pass


LAST = b"POST /last HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"


@pytest.mark.parametrize("busy_in", ["headers", "data"])
@pytest.mark.parametrize("next_one", ["with it", "while it is answered", "afterwards", "in two pieces"])
def test_the_next_request_is_served_where_the_delegate_was_busy_longer_than_its_answer_took(
    busy_in: str, next_one: str
) -> None:
    async def main() -> None:
        client = Client()
        delegate = Hasty(client, busy_in)
        client.connection.start_serving(delegate)
        first = b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        await client.send(first + {"with it": LAST, "in two pieces": LAST[:20]}.get(next_one, b""))
        if next_one == "while it is answered":
            await client.send(LAST)
        assert client.served == ["/first"], "answered; what follows waits for the delegate"
        assert delegate.busy is not None
        delegate.busy.set_result(None)
        if next_one == "afterwards":
            await client.send(LAST)
        elif next_one == "in two pieces":
            await client.send(LAST[20:])
        await client.read_answers(2)
        assert client.served == ["/first", "/last"]
        client.close()

    run(main)


def test_much_that_came_while_a_delegate_was_busy_after_its_answer_is_served_and_reading_goes_on() -> None:
    async def main() -> None:
        client = Client()
        delegate = Hasty(client, "headers")
        client.connection.start_serving(delegate)
        await client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.send(LAST * 3000)
        assert client.served == ["/first"] and delegate.busy is not None
        assert len(client.connection._pipelined) < 1 << 20
        delegate.busy.set_result(None)
        await client.read_answers(2)
        await client.send(LAST)
        give_up = client.loop.time() + 30
        while client.connection.is_busy() or client.connection._reader.held:
            client.read()
            await asyncio.sleep(0)
            assert client.loop.time() < give_up
        assert len(client.served) > 1000
        client.close()

    run(main)


@pytest.mark.parametrize("interim", [False, True])
def test_a_response_without_a_head_closes_the_connection_and_the_next_is_not_taken_for_it(interim: bool) -> None:
    async def main() -> None:
        client = Client()
        raised: list[BaseException] = []

        def application(request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            if interim:
                connection.write_headers(ResponseStartLine("", 103, "Early Hints"), HTTPHeaders({"Link": "</a>"}))
            try:
                connection.finish()
            except HTTPOutputError as error:
                raised.append(error)

        client.connection.start_serving(application)
        await client.send(GET % 1 + GET % 2)
        assert len(raised) == 1 and client.connection.stream.closed()
        assert b" 200 " not in client.socket.recv(1000) and client.served == []
        client.close()

    run(main)


class AnswersFromData(HTTPMessageDelegate, HTTPServerConnectionDelegate):
    """Of /first it looks at the head for a while, and answers when it gets the body, before the end of the message."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.finished: list[str] = []

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        outer, request = self, request_conn.request

        class Delegate(HTTPMessageDelegate):
            def headers_received(self, start_line: Any, headers: Any) -> Future[None] | None:
                if request.path != "/first":
                    return None
                outer.busy: Future[None] = outer.client.loop.create_future()
                return outer.busy

            def data_received(self, chunk: bytes) -> None:
                if request.path == "/first":
                    outer.client.answer(request)

            def finish(self) -> None:
                outer.finished.append(request.path)
                if request.path != "/first":
                    outer.client.answer(request)

        return Delegate()


@pytest.mark.parametrize("cut", [20, len(LAST) - 1, len(LAST)])
def test_a_request_behind_one_that_was_answered_before_its_end_is_not_lost(cut: int) -> None:
    async def main() -> None:
        client = Client()
        delegate = AnswersFromData(client)
        client.connection.start_serving(delegate)
        await client.send(b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + LAST[:cut])
        delegate.busy.set_result(None)
        answers = (await client.read_answers(1)).count(b"HTTP/1.1 200 ")  # both, where the second request was whole
        await client.send(LAST[cut:] + GET % 3)
        await client.read_answers(3 - answers)
        assert client.served == ["/first", "/last", "/3"] == delegate.finished
        client.close()

    run(main)
