"""The nginx that ``bench.py client`` fetches from: a small answer, a large file, uploads; clear and over TLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SMALL = b"hello, client"
LARGE_SIZE = 100 * 1024 * 1024
START_SECONDS = 15.0

_CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nopush on;
    client_max_body_size 0; client_body_buffer_size 2m; client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        listen 127.0.0.1:{tls_port} ssl backlog=1024;
        listen 127.0.0.1:{h2_port} ssl http2 backlog=1024;
        ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
        location = /small {{ return 200 "{small}"; }}
        location = /upload {{ return 200 "{small}"; }}
        location = /large {{ root {folder}; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a running nginx listens, and the certificate to trust."""

    port: int
    tls_port: int
    h2_port: int
    certificate: str

    def url(self, path: str, how: str = "clear") -> str:
        """The address of *path*, *how*: clear, tls (HTTP/1.1 only), or h2 (over TLS, negotiated)."""
        if how == "clear":
            return f"http://127.0.0.1:{self.port}{path}"
        return f"https://127.0.0.1:{self.tls_port if how == 'tls' else self.h2_port}{path}"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def nginx(folder: Path, cpu: int | None) -> Iterator[Server]:
    """A running nginx that keeps its files in *folder*, pinned to *cpu* unless that is None; ended at the end.

    Raises LookupError when nginx or openssl is not installed, RuntimeError when it does not listen in time.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("openssl") is None:
        raise LookupError("nginx and openssl are needed: apt-get install nginx-light openssl")
    _make_certificate(folder)
    with (folder / "large").open("wb") as file:
        block = os.urandom(1024 * 1024)
        for _ in range(LARGE_SIZE // len(block)):
            file.write(block)
    server = Server(free_port(), free_port(), free_port(), str(folder / "server.crt"))
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder, port=server.port, tls_port=server.tls_port, h2_port=server.h2_port, small=SMALL.decode()
        )
    )
    # An nginx that root starts drops to another user, who must be able to look into the folder.
    folder.chmod(0o755)
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    process = subprocess.Popen(
        [program, "-c", str(configuration), "-e", str(folder / "error.log")], preexec_fn=pin, start_new_session=True
    )
    try:
        _wait_for(process, server.tls_port, folder / "error.log")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    command += ["-out", str(folder / "server.crt"), "-keyout", str(folder / "server.key")]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text() if log.exists() else ""
                raise RuntimeError(f"nginx does not listen on port {port}: {said.strip()}") from error
            time.sleep(0.02)
