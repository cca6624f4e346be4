"""File content in pieces and hashed."""

import hashlib
import os
from pathlib import Path

import pytest

from waterspout.web._filecontent import PIECE, FileChangedError, content_version, file_pieces, open_regular


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(PIECE * 3 + 5))
    return path


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (0, 10), (5, None), (PIECE, PIECE * 2), (PIECE * 3, PIECE * 3 + 5), (7, 7)]
)
def test_pieces_make_up_the_part_asked_for(file: Path, start: int | None, end: int | None) -> None:
    pieces = list(file_pieces(str(file), start, end))
    assert b"".join(pieces) == file.read_bytes()[start or 0 : end]
    assert all(len(piece) <= PIECE for piece in pieces)


def test_SF22_a_file_that_is_truncated_meanwhile_is_an_error_after_what_there_was(file: Path) -> None:
    pieces = file_pieces(str(file))
    assert len(next(pieces)) == PIECE
    os.truncate(file, PIECE + 3)
    assert len(next(pieces)) == 3
    with pytest.raises(FileChangedError, match=f"has {PIECE + 3} bytes, {PIECE * 3 + 5} were promised"):
        next(pieces)


def test_SF22_a_file_that_grows_or_is_replaced_meanwhile_gives_what_was_promised(file: Path) -> None:
    before = file.read_bytes()
    pieces = file_pieces(str(file))
    first = next(pieces)
    with file.open("ab") as grown:
        grown.write(b"more")
    other = file.with_name("other")
    other.write_bytes(b"other")
    other.replace(file)
    assert first + b"".join(pieces) == before


def test_the_file_is_closed_also_when_reading_stops_early(file: Path) -> None:
    before = open_files()
    pieces = file_pieces(str(file))
    next(pieces)
    assert open_files() == before + 1
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    assert open_files() == before


def test_SF7_a_pipe_that_took_the_place_of_a_file_is_refused_and_does_not_block(tmp_path: Path) -> None:
    before = open_files()
    os.mkfifo(tmp_path / "fifo")
    for act in (open_regular, lambda path: list(file_pieces(path)), lambda path: content_version(path, 100)):
        with pytest.raises(PermissionError, match="not a regular file"):
            act(str(tmp_path / "fifo"))
    with pytest.raises(PermissionError):
        open_regular(str(tmp_path))
    assert open_files() == before


def test_the_version_is_the_sha512_of_the_content(file: Path) -> None:
    assert content_version(str(file), 1 << 20) == hashlib.sha512(file.read_bytes()).hexdigest()


def test_a_file_above_the_limit_has_no_version(file: Path) -> None:
    size = file.stat().st_size
    assert content_version(str(file), size)
    with pytest.raises(ValueError, match=f"has {size} bytes, versions are made of at most {size - 1}"):
        content_version(str(file), size - 1)
