"""An application of ours on uvicorn, hypercorn and granian: real servers, real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

APPS = Path(__file__).resolve().parent / "apps"
SERVERS = {
    "uvicorn": "uvicorn asgi_app:app --host 127.0.0.1 --port {port} --log-level warning",
    "hypercorn": "hypercorn asgi_app:app --bind 127.0.0.1:{port} --log-level warning",
    "granian": "granian --interface asgi asgi_app:app --host 127.0.0.1 --port {port} --log-level warning",
}
PATIENCE = 30.0  # seconds for what takes a moment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=SERVERS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port that the server listens on; it has to run the application's hooks, and to end when told to."""
    found = _free_port()
    command = [sys.executable, "-m", *SERVERS[request.param].format(port=found).split()]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {**os.environ, "PYTHONPATH": str(APPS), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        limit = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                if _get(found, "/polls")[0] == 200:
                    break
            assert process.poll() is None and time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        assert log.read_text().count("the application begins") == 1
        yield found
        process.terminate()
        assert process.wait(PATIENCE) is not None
        assert log.read_text().count("the application ends") == 1, log.read_text()
    finally:
        process.kill()
        process.wait()


def _get(
    port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def _field(headers: dict[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _cookies(headers: dict[str, str]) -> str:
    return _field(headers, "set-cookie").partition(";")[0]


def test_page_and_signed_cookie(port: int) -> None:
    status, headers, body = _get(port, "/?x=1")
    assert (status, json.loads(body)) == (200, {"visits": 1, "path": "/", "ip": "127.0.0.1"})
    assert [name.lower() for name in headers].count("date") == 1
    _, _, body = _get(port, "/", Cookie=_cookies(headers))
    assert json.loads(body)["visits"] == 2


def test_form_is_taken_with_its_token_and_refused_without(port: int) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    _, headers, page = _get(port, "/form")
    token = re.search(rb'value="([^"]+)"', page)
    assert token is not None
    body = b"name=Ada&_xsrf=" + token[1].replace(b"|", b"%7C")
    assert _get(port, "/form", "POST", body, Cookie=_cookies(headers), **form)[::2] == (200, b"hello Ada")
    assert _get(port, "/form", "POST", b"name=Ada", Cookie=_cookies(headers), **form)[0] == 403


def test_each_awaited_flush_reaches_the_client_while_the_handler_waits(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/steps")
        response = connection.getresponse()
        for number in range(3):
            assert response.readline() == b"step %d\n" % number
            assert _get(port, "/steps", "POST", b"")[0] == 200
        assert response.read() == b""


def test_client_that_leaves_is_heard_of(port: int) -> None:
    def polls() -> dict[str, int]:
        counts: dict[str, int] = json.loads(_get(port, "/polls")[2])
        return counts

    def wait_for(**expected: int) -> None:
        limit = time.monotonic() + PATIENCE
        while polls() != expected:
            assert time.monotonic() < limit, (polls(), expected)
            time.sleep(0.02)

    connections = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(3)]
    for connection in connections:
        connection.request("GET", "/poll")
    wait_for(waiting=3, left=0)
    for connection in connections:
        connection.close()
    wait_for(waiting=0, left=3)


def test_upload_is_streamed_into_the_handler(port: int) -> None:
    assert _get(port, "/upload", "PUT", b"x" * 3_000_000)[::2] == (200, b"3000000")


def test_static_file_and_its_conditions(port: int) -> None:
    source = (APPS / "asgi_app.py").read_bytes()
    status, headers, body = _get(port, "/static/asgi_app.py")
    assert status == 200 and body == source
    etag = _field(headers, "etag")
    assert _get(port, "/static/asgi_app.py", If_None_Match=etag)[::2] == (304, b"")
    status, headers, body = _get(port, "/static/asgi_app.py", Range="bytes=10-19")
    assert (status, body, _field(headers, "content-range")) == (206, source[10:20], f"bytes 10-19/{len(source)}")
    status, headers, body = _get(port, "/static/asgi_app.py", "HEAD")
    assert (status, body, _field(headers, "content-length")) == (200, b"", str(len(source)))


def test_large_static_file_arrives_whole(port: int) -> None:
    large = APPS / "large.bin"
    large.write_bytes(os.urandom(1_000_000))
    try:
        status, _, body = _get(port, "/static/large.bin")
        assert status == 200 and body == large.read_bytes()
    finally:
        large.unlink()


def test_an_upgrade_that_is_wanted_is_named_in_connection(port: int) -> None:
    """RFC 9110, 7.8; and the connection goes on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("GET", "/upgrading")
            response = connection.getresponse()
            assert (response.status, response.getheader("Upgrade")) == (426, "websocket")
            assert response.read() == b"not without"
            options = [option.strip().lower() for option in (response.getheader("Connection") or "").split(",")]
            assert "upgrade" in options and "close" not in options and not response.will_close


def test_response_that_breaks_off_does_not_look_complete(port: int) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        _get(port, "/broken")
