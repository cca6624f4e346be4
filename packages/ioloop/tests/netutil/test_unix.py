"""bind_unix_socket."""

import os
import socket
import stat

import pytest

from waterspout.netutil import bind_unix_socket


def connects_to(address):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)


def test_socket_listens_with_its_permissions(tmp_path):
    path = str(tmp_path / "socket")
    with bind_unix_socket(path) as sock:
        assert not sock.getblocking()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        connects_to(path)
    with bind_unix_socket(path, mode=0o666):  # what the first left is replaced
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
        connects_to(path)


def test_OT3_permissions_hold_before_anybody_can_connect(tmp_path, monkeypatch):
    modes = []

    class Watched(socket.socket):
        def listen(self, *arguments):
            modes.append(stat.S_IMODE(os.stat(self.getsockname()).st_mode))
            super().listen(*arguments)

    monkeypatch.setattr(socket, "socket", Watched)
    bind_unix_socket(str(tmp_path / "socket"), mode=0o640).close()
    assert modes == [0o640]


@pytest.mark.parametrize("kind", ["file", "directory", "link to a file", "link to a socket"])
def test_OT3_anything_but_a_socket_at_the_path_is_left_alone(tmp_path, kind):
    path = tmp_path / "there"
    target = tmp_path / "target"
    listener = None
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        if kind.endswith("file"):
            target.write_text("precious")
        else:
            listener = bind_unix_socket(str(target))
        path.symlink_to(target)
    with pytest.raises(ValueError, match="not a socket"):
        bind_unix_socket(str(path))
    assert path.is_symlink() or path.exists()
    if not path.is_dir() and listener is None:
        assert path.read_text() == "precious"
    if listener is not None:
        connects_to(str(target))
        listener.close()


def test_OT3_abstract_name_has_no_file(tmp_path):
    name = f"\0waterspout-test-{os.getpid()}"
    with bind_unix_socket(name):
        connects_to(name)
        with pytest.raises(OSError, match="waterspout-test"):
            bind_unix_socket(name)


def test_missing_folder_and_long_path_are_named(tmp_path):
    for path in (f"{tmp_path}/missing/socket", str(tmp_path / ("x" * 200))):
        with pytest.raises(OSError, match="UNIX socket"):
            bind_unix_socket(path)
