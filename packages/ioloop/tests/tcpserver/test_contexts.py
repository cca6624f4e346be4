"""The certificate that is on disk now."""

import os
import shutil
import ssl

import pytest

from waterspout.tcpserver import _contexts
from waterspout.tcpserver._contexts import ServerContext


@pytest.fixture
def files(tmp_path, certificate):
    """A certificate and its key that may be changed."""
    paths = {"certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}
    for path, source in zip(paths.values(), certificate, strict=True):
        shutil.copy(source, path)
    return paths


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(_contexts, "time", clock)
    return clock


def test_context_is_made_once_while_nothing_changes(files, clock):
    contexts = ServerContext(files)
    first = contexts.get()
    clock.now += 5
    assert contexts.get() is first


def test_TL6_changed_certificate_is_used_within_a_second(files, clock):
    contexts = ServerContext(files)
    first = contexts.get()
    os.utime(files["certfile"], ns=(1, 1))
    clock.now += 0.5
    assert contexts.get() is first
    clock.now += 0.6
    second = contexts.get()
    assert second is not first
    clock.now += 2
    assert contexts.get() is second


def test_TL6_half_written_pair_keeps_the_old_one(files, clock, caplog):
    contexts = ServerContext(files)
    first = contexts.get()
    good = open(files["keyfile"]).read()
    with open(files["keyfile"], "w") as file:
        file.write("half")
    clock.now += 2
    assert contexts.get() is first
    assert "keeping the last one" in caplog.text
    os.remove(files["keyfile"])
    clock.now += 2
    assert contexts.get() is first
    with open(files["keyfile"], "w") as file:
        file.write(good)
    clock.now += 2
    assert contexts.get() is not first


def test_first_context_must_load(files, clock):
    with open(files["keyfile"], "w") as file:
        file.write("half")
    with pytest.raises((ssl.SSLError, OSError)):
        ServerContext(files).get()
