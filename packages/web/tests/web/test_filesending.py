"""Large files as content: who copies them, and what becomes of the loop meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.testing import AsyncHTTPSTestCase
from waterspout.web import Application, GZipContentEncoding, StaticFileHandler
from waterspout.web._filereader import PIECE, OpenFile

Fetch = Callable[..., HTTPResponse]

CONTENT = os.urandom(2_500_000)
NO_NOWAIT = not hasattr(os, "RWF_NOWAIT") or not hasattr(os, "sendfile")


@pytest.fixture
def app(tmp_path: Path) -> Application:
    (tmp_path / "big").write_bytes(CONTENT)
    (tmp_path / "big.txt").write_bytes(CONTENT)
    return Application([("/(.*)", StaticFileHandler, {"path": str(tmp_path)})])


@pytest.fixture
def sent_by_kernel(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    original = os.sendfile

    def watched(*args: Any) -> int:
        sizes.append(original(*args))
        return sizes[-1]

    monkeypatch.setattr(os, "sendfile", watched)
    return sizes


@pytest.mark.skipif(NO_NOWAIT, reason="this system cannot say what its page cache holds, or has no sendfile")
def test_SF24_what_the_cache_holds_is_sent_by_the_kernel(
    fetch: Fetch, app: Application, sent_by_kernel: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenFile, "is_cached", lambda self, position, count: True)  # also where tests run on tmpfs
    assert fetch(app, "/big").body == CONTENT
    assert sum(sent_by_kernel) == len(CONTENT)
    sent_by_kernel.clear()
    response = fetch(app, "/big", headers={"Range": "bytes=100-2000099"})
    assert (response.code, response.body) == (206, CONTENT[100:2000100])
    assert sum(sent_by_kernel) == 2000000


@pytest.mark.skipif(not hasattr(os, "sendfile"), reason="no sendfile on this system")
def test_SF24_what_the_disk_holds_is_read_in_a_thread(
    fetch: Fetch, app: Application, sent_by_kernel: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenFile, "is_cached", lambda self, position, count: position >= 2**20)
    threads: list[bool] = []
    read = OpenFile.read

    def watched(self: OpenFile, position: int, count: int) -> bytes:
        threads.append(threading.current_thread() is threading.main_thread())
        return read(self, position, count)

    monkeypatch.setattr(OpenFile, "read", watched)
    assert fetch(app, "/big").body == CONTENT
    assert threads and not any(threads)
    assert sum(sent_by_kernel) == len(CONTENT) - 2**20


class OverTLS(AsyncHTTPSTestCase):
    __test__ = False  # run by the test below, in its folder
    folder: str

    def get_app(self) -> Application:
        return Application([("/(.*)", StaticFileHandler, {"path": self.folder})])

    def runTest(self) -> None:
        assert self.fetch("/big").body == CONTENT


def test_a_large_file_over_tls_arrives_whole(app: Application, tmp_path: Path, sent_by_kernel: list[int]) -> None:
    case = OverTLS()
    case.folder = str(tmp_path)
    result = case.run()
    assert result is not None and result.wasSuccessful(), result.errors + result.failures
    assert not sent_by_kernel


def test_content_that_is_compressed_is_not_the_kernels(
    fetch: Fetch, app: Application, sent_by_kernel: list[int]
) -> None:
    app.add_transform(GZipContentEncoding)
    response = fetch(app, "/big.txt", headers={"Accept-Encoding": "gzip"}, decompress_response=True)
    assert response.body == CONTENT and response.headers["X-Consumed-Content-Encoding"] == "gzip"
    assert not sent_by_kernel


def test_head_of_a_large_file_sends_none_of_it(fetch: Fetch, app: Application, sent_by_kernel: list[int]) -> None:
    response = fetch(app, "/big", method="HEAD")
    assert response.headers["Content-Length"] == str(len(CONTENT)) and not response.body
    assert not sent_by_kernel


def test_a_file_of_one_piece_is_copied_and_leaves_with_its_head(
    fetch: Fetch, app: Application, tmp_path: Path, sent_by_kernel: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(CONTENT[:PIECE])
    monkeypatch.setattr(OpenFile, "read_cached", OpenFile.read)  # also where tests run on tmpfs
    assert fetch(app, "/f").body == CONTENT[:PIECE]
    assert not sent_by_kernel
