"""Paths of static files."""

import os
import socket
import time
from pathlib import Path

import pytest

from waterspout.web._staticpaths import (
    StaticPathError,
    check_relative_path,
    directory_redirect,
    is_below,
    is_plain_windows_name,
    joined,
    served_file,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "dir").mkdir(parents=True)
    (tmp_path / "static_x").mkdir()
    (tmp_path / "static_x" / "f").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    (folder / "a.txt").write_text("A")
    (folder / "dir" / "b.txt").write_text("B")
    return folder


def status(path: str, **options: bool) -> int:
    with pytest.raises(StaticPathError) as caught:
        check_relative_path(path, **options)
    return caught.value.status_code


def serve(root: Path, path: str, *allowed: str) -> int:
    """200, or the status of the refusal."""
    try:
        served_file(str(root), joined(str(root), path), allowed_symlink_directories=allowed)
    except StaticPathError as error:
        return error.status_code
    return 200


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "..\\secret", "a\\..\\..\\secret", "..", "a/.."])
def test_SF1_a_path_that_goes_up_is_refused(path: str) -> None:
    assert status(path) == 403
    assert status(path, windows=True) == 403


def test_SF1_even_unchecked_a_path_that_goes_up_is_not_served(root: Path) -> None:
    assert serve(root, "../secret") == 403
    assert serve(root, "dir/../../secret") == 403


def test_SF2_a_path_is_not_decoded_again(root: Path) -> None:
    check_relative_path("%2e%2e/secret")
    assert serve(root, "%2e%2e/secret") == 404


def test_SF3_a_folder_whose_name_begins_alike_is_not_below(root: Path) -> None:
    assert serve(root, "../static_x/f") == 403
    assert not is_below("/srv/static", "/srv/static_x")
    assert is_below("/srv/static", "/srv/static/x")
    assert is_below("/srv/static", "/srv/static")
    assert is_below("/", "/etc")


def test_SF4_a_symbolic_link_out_of_the_root_is_refused_unless_allowed(root: Path) -> None:
    (root / "link").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent / "static_x")
    (root / "inside").symlink_to(root / "a.txt")
    assert serve(root, "link") == 403
    assert serve(root, "folder/f") == 403
    assert serve(root, "inside") == 200
    assert serve(root, "folder/f", str(root.parent / "static_x")) == 200
    assert serve(root, "link", str(root.parent / "static_x")) == 403
    assert serve(root, "folder/f", str(root.parent / "static_")) == 403


def test_SF4_the_root_itself_may_be_a_link(root: Path) -> None:
    (root.parent / "current").symlink_to(root)
    current = root.parent / "current"
    assert serve(current, "a.txt") == 200
    (root / "link").symlink_to(root.parent / "secret")
    assert serve(current, "link") == 403


def test_SF4_a_link_to_itself_and_one_to_nothing_are_not_found(root: Path) -> None:
    (root / "loop").symlink_to(root / "loop")
    (root / "nothing").symlink_to(root / "none")
    assert serve(root, "loop") == 404
    assert serve(root, "nothing") == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "//etc/passwd", "C:/x", "c:x", "\\\\host\\share", "\\x"])
def test_SF5_absolute_paths_drives_and_shares_are_refused(path: str, root: Path) -> None:
    assert status(path) == 403
    assert serve(root, "/etc/passwd") == 403


def test_SF6_nul_is_not_found(root: Path) -> None:
    assert status("a.txt\0.png") == 404
    assert serve(root, "a.txt\0.png") == 404


def test_SF7_what_is_no_regular_file_is_refused_without_opening_it(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "socket"))
        for name in ("fifo", "socket"):
            assert serve(root, name) == 403
        assert serve(root, "device", "/dev") == 403


def test_SF8_a_slash_after_a_file_name_is_not_found(root: Path) -> None:
    # abspath drops the slash, so the path is given with it.
    with pytest.raises(StaticPathError) as caught:
        served_file(str(root), str(root / "a.txt") + "/")
    assert caught.value.status_code == 404
    assert serve(root, "a.txt/x") == 404


def test_SF9_long_segments_and_many_of_them_are_not_found(root: Path) -> None:
    assert status("x" * 256) == 404
    assert status("é" * 128) == 404
    check_relative_path("x" * 255)
    assert serve(root, "x" * 300) == 404
    began = time.process_time()
    check_relative_path("a/" * 2000)
    assert serve(root, "a/" * 2000 + "b") == 404
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "name",
    [
        "NUL",
        "nul.txt",
        "CON.txt",
        "aux .png",
        "com1",
        "LPT9.x",
        "COM\xb9",
        "CONIN$",
        "a.txt::$DATA",
        "a.txt:x",
        "a.txt.",
        "a.txt ",
        "ADMIN~1",
        "a...",
    ],
)
def test_SF10_names_with_a_meaning_on_windows_are_not_found_there(name: str) -> None:
    assert not is_plain_windows_name(name)
    assert status(f"dir/{name}/x", windows=True) == 404


@pytest.mark.parametrize("name", ["console.txt", "null", "com10", "a~b", "auxiliary.js", "a.txt", "com", "nul_"])
def test_SF10_plain_names_are_not_mistaken_for_them(name: str) -> None:
    check_relative_path(name, windows=True)


@pytest.mark.parametrize("path", [".git/config", ".env", "a/.htaccess", "..."])
def test_SF11_hidden_files_are_not_found_unless_asked_for(path: str) -> None:
    assert status(path) == 404
    check_relative_path(path, dotfiles=True)


def test_SF11_well_known_files_are_public() -> None:
    check_relative_path(".well-known/security.txt")
    assert status(".well-known/.git") == 404


def test_SF12_a_folder_is_refused(root: Path) -> None:
    assert serve(root, "dir") == 403
    assert serve(root, "") == 403


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/s/dir", "/s/dir/"),
        ("//evil.com/..//s/dir", "/evil.com/..//s/dir/"),
        ("/\\evil.com/../dir", "/evil.com/../dir/"),
        ("///x", "/x/"),
    ],
)
def test_SF13_the_redirect_to_a_folder_begins_with_one_slash(path: str, expected: str) -> None:
    assert directory_redirect(path) == expected


def test_SF23_what_static_url_would_look_for_outside_is_refused(root: Path) -> None:
    assert status("../x") == 403


def test_a_file_that_may_be_served_gives_its_status(root: Path) -> None:
    assert served_file(str(root), str(root / "dir" / "b.txt")).st_size == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_entered_is_refused(root: Path) -> None:
    (root / "dir").chmod(0)
    try:
        assert serve(root, "dir/b.txt") == 403
    finally:
        (root / "dir").chmod(0o755)
