"""Who listens on a port."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from waterspout.cli._holder import holder_of


@pytest.mark.skipif(sys.platform != "linux", reason="looked up in /proc, which only Linux has")
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_process_is_named(family: socket.AddressFamily, address: str) -> None:
    if family == socket.AF_INET6 and not os.path.exists("/proc/net/tcp6"):
        pytest.skip("this machine has no IPv6")
    with socket.socket(family) as listening:
        listening.bind((address, 0))
        port = listening.getsockname()[1]
        assert holder_of(port) is None  # bound, but nobody listens
        listening.listen()
        holder = holder_of(port)
    assert holder is not None and holder.endswith(f"(pid {os.getpid()})")
