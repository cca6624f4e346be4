"""Every row of the table of bad input that concerns the server's side: each id names a test, and the raw ones hold over
a real socket, in front of a real application.

The raw requests stand in ``packages/http/tests/http1/test_input_rows.py``, where the codec reads them whole, byte by
byte and split at every position; here a server with default settings answers them.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler

ROOT = Path(__file__).resolve().parent.parent

#: Group of the table: prefix of its ids, and how many it has.
GROUPS = {
    "request line": ("RL", 30),
    "headers": ("HD", 22),
    "Host": ("HO", 17),
    "framing": ("FR", 49),
    "chunked": ("CH", 28),
    "multipart": ("MP", 24),
    "urlencoded and query": ("UE", 10),
    "cookies": ("CK", 19),
    "response writing": ("RW", 12),
    "TLS": ("TL", 12),
    "compression, server side": ("DB", 5),
    "proxies": ("XH", 12),
    "host header": ("HR", 4),
    "logging": ("LG", 5),
    "resource exhaustion": ("RX", 14),
}
#: Rows of other groups that a server answers for: systemd's variables, labels of metrics, UNIX sockets, rate limits.
OTHERS = {"OT3", "OT4", "OT7", "OT12"}

RAW_GROUPS = ("RL", "HD", "HO", "FR", "CH")


def load_rows() -> ModuleType:
    path = ROOT / "packages" / "http" / "tests" / "http1" / "test_input_rows.py"
    spec = importlib.util.spec_from_file_location("raw_input_rows", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ROWS = load_rows().ROWS


@functools.cache
def ids_with_tests() -> frozenset[str]:
    """Ids in the names of test functions, and in the tables of raw rows."""
    found = {row.id for row in ROWS}
    for path in [*ROOT.glob("packages/*/tests/**/test_*.py"), *ROOT.glob("integration/test_*.py")]:
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
            found |= set(re.findall(r"(?<=_)[A-Z]{2}[0-9]+(?=_|$)", name))
    return frozenset(found)


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_of_the_group_has_a_test_with_its_id(group: str) -> None:
    prefix, count = GROUPS[group]
    missing = {f"{prefix}{number}" for number in range(1, count + 1)} - ids_with_tests()
    assert not missing, f"no test is named after {sorted(missing)}"


def test_rows_of_other_groups_that_a_server_answers_for_have_theirs() -> None:
    assert not OTHERS - ids_with_tests()


def test_all_146_raw_rows_are_in_the_table() -> None:
    wanted = {f"{p}{n}" for p, count in GROUPS.values() if p in RAW_GROUPS for n in range(1, count + 1)}
    assert {row.id for row in ROWS} == wanted and len(ROWS) == 146


# What the application says where the codec has nothing to object to; the codec's table says 200 for these.
BY_APPLICATION = {"RL14": (405, 501), "RL17": (405, 501), "RL18": (405, 501)}
#: Requests that are complete in themselves: answered once with 200, and then more comes of the same connection.
TWICE = {"FR48", "FR49"}


class Seen(RequestHandler):
    """Notes what ran."""

    def prepare(self) -> None:
        self.settings["seen"].append((self.request.method, self.request.path, self.request.host, self.request.body))

    def get(self) -> None:
        self.finish("ok")

    post = get


async def answer_to(raw: bytes, seen: list[tuple[str, str, str, bytes]]) -> tuple[bytes, bool]:
    """What a server says to *raw*, and whether it closed."""
    application = Application([(".*", Seen)], seen=seen, log_function=lambda handler: None)
    server = HTTPServer(application)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    received, closed = b"", False
    try:
        writer.write(raw)
        end = asyncio.get_running_loop().time() + 30
        while asyncio.get_running_loop().time() < end:
            try:
                data = await asyncio.wait_for(reader.read(65536), 0.2)
            except TimeoutError:
                if received and not any(connection.is_busy() for connection in server._connections):
                    break
                continue
            except ConnectionError:
                data = b""
            if not data:
                closed = True
                break
            received += data
    finally:
        writer.close()
        server.stop()
        await server.close_all_connections()
    return received, closed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_server_answers_the_row_as_required(row: object) -> None:
    identity, raw, allowed = row.id, row.raw, row.statuses  # type: ignore[attr-defined]
    seen: list[tuple[str, str, str, bytes]] = []
    received, closed = asyncio.run(answer_to(raw, seen))
    statuses = [int(found) for found in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]
    assert statuses and statuses[0] in BY_APPLICATION.get(identity, allowed), received[:200]
    if statuses[0] >= 400 and identity not in BY_APPLICATION:
        assert closed and len(statuses) == 1 and not seen, "closed, said once, and nobody was asked"
        assert b"\r\nDate: " in received and b"\r\nConnection: close\r\n" in received
    if identity in TWICE:
        assert statuses == [200, 200] and [path for _, path, _, _ in seen] == ["/", "/smuggled"]
    if identity == "RL14":
        assert not any(method == "GET" for method, _, _, _ in seen)
    if identity == "RL18":
        assert b"s=1" not in received, "not echoed"
    if identity == "RL27":
        assert seen[0][1:3] == ("/x", "evil.example"), "the target wins over Host, in path and host alike"
    if identity == "HD21":
        assert closed and b"Connection: close" in received
    if identity in ("FR45", "CH25", "CH26"):
        assert seen[0][3] == b"hello"
    if identity == "FR47":
        assert seen[0][3] == b""


def test_HR4_an_absolute_target_decides_host_and_path_together() -> None:
    seen: list[tuple[str, str, str, bytes]] = []
    asyncio.run(answer_to(b"GET http://b.example:81/y?z HTTP/1.1\r\nHost: a\r\n\r\n", seen))
    assert seen == [("GET", "/y", "b.example:81", b"")]


POST, MULTIPART = b"POST / HTTP/1.1\r\nHost: a\r\n", b"Content-Type: multipart/form-data; boundary=B\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        POST + MULTIPART + b"Content-Length: 0\r\n\r\n",
        POST + MULTIPART + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"content-type: Multipart/Form-Data; boundary=B\r\nContent-Length: 0\r\n\r\n",
        POST + b"Content-Type: multipart/form-data\r\nContent-Length: 0\r\n\r\n",
        POST + b"Content-Type: multipart/form-data; boundary=\r\nContent-Length: 0\r\n\r\n",
        POST + MULTIPART + b"Content-Length: 2\r\n\r\n\r\n",
        POST + MULTIPART + b"Content-Length: 5\r\n\r\n--B\r\n",
        POST + MULTIPART + b"Content-Length: 10\r\n\r\n--B\r\n--B--",
        POST + MULTIPART + b"Content-Length: 5\r\n\r\n--C--",
    ],
)
def test_MP4_MP14_a_form_without_its_final_boundary_is_400_even_if_nothing_of_it_is_there(raw: bytes) -> None:
    seen: list[tuple[str, str, str, bytes]] = []
    received, _ = asyncio.run(answer_to(raw, seen))
    assert received.startswith(b"HTTP/1.1 400 ") and not seen
