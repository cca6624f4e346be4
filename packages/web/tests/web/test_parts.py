"""Forms that are read while they arrive."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.httputil import HTTPInputError, MultipartStream
from waterspout.iostream import StreamClosedError
from waterspout.web import Application, RequestHandler, read_request_body
from waterspout.web._parts import Part, Parts

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]

BOUNDARY = "limit"
FILE = os.urandom(300_000)


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        kind = "Content-Type: application/octet-stream\r\n" if filename is not None else ""
        body += f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{kind}\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def iterate(body: bytes, size: int, **limits: Any) -> Parts:
    pieces = iter([body[i : i + size] for i in range(0, len(body), size)])

    async def read() -> bytes:
        await asyncio.sleep(0)
        return next(pieces, b"")

    return Parts(read, MultipartStream(BOUNDARY.encode(), **limits))


BODY = form(("title", None, "Größe".encode()), ("file", "a.bin", FILE), ("empty", None, b""))


@pytest.mark.parametrize("size", [1000, 65536, len(BODY)])
def test_parts_come_in_order_with_their_content(size: int) -> None:
    async def main() -> list[Any]:
        found = []
        async for part in iterate(BODY, size):
            content = await part.read() if part.filename else await part.text()
            found.append((part.name, part.filename, part.content_type, content, part.size))
        return found

    assert asyncio.run(main()) == [
        ("title", None, "", "Größe", 7),
        ("file", "a.bin", "application/octet-stream", FILE, len(FILE)),
        ("empty", None, "", "", 0),
    ]


def test_what_is_not_read_is_skipped() -> None:
    async def main() -> list[str]:
        names = []
        async for part in iterate(BODY, 1000):
            names.append(part.name)
            if part.name == "file":
                async for _ in part:
                    break
        return names

    assert asyncio.run(main()) == ["title", "file", "empty"]


@pytest.mark.parametrize("max_memory", [10, 1024 * 1024, 10 * len(FILE)])
def test_a_part_is_spooled_to_memory_and_then_to_disk(max_memory: int, tmp_path: Path) -> None:
    async def main() -> None:
        async for part in iterate(BODY, 5000):
            if part.filename:
                with await part.spool(max_memory, str(tmp_path)) as file:
                    assert file.read() == FILE

    asyncio.run(main())
    assert not list(tmp_path.iterdir())  # it has no name, or is gone with it


def test_a_part_is_saved_to_a_new_file_only(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    async def main() -> None:
        async for part in iterate(BODY, 5000):
            if part.filename:
                assert await part.save(str(path)) == len(FILE)

    asyncio.run(main())
    assert path.read_bytes() == FILE
    with pytest.raises(FileExistsError):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("limits", "call"),
    [
        ({"max_file_size": 1000}, lambda part: part.skip()),
        ({"max_field_size": 3}, lambda part: part.skip()),
        ({}, lambda part: part.read(6)),
    ],
)
def test_limits_are_413_as_soon_as_they_are_passed(limits: dict[str, int], call: Callable[[Part], Any]) -> None:
    async def main() -> None:
        async for part in iterate(BODY, 1000, **limits):
            await call(part)

    with pytest.raises(HTTPInputError) as caught:
        asyncio.run(main())
    assert caught.value.status == 413


@pytest.mark.parametrize("body", [b"", b"nonsense", BODY[:-10], BODY[:100], b"--limit\r\nX\r\n\r\n"])
def test_MP_a_malformed_or_cut_form_is_400(body: bytes) -> None:
    async def main() -> None:
        async for part in iterate(body, 1000):
            await part.skip()

    with pytest.raises(HTTPInputError) as caught:
        asyncio.run(main())
    assert caught.value.status == 400


def test_a_field_that_is_no_text_is_400() -> None:
    async def main() -> None:
        async for part in iterate(form(("a", None, b"\xff")), 1000):
            await part.text()

    with pytest.raises(HTTPInputError, match="not UTF-8"):
        asyncio.run(main())


# In a handler, over the wire.


@read_request_body(max_body_size=10_000_000)
class Upload(RequestHandler):
    async def post(self) -> None:
        found = {}
        async for part in self.parts(max_file_size=1_000_000):
            found[part.name] = len(await part.read(10_000_000))
        self.write(found)


def post(fetch: Fetch, body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> HTTPResponse:
    app = Application([("/", Upload)])
    return fetch(app, "/", method="POST", body=body, headers={"Content-Type": kind})


def test_a_handler_reads_the_form_as_it_comes(fetch: Fetch) -> None:
    assert post(fetch, BODY).body == b'{"title": 7, "file": 300000, "empty": 0}'


def test_a_handler_need_not_catch_what_is_wrong_with_the_form(fetch: Fetch) -> None:
    assert post(fetch, form(("f", "big", b"x" * 2_000_000))).code == 413
    assert post(fetch, BODY[:-10]).code == 400
    assert post(fetch, BODY, "text/plain").code == 415
    assert post(fetch, BODY, "multipart/form-data").code == 400


def test_the_method_runs_before_the_body_is_whole_and_sees_each_piece(raw: Raw) -> None:
    @read_request_body()
    class Echo(RequestHandler):
        async def post(self) -> None:
            self.write("started ")
            await self.flush()
            async for piece in self.body_pieces():
                self.write(piece)
                await self.flush()

    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
    received = raw([("/", Echo)], head, 0.05, b"abc", 0.05, b"def")
    assert received.partition(b"\r\n\r\n")[2] == b"8\r\nstarted \r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"


def test_the_connection_is_kept_where_the_body_was_read_first(raw: Raw) -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=limit\r\n"
    request += b"Content-Length: %d\r\n\r\n" % len(BODY)
    received = raw([("/", Upload)], request + BODY[:1000], 0.02, BODY[1000:] + request + BODY)
    assert received.count(b"HTTP/1.1 200") == 2 and b"close" not in received


def test_an_answer_before_the_body_was_read_closes_the_connection(raw: Raw) -> None:
    @read_request_body()
    class Refuses(RequestHandler):
        def post(self) -> None:
            self.set_status(409)

    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n"
    received = raw([("/", Refuses)], head + b"x" * 1000)
    assert received.startswith(b"HTTP/1.1 409") and b"Connection: close" in received


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Length: 6\r\n\r\nabcdef",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("read", [0, 1])
def test_a_body_that_came_whole_and_was_not_read_keeps_nobody_waiting(raw: Raw, message: bytes, read: int) -> None:
    @read_request_body()
    class Ignores(RequestHandler):
        async def post(self) -> None:
            await asyncio.sleep(0.02)
            for _ in range(read):
                await anext(aiter(self.body_pieces()))
            self.write("ignored")

    request = b"POST / HTTP/1.1\r\nHost: a\r\n" + message
    received = raw([("/", Ignores)], request + request)
    assert received.count(b"\r\n\r\nignored") == 2


def test_reading_on_after_the_answer_is_an_error_and_no_wait(raw: Raw) -> None:
    heard: list[object] = []

    @read_request_body()
    class Goes(RequestHandler):
        async def post(self) -> None:
            await self.finish("too early")
            try:
                heard.append([piece async for piece in self.body_pieces()])
            except StreamClosedError as error:
                heard.append(type(error))

    received = raw([("/", Goes)], b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n", 0.02, b"abc")
    assert received.endswith(b"too early") and heard == [StreamClosedError]


def test_the_limit_of_the_class_replaces_that_of_the_server(raw: Raw) -> None:
    @read_request_body(max_body_size=10)
    class Small(RequestHandler):
        async def post(self) -> None:
            async for _ in self.body_pieces():
                pass

    for length, status in ((10, b"200"), (11, b"413")):
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
        assert raw([("/", Small)], head + b"x" * length).startswith(b"HTTP/1.1 " + status)


def test_a_class_that_gets_its_body_whole_has_no_parts_and_says_what_to_do(fetch: Fetch, caplog: Any) -> None:
    class Whole(RequestHandler):
        def post(self) -> None:
            self.parts()

    assert fetch([("/", Whole)], method="POST", body=b"").code == 500
    assert "read_request_body()" in caplog.text


def test_a_client_that_leaves_in_the_middle_is_no_error(raw: Raw, caplog: Any) -> None:
    ended: list[str] = []
    started, finished = asyncio.Event(), asyncio.Event()

    @read_request_body()
    class Reads(RequestHandler):
        async def post(self) -> None:
            try:
                async for _ in self.body_pieces():
                    started.set()
            finally:
                ended.append("post")

        def on_finish(self) -> None:
            ended.append("on_finish")
            finished.set()

    async def main() -> None:
        server = Application([("/", Reads)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600\r\n\r\nabc")
        await writer.drain()
        await asyncio.wait_for(started.wait(), 10)
        writer.close()
        await asyncio.wait_for(finished.wait(), 10)
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert ended == ["post", "on_finish"] and not caplog.records


# Uploads that go to the disk.


class Spools(RequestHandler):
    """Spools what is sent to `folder`, and fails where the query says so."""

    async def post(self) -> None:
        kept = []
        try:
            async for part in self.parts():
                kept.append(await part.spool(1000, self.settings["folder"]))
                if self.request.query == "fail":
                    raise RuntimeError("the handler's own mistake")
            self.write({"files": len(kept), "size": sum(file.seek(0, 2) for file in kept)})
        finally:
            for file in kept:
                file.close()
            self.settings["done"].set()


SPOOLED = form(("one", "a.bin", os.urandom(3 << 20)), ("two", "b.bin", os.urandom(3 << 20)))
# What follows the file after which the handler fails is less than a server reads of a request it has answered
# (LINGER_BYTES): with more, the client may see a reset in place of the answer.
SHORT_REST = form(("one", "a.bin", os.urandom(3 << 20)), ("two", "b.bin", os.urandom(64 << 10)))


def open_files(folder: Path) -> list[str]:
    """Descriptors of this process on files in *folder*, with or without a name."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue  # the one that lists them
        if target.startswith(str(folder)):
            found.append(target)
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not list a process's descriptors")
@pytest.mark.parametrize("how", ["whole", "the handler fails", "the client leaves"])
def test_MP19_nothing_of_a_spooled_upload_stays_open_or_on_the_disk(how: str, tmp_path: Path) -> None:
    async def main() -> None:
        done, before = asyncio.Event(), set(os.listdir("/proc/self/fd"))
        app = Application([("/", read_request_body()(type("Here", (Spools,), {})))], folder=str(tmp_path), done=done)
        server = app.listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        target, body = (b"/?fail", SHORT_REST) if how == "the handler fails" else (b"/", SPOOLED)
        head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=limit\r\n" % target
        writer.write(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        writer.write(body if how != "the client leaves" else body[: 5 << 20])
        if how == "the client leaves":
            await writer.drain()
            for _ in range(3000):
                if open_files(tmp_path):
                    break
                await asyncio.sleep(0.01)
            assert open_files(tmp_path), "the upload had reached the disk"
            writer.transport.abort()
        else:
            received = await asyncio.wait_for(reader.read(), 60)
            assert received.startswith(b"HTTP/1.1 200" if how == "whole" else b"HTTP/1.1 500")
        await asyncio.wait_for(done.wait(), 60)
        writer.close()
        server.stop()
        await server.close_all_connections()
        for _ in range(3000):
            if not open_files(tmp_path) and not os.listdir(tmp_path):
                break
            await asyncio.sleep(0.01)
        assert open_files(tmp_path) == [] and os.listdir(tmp_path) == []
        for _ in range(3000):
            left = set(os.listdir("/proc/self/fd")) - before
            if len(left) <= 1:  # the descriptor of this very listing
                break
            await asyncio.sleep(0.01)
        assert len(left) <= 1, left

    asyncio.run(main())


def test_MP20_the_disk_is_written_to_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each write waits for a sign that only the loop can give: on the loop itself it would never come.
    loop_thread = threading.get_ident()
    slow: list[tuple[int, bool]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        class SlowDisk(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
            def writelines(self, lines: Any) -> None:
                turned = threading.Event()
                loop.call_soon_threadsafe(turned.set)
                slow.append((threading.get_ident(), turned.wait(30)))
                super().writelines(lines)

        monkeypatch.setattr(tempfile, "SpooledTemporaryFile", SlowDisk)
        async for part in iterate(SPOOLED, 65536):
            with await part.spool(1000, str(tmp_path)) as file:
                assert len(file.read()) == 3 << 20

    asyncio.run(main())
    assert len(slow) >= 6, "a piece at a time, of a megabyte"
    assert all(turned and thread != loop_thread for thread, turned in slow)
