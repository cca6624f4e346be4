"""Reading files for responses without holding up the loop."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from waterspout.web._filecontent import FileChangedError
from waterspout.web._filereader import PIECE, OpenFile

CONTENT = os.urandom(2 * PIECE + 17)


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return str(file)


async def collect(file: OpenFile, start: int, stop: int) -> list[bytes]:
    return [piece async for piece in file.pieces(start, stop)]


@pytest.mark.parametrize(("start", "stop"), [(0, len(CONTENT)), (5, 6), (PIECE - 1, PIECE + 1), (7, 7), (1, PIECE * 2)])
@pytest.mark.parametrize("cached", [True, False])
def test_pieces_are_the_bytes_asked_for(
    path: str, start: int, stop: int, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cached:
        monkeypatch.setattr(OpenFile, "read_cached", lambda self, position, count: None)
    pieces = asyncio.run(collect(OpenFile(path), start, stop))
    assert b"".join(pieces) == CONTENT[start:stop]
    assert all(len(piece) <= PIECE for piece in pieces)


def test_what_is_not_in_the_cache_is_read_in_a_thread(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[bool] = []
    read = OpenFile.read

    def watched(self: OpenFile, position: int, count: int) -> bytes:
        readers.append(threading.current_thread() is threading.main_thread())
        return read(self, position, count)

    monkeypatch.setattr(OpenFile, "read_cached", lambda self, position, count: None)
    monkeypatch.setattr(OpenFile, "read", watched)
    asyncio.run(collect(OpenFile(path), 0, 10))
    assert readers == [False]


def test_what_the_cache_has_is_a_prefix_of_the_content_or_nothing(path: str) -> None:
    found = OpenFile(path).read_cached(3, 100)
    assert found is None or (found and CONTENT[3:103].startswith(found))
    assert OpenFile(path).read_cached(len(CONTENT), 100) is None


def test_SF22_a_file_that_ends_early_is_an_error_after_what_there_was(path: str) -> None:
    file = OpenFile(path)
    os.truncate(path, PIECE + 1)

    async def main() -> int:
        received = 0
        with pytest.raises(FileChangedError, match=f"{len(CONTENT)} were promised"):
            async for piece in file.pieces(0, len(CONTENT)):
                received += len(piece)
        return received

    assert asyncio.run(main()) == PIECE + 1


def test_SF22_a_file_that_is_replaced_is_sent_as_it_was(path: str) -> None:
    file = OpenFile(path)
    os.unlink(path)
    Path(path).write_bytes(b"another")
    assert b"".join(asyncio.run(collect(file, 0, file.size))) == CONTENT


def test_the_descriptor_is_closed_with_the_last_user_and_not_before(path: str) -> None:
    file = OpenFile(path)
    descriptor = file.fileno()
    read = file.read  # as a thread holds it that is still reading for a request that is gone
    del file
    assert read(0, 3) == CONTENT[:3]
    del read
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_file_that_cannot_be_opened_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        OpenFile(str(tmp_path / "nothing"))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(PermissionError):
        OpenFile(str(tmp_path / "fifo"))
