"""HTTP/2 against a server on the h2 package, and against one that breaks the rules (H2-1 to H2-13, client side)."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl

import pytest

pytest.importorskip("h2")

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from waterspout.httpclient import (
    ContentDecodingError,
    HTTPClientError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    ProtocolError,
    ResponseTooLargeError,
    Retries,
    _h2,
)


class Server:
    """An HTTP/2 server; ``answer(stream)`` is a coroutine function called for each complete request."""

    def __init__(self, answer, context, settings=None, protocols=("h2", "http/1.1")):
        context.set_alpn_protocols(list(protocols))
        self.answer, self.context, self.settings = answer, context, settings or {}
        self.requests, self.links, self.resets = [], [], []
        self.tasks = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=self.context)
        self.url = f"https://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc_info):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connected(self, reader, writer):
        self.spawn(self.talk(Link(self, reader, writer)))

    async def talk(self, link):
        self.links.append(link)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError, h2.exceptions.ProtocolError):
            await link.run()
        link.writer.close()


class Link:
    """One connection of the server."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.bodies, self.heads = {}, {}
        self.window = asyncio.Event()

    async def run(self):
        self.h2.initiate_connection()
        if self.server.settings:
            self.h2.update_settings(self.server.settings)
        self.flush()
        while data := await self.reader.read(65536):
            for event in self.h2.receive_data(data):
                self.handle(event)
            self.flush()

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.heads[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            request = Request(self, event.stream_id)
            self.server.requests.append(request)
            self.server.spawn(self.server.answer(request))
        elif isinstance(event, h2.events.StreamReset):
            self.server.resets.append(event)
        elif isinstance(event, h2.events.WindowUpdated):
            self.window.set()


class Request:
    """A complete request, and how to answer it."""

    def __init__(self, link, number):
        self.link, self.number = link, number
        self.head, self.body = link.heads[number], link.bodies[number]
        self.path = self.head[":path"]

    def headers(self, *fields, status="200", end=False):
        self.link.h2.send_headers(self.number, [(":status", status), *fields], end_stream=end)
        self.link.flush()

    async def data(self, data, end=True):
        while data:
            room = min(self.link.h2.local_flow_control_window(self.number), self.link.h2.max_outbound_frame_size)
            if room <= 0:
                self.link.window.clear()
                await self.link.window.wait()
                continue
            self.link.h2.send_data(self.number, data[:room])
            data = data[room:]
            self.link.flush()
        if end:
            self.link.h2.end_stream(self.number)
            self.link.flush()

    async def reply(self, data=b"hello", *fields, status="200"):
        self.headers(*fields, status=status)
        await self.data(data)

    def raw(self, frame):
        self.link.writer.write(frame)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@pytest.fixture
def serve(tls_server):
    def make(answer=lambda request: request.reply(), **options):
        return Server(answer, tls_server(), **options)

    return make


@pytest.fixture
def http2(client, certificate):
    def make(**options):
        options.setdefault("defaults", {})["ca_certs"] = certificate()[0]
        return client(http2=True, max_clients=options.pop("max_clients", 100), **options)

    return make


def test_requests_share_one_connection(run, serve, http2):
    async def answer(request):
        await asyncio.sleep(0.002)
        await request.reply(request.path.encode(), ("x-a", "1"), ("x-a", "2"))

    async def main():
        async with serve(answer) as server:
            http = http2()
            responses = await asyncio.gather(*[http.fetch(f"{server.url}/{n}?q") for n in range(50)])
            assert [r.body for r in responses] == [b"/%d?q" % n for n in range(50)]
            first = responses[0]
            assert (first.code, first.reason, first.http_version) == (200, "OK", "HTTP/2")
            assert first.headers.get_list("x-a") == ["1", "2"]
            assert len(server.links) == 1 and http.statistics().open == 1
            head = server.requests[0].head
            assert head[":method"] == "GET" and head[":scheme"] == "https" and head[":authority"] == server.url[8:]
            assert not {"host", "connection", "transfer-encoding"} & set(head)

    run(main)


def test_server_without_h2_gets_http_1(run, peer, http2, tls_server):
    async def main():
        async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", tls=tls_server()) as server:
            http = http2()
            responses = await asyncio.gather(*[http.fetch(server.url) for _ in range(5)])
            assert {r.http_version for r in responses} == {"HTTP/1.1"}

    run(main)


def test_http_2_is_not_offered_unless_asked_for(run, serve, client, certificate):
    async def main():
        async with serve(protocols=("h2",)) as server:
            with pytest.raises(HTTPClientError):
                await client().fetch(server.url, ca_certs=certificate()[0])

    run(main)


def test_bodies_go_both_ways_through_small_windows(run, serve, http2):
    body = bytes(range(256)) * 1000

    async def answer(request):
        await request.reply(request.body)

    async def produce(write):
        for start in range(0, len(body), 100_000):
            await write(body[start : start + 100_000])

    async def main():
        async with serve(answer, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000}) as server:
            http = http2()
            posted, produced, counted = await asyncio.gather(
                http.fetch(server.url, method="POST", body=body),
                http.fetch(server.url, method="POST", body_producer=produce),
                http.fetch(server.url, method="PUT", body_producer=produce, headers={"Content-Length": str(len(body))}),
            )
            assert posted.body == produced.body == counted.body == body
            assert server.requests[0].head["content-length"] == str(len(body))
            assert (await http.fetch(server.url, method="POST", body=b"")).body == b""

    run(main)


def test_streamed_response_holds_the_server_back(run, serve, http2):
    sent = 0

    async def answer(request):
        nonlocal sent
        request.headers()
        for _ in range(200):
            await request.data(bytes(50_000), end=False)
            sent += 50_000
        await request.data(b"")

    async def main():
        async with serve(answer) as server:
            http = http2()
            async with http.stream(server.url) as response:
                await asyncio.sleep(0.1)
                assert sent < 5_000_000
                assert sum([len(piece) async for piece in response]) == 10_000_000
            assert http.statistics().open == 1

    run(main)


def test_head_redirects_gzip_and_trailers(run, serve, http2):
    async def answer(request):
        if request.head[":method"] == "HEAD":
            request.headers(("content-length", "1000"), end=True)
        elif request.path == "/moved":
            request.headers(("location", "/x"), status="302", end=True)
        elif request.path == "/bad":
            await request.reply(b"no gzip", ("content-encoding", "gzip"))
        else:
            request.headers(("content-encoding", "gzip"))
            await request.data(gzip.compress(b"x" * 1000), end=False)
            request.link.h2.send_headers(request.number, [("x-trailer", "t")], end_stream=True)
            request.link.flush()

    async def main():
        async with serve(answer) as server:
            http = http2()
            response = await http.fetch(server.url, method="HEAD")
            assert response.headers["Content-Length"] == "1000" and response.body == b""
            response = await http.fetch(server.url + "/moved")
            assert response.body == b"x" * 1000 and response.trailers["X-Trailer"] == "t"
            with pytest.raises(ContentDecodingError):
                await http.fetch(server.url + "/bad")
            assert len(server.links) == 1

    run(main)


def test_concurrency_that_the_server_allows_is_kept(run, serve, http2):
    running = most = 0

    async def answer(request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        await request.reply()

    async def main():
        async with serve(answer, settings={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 3}) as server:
            http = http2()
            await http.fetch(server.url)
            responses = await asyncio.gather(*[http.fetch(server.url) for _ in range(20)])
            assert len(responses) == 20 and most <= 3 and len(server.links) == 1

    run(main)


def test_timeout_and_cancel_reset_the_stream_only(run, serve, http2):
    async def answer(request):
        if request.path == "/slow":
            return
        await request.reply()

    async def main():
        async with serve(answer) as server:
            http = http2()
            with pytest.raises(HTTPTimeoutError):
                await http.fetch(server.url + "/slow", request_timeout=0.3)
            future = http.fetch(server.url + "/slow")
            while len(server.requests) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            future.cancel()
            assert (await http.fetch(server.url)).body == b"hello"
            assert len(server.links) == 1 and not http.active
            assert [event.error_code for event in server.resets] == [h2.errors.ErrorCodes.CANCEL] * 2

    run(main)


def test_idle_session_closes(run, serve, http2):
    async def main():
        async with serve() as server:
            http = http2(idle_timeout=0)
            await http.fetch(server.url)
            assert http.statistics().open == 0 and http.pool.size == 0

    run(main)


def test_lost_session_is_replaced(run, serve, http2):
    async def main():
        async with serve() as server:
            http = http2()
            await http.fetch(server.url)
            server.links[0].writer.transport.abort()
            assert (await http.fetch(server.url)).body == b"hello"
            assert len(server.links) == 2

    run(main)


# -- servers that fall silent


class Relay:
    """A way to *server* whose connections can fall silent: what comes after `hush` is neither passed on nor refused."""

    def __init__(self, server):
        self.server = server
        self.pumps, self.flowing = set(), []

    async def __aenter__(self):
        self.listener = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.url = f"https://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc_info):
        self.listener.close()
        for pump in self.pumps:
            pump.cancel()
        await asyncio.gather(*self.pumps, return_exceptions=True)

    async def connected(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", int(self.server.url.rpartition(":")[2]))
        flowing = asyncio.Event()
        flowing.set()
        self.flowing.append(flowing)
        for source, target in ((reader, back), (there, writer)):
            self.pumps.add(asyncio.create_task(self.pump(source, target, flowing)))

    async def pump(self, source, target, flowing):
        try:
            while data := await source.read(65536):
                await flowing.wait()
                target.write(data)
        except ConnectionError:
            pass  # one side is gone: so is the other
        finally:
            target.close()

    def hush(self):
        """From now on nothing passes on the connections that there are."""
        for flowing in self.flowing:
            flowing.clear()

    def speak(self):
        """What has been held back passes."""
        for flowing in self.flowing:
            flowing.set()


@pytest.fixture
def silenced(run, serve, http2):
    """``silenced(test, **client_options)``: ``await test(client, relay, server)`` when the server has fallen silent."""

    def begin(test, answer=None, settings=None, **options):
        async def main():
            async with serve(answer or (lambda request: request.reply()), settings=settings) as server:
                async with Relay(server) as relay:
                    http = http2(**options)
                    await http.fetch(relay.url)
                    relay.hush()
                    await test(http, relay, server)

        run(main)

    return begin


@pytest.mark.parametrize("limits", [{"request_timeout": 0.4}, {"read_timeout": 0.4}])
@pytest.mark.parametrize("options", [{}, {"max_connections_per_host": 1}, {"max_connections": 1}])
def test_silent_session_gets_no_new_requests_after_a_timeout(silenced, limits, options):
    async def test(http, relay, server):
        with pytest.raises(HTTPTimeoutError):
            await http.fetch(relay.url, **limits)
        assert http.statistics().open == 0  # nobody else was on it
        assert (await http.fetch(relay.url)).body == b"hello"
        assert len(server.links) == 2 and http.statistics().open == http.pool.size == 1

    silenced(test, **options)


def test_others_on_a_silent_session_go_on_until_their_own_deadlines(silenced):
    async def test(http, relay, server):
        later = http.fetch(relay.url + "/later", request_timeout=1.5)
        answered = http.fetch(relay.url + "/answered")
        with pytest.raises(HTTPTimeoutError):
            await http.fetch(relay.url, request_timeout=0.4)
        assert (await http.fetch(relay.url)).body == b"hello"
        assert len(server.links) == 2 and not answered.done()
        with pytest.raises(HTTPTimeoutError, match="/later was waiting for the response after") as late:
            await later
        assert float(str(late.value).split()[-2]) >= 1.49
        assert not answered.done()
        relay.speak()
        assert (await answered).body == b"hello"
        assert http.statistics().open == 1  # the silent one closed with its last request
        await http.fetch(relay.url)
        assert len(server.links) == 2

    silenced(test)


def test_those_who_wait_for_a_place_on_a_silent_session_get_a_new_one(silenced):
    async def test(http, relay, server):
        first = http.fetch(relay.url, request_timeout=0.4)
        waiting = [http.fetch(f"{relay.url}/{number}") for number in range(3)]
        with pytest.raises(HTTPTimeoutError):
            await first
        assert [response.body for response in await asyncio.gather(*waiting)] == [b"hello"] * 3
        assert len(server.links) == 2

    silenced(test, settings={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})


def test_a_retry_after_a_timeout_in_silence_goes_to_a_new_session(silenced):
    async def test(http, relay, server):
        retries = Retries(1, backoff=0.01)
        assert (await http.fetch(relay.url, read_timeout=2, retries=retries)).body == b"hello"
        assert len(server.links) == 2

    silenced(test)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_gives_up_by_cancelling_finds_a_new_session_after_a_while_of_silence(silenced, monkeypatch, method):
    monkeypatch.setattr(_h2, "SILENCE", 0.5)
    body = b"x" if method == "POST" else None

    async def test(http, relay, server):
        loop = asyncio.get_running_loop()
        began = loop.time()
        while http.statistics().open:
            assert loop.time() - began < 30
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await http.fetch(relay.url, method=method, body=body)
        assert loop.time() - began >= 0.5
        assert (await http.fetch(relay.url)).body == b"hello"
        assert len(server.links) == 2

    silenced(test)


def test_a_slow_answer_beside_others_is_no_silence(run, serve, http2):
    async def answer(request):
        if request.path == "/slow":
            return
        if request.path == "/stream":
            request.headers()
            for _ in range(10_000):
                await request.data(b"tick", end=False)
                await asyncio.sleep(0.01)
        await request.reply()

    async def main():
        async with serve(answer) as server:
            http = http2()
            async with http.stream(server.url + "/stream", request_timeout=0) as stream:
                slow = http.fetch(server.url + "/slow", request_timeout=0.4)
                async for _ in stream:
                    if slow.done():
                        break
                assert isinstance(slow.exception(), HTTPTimeoutError)
                assert (await http.fetch(server.url)).body == b"hello"
                assert len(server.links) == 1

    run(main)


def test_a_session_that_others_need_stays_where_there_may_be_no_other(run, serve, http2):
    async def answer(request):
        if request.path == "/":
            await request.reply()

    async def main():
        async with serve(answer) as server:
            http = http2(max_connections_per_host=1)
            await http.fetch(server.url)
            waiting = http.fetch(server.url + "/waiting")
            with pytest.raises(HTTPTimeoutError):
                await http.fetch(server.url + "/slow", request_timeout=0.4)
            assert (await http.fetch(server.url)).body == b"hello"
            assert len(server.links) == 1 and not waiting.done()

    run(main)


# -- servers that break the rules


def fails(run, serve, http2, answer, error=ProtocolError, match=None, **options):
    """The answer makes a fetch raise *error*; afterwards the client can still fetch from the server."""

    async def answer_or_fine(request):
        await (answer(request) if request.path == "/bad" else request.reply())

    async def main():
        async with serve(answer_or_fine) as server:
            http = http2(**options)
            with pytest.raises(error, match=match):
                await http.fetch(server.url + "/bad", request_timeout=4)
            assert (await http.fetch(server.url + "/good")).body == b"hello"

    run(main)


def test_H2_1_flood_of_resets_ends_the_connection(run, serve, http2):
    async def answer(request):
        request.headers(end=True)
        for _ in range(15_000):
            request.raw(frame(3, 0, request.number, (8).to_bytes(4, "big")))

    async def main():
        async with serve(answer) as server:
            http = http2()
            await http.fetch(server.url)
            while http.statistics().open:  # noqa: ASYNC110  # the flood reaches us behind the answer
                await asyncio.sleep(0.002)
            assert http.pool.size == 0

    run(main)


@pytest.mark.parametrize("increment", [0, 2**31 - 1])
def test_H2_2_window_updates_that_are_wrong_break_only_what_they_are_about(run, serve, http2, increment):
    async def answer(request):
        request.raw(frame(8, 0, request.number, increment.to_bytes(4, "big")))

    fails(run, serve, http2, answer)


def test_H2_3_endless_continuation_is_an_error(run, serve, http2):
    async def answer(request):
        request.raw(frame(1, 0, request.number, b"\x88"))
        for _ in range(2000):
            request.raw(frame(9, 0, request.number, b"\x00\x01a\x01b" * 100))

    fails(run, serve, http2, answer)


def test_H2_4_header_list_over_the_limit_and_bad_index_are_errors(run, serve, http2):
    async def large(request):
        request.headers(*[(f"x-{n}", "y" * 1000) for n in range(100)], end=True)

    async def bad_index(request):
        request.raw(frame(1, 4, request.number, b"\x80"))

    fails(run, serve, http2, large)
    fails(run, serve, http2, bad_index)


def test_H2_5_floods_of_empty_frames_end_the_connection(run, serve, http2):
    async def pings(request):
        for _ in range(1500):
            request.raw(frame(6, 0, 0, bytes(8)))

    async def settings(request):
        for _ in range(1500):
            request.raw(frame(4, 0, 0))

    async def empty_data(request):
        request.headers()
        for _ in range(1500):
            request.raw(frame(0, 0, request.number))

    for flood in (pings, settings, empty_data):
        fails(run, serve, http2, flood, match="without any content")


def test_H2_6_window_of_nothing_meets_the_write_timeout(run, serve, http2):
    async def main():
        async with serve(settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0}) as server:
            http = http2()
            await http.fetch(server.url)  # now the server's settings are known
            with pytest.raises(HTTPTimeoutError, match="nothing was sent"):
                await http.fetch(server.url, method="POST", body=b"x" * 1000, write_timeout=0.1)

    run(main)


@pytest.mark.parametrize(
    "fields",
    [
        [("x-a", "b\r\nx-evil: 1")],
        [("x-a", "b\0c")],
        [("X-Upper", "1")],
        [("x a", "1")],
        [("connection", "close")],
        [("transfer-encoding", "chunked")],
        [("x-a", "1"), (":status", "200")],
        [("content-length", "+5")],
    ],
)
def test_H2_7_fields_that_http_forbids_are_errors(run, serve, http2, fields):
    async def answer(request):
        request.headers(*fields, end=True)

    fails(run, serve, http2, answer)


@pytest.mark.parametrize(
    "pseudo",
    [[], [(":status", "99")], [(":status", "abc")], [(":status", "200"), (":status", "200")], [(":path", "/")]],
)
def test_H2_8_pseudo_headers_are_checked(run, serve, http2, pseudo):
    async def answer(request):
        request.link.h2.send_headers(request.number, [*pseudo, ("x", "y")], end_stream=True)
        request.link.flush()

    fails(run, serve, http2, answer)


def test_H2_9_content_length_that_is_not_kept_is_an_error(run, serve, http2):
    async def answer(request):
        await request.reply(b"hello", ("content-length", "6"))

    fails(run, serve, http2, answer)


def test_H2_9_limits_on_bodies_hold(run, serve, http2):
    async def announced(request):
        await request.reply(bytes(2000), ("content-length", "2000"))

    async def unannounced(request):
        await request.reply(bytes(2000))

    for answer in (announced, unannounced):
        fails(run, serve, http2, answer, ResponseTooLargeError, "1000", max_body_size=1000)


def test_H2_9_data_behind_the_end_of_a_stream_is_an_error_and_no_content(run, serve, http2):
    async def answer(request):
        await request.reply(b"hello")
        request.raw(frame(0, 0, request.number, b" and more"))

    async def main():
        async with serve(answer) as server:
            http = http2()
            for _ in range(3):
                assert (await http.fetch(server.url)).body == b"hello"

    run(main)


@pytest.mark.parametrize("number", [2, 101])
def test_H2_10_streams_that_nobody_opened_are_errors(run, serve, http2, number):
    async def answer(request):
        request.raw(frame(1, 5, number, b"\x88"))

    fails(run, serve, http2, answer)


def test_H2_11_upgrade_to_h2c_is_neither_offered_nor_accepted(run, peer, http2):
    async def main():
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        async with peer(upgrade + frame(4, 0, 0)) as server:
            http = http2()
            with pytest.raises(HTTPClientError, match="101"):
                await http.fetch(server.url)
            assert not {b"upgrade", b"http2-settings"} & {
                line.split(b":")[0].lower() for line in server.requests[0].split(b"\r\n")
            }
            assert http.pool.size == 0

    run(main)


def test_H2_12_frames_over_the_limits_are_errors(run, serve, http2):
    async def oversized(request):
        request.headers()
        request.raw(frame(0, 0, request.number, bytes(70_000)))

    async def overflow(request):
        request.raw(frame(8, 0, 0, (2**31 - 1).to_bytes(4, "big")))

    async def padding(request):
        request.headers()
        request.raw(frame(0, 8, request.number, b"\xffab"))

    for answer in (oversized, overflow, padding):
        fails(run, serve, http2, answer)


def test_H2_13_push_is_refused(run, serve, http2):
    async def answer(request):
        promised = frame(5, 4, request.number, (2).to_bytes(4, "big") + b"\x82\x84\x87\x41\x01h")
        request.raw(promised)

    fails(run, serve, http2, answer)


def test_H2_13_requests_above_goaways_last_are_sent_again(run, serve, http2):
    async def main():
        seen = []

        async def answer(request):
            seen.append(request.path)
            if len(seen) == 2:
                link = request.link
                link.h2.close_connection(last_stream_id=1)
                link.flush()
            else:
                await request.reply()

        async with serve(answer) as server:
            http = http2()
            await http.fetch(server.url + "/first")
            response = await http.fetch(server.url + "/again", method="POST", body=b"x")
            assert response.body == b"hello" and seen == ["/first", "/again", "/again"]
            assert len(server.links) == 2

    run(main)


def test_H2_13_refused_stream_is_sent_again_but_not_for_ever(run, serve, http2):
    async def main():
        refusals = 0

        async def answer(request):
            nonlocal refusals
            if request.path == "/never" or refusals < 2:
                refusals += 1
                request.link.h2.reset_stream(request.number, h2.errors.ErrorCodes.REFUSED_STREAM)
                request.link.flush()
            else:
                await request.reply()

        async with serve(answer) as server:
            http = http2()
            assert (await http.fetch(server.url, method="POST", body=b"x")).body == b"hello"
            with pytest.raises(HTTPStreamClosedError):
                await http.fetch(server.url + "/never")
            assert len(server.requests) < 20

    run(main)


def test_other_resets_are_errors_and_unknown_frames_ignored(run, serve, http2):
    async def reset(request):
        request.link.h2.reset_stream(request.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        request.link.flush()

    fails(run, serve, http2, reset, match="INTERNAL_ERROR")

    async def unknown(request):
        request.raw(frame(0x0A, 0, 0, b"\0\0h2=:443"))  # ALTSVC
        request.raw(frame(0x0C, 0, 0, b"\0\x05https"))  # ORIGIN
        request.raw(frame(0x77, 0, request.number, b"?"))
        await request.reply()

    async def main():
        async with serve(unknown) as server:
            assert (await http2().fetch(server.url)).body == b"hello"

    run(main)


def test_missing_extra_is_named(monkeypatch, run, client):
    import sys

    async def main():
        monkeypatch.setitem(sys.modules, "h2", None)
        monkeypatch.delitem(sys.modules, "waterspout.httpclient._h2_library", raising=False)
        with pytest.raises(ImportError, match=r"httpclient\[http2\]"):
            client(http2=True)

    run(main)


def test_certificates_are_checked_as_ever(run, serve, client):
    async def main():
        async with serve() as server:
            with pytest.raises(ssl.SSLCertVerificationError):
                await client(http2=True).fetch(server.url)

    run(main)
