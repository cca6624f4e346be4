"""Compressed siblings of static files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from waterspout.web._precompressed import find_sibling


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    for name in ("a.js", "a.js.gz", "a.js.br", "a.js.zst", "alone.js"):
        (folder / name).write_bytes(name.encode())
    return folder


def chosen(root: Path, name: str, accept: str) -> tuple[str, str] | None:
    found = find_sibling(str(root), str(root / name), accept)
    return None if found is None else (found[0], os.path.basename(found[1]))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("gzip, br, zstd", ("br", "a.js.br")),
        ("gzip, zstd", ("zstd", "a.js.zst")),
        ("gzip", ("gzip", "a.js.gz")),
        ("br;q=0.1, gzip;q=0.2", ("gzip", "a.js.gz")),
        ("*", ("br", "a.js.br")),
        ("br;q=0, *;q=0", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_the_clients_wish_decides_then_the_size(root: Path, accept: str, expected: tuple[str, str] | None) -> None:
    assert chosen(root, "a.js", accept) == expected


def test_a_file_without_siblings_is_sent_plain(root: Path) -> None:
    assert chosen(root, "alone.js", "gzip, br") is None


def test_the_status_is_the_siblings(root: Path) -> None:
    found = find_sibling(str(root), str(root / "a.js"), "gzip")
    assert found is not None and found[2].st_size == len("a.js.gz")


def test_a_sibling_from_a_former_version_is_passed_over(root: Path) -> None:
    os.utime(root / "a.js.br", (1, 1))
    assert chosen(root, "a.js", "br, gzip") == ("gzip", "a.js.gz")


def test_SF4_a_sibling_that_links_out_of_the_root_is_passed_over(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "a.js.br").unlink()
    (root / "a.js.br").symlink_to(tmp_path / "secret")
    assert chosen(root, "a.js", "br") is None
    found = find_sibling(str(root), str(root / "a.js"), "br", [str(tmp_path)])
    assert found is not None and found[0] == "br"
