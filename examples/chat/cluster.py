"""The chat room on four processes behind nginx, with its messages in Redis or NATS: one command.

    python examples/chat/cluster.py [--port 8888] [--workers 4] [--hub redis]

Needs ``nginx`` and ``redis-server`` (Debian: ``apt-get install nginx-light redis-server``) and
``waterspout-ioloop[redis]``; with ``--hub nats`` ``nats-server`` and ``waterspout-ioloop[nats]``. Either writes each
message to its files before it answers, so a message that was confirmed outlives a hub that is killed; it is started
again when it dies, and so are the workers. Data and configuration are in a folder of their own, which ``--data`` keeps;
without it, it is temporary.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

APP = Path(__file__).with_name("app.py")
PATIENCE = 20.0  # seconds for a program to begin to listen

REDIS = """
port 0
unixsocket {folder}/redis.sock
dir {folder}
appendonly yes
appendfsync always
save ""
maxclients 4064
"""

NATS = """
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{folder}/nats" }}
"""


class Hub(NamedTuple):
    """A server that the messages are in: how it is started, and where it listens then."""

    name: str
    command: tuple[str, ...]
    configuration: str
    socket: str | None  # in the folder; None: a port
    url: str


HUBS = {
    "redis": Hub("Redis", ("redis-server", "{folder}/hub.conf"), REDIS, "redis.sock", "unix://{folder}/redis.sock"),
    "nats": Hub("NATS", ("nats-server", "-c", "{folder}/hub.conf"), NATS, None, "nats://127.0.0.1:{port}"),
}

NGINX = """
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000;
    upstream chat {{ server 127.0.0.1:{behind}; keepalive 4096; keepalive_requests 100000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://chat;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_buffering off;
        }}
    }}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_for(place: int | Path, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until something listens on a port or a UNIX socket; SystemExit when the program has ended or takes too long."""
    limit = time.monotonic() + PATIENCE
    while True:
        family, address = (
            (socket.AF_UNIX, str(place)) if isinstance(place, Path) else (socket.AF_INET, ("127.0.0.1", place))
        )
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.connect(address)
            return
        if process.poll() is not None or time.monotonic() > limit:
            raise SystemExit(f"Nothing listens on {place}, and the last lines of the log are:\n{last_lines(folder)}")
        time.sleep(0.05)


def last_lines(folder: Path) -> str:
    """The end of what the programs wrote: the folder may be gone when somebody looks."""
    return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-8:])


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        package = {"nginx": "nginx-light"}.get(name, name)
        raise SystemExit(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def run(folder: Path, port: int, workers: int, hub: Hub) -> None:
    """Start the hub, the workers and nginx; start the hub again whenever it ends; return at Ctrl-C or SIGTERM."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise SystemExit(f"Port {port}: {error.strerror}. Choose another with --port, or 0 for any.") from None
    behind, port, hub_port = free_port(), port or free_port(), free_port()
    user = "user root;" if os.getuid() == 0 else ""  # nginx's worker writes into the folder, too
    (folder / "hub.conf").write_text(hub.configuration.format(folder=folder, port=hub_port))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, behind=behind, port=port, user=user))
    hub_command = [program(hub.command[0]), *(word.format(folder=folder) for word in hub.command[1:])]
    hub_place = hub_port if hub.socket is None else folder / hub.socket
    nginx_command = [program("nginx"), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")]
    chat_command = [sys.executable, str(APP), "--port", str(behind), "--workers", str(workers)]
    chat_command += ["--hub", hub.url.format(folder=folder, port=hub_port)]
    with contextlib.ExitStack() as stack, (folder / "log").open("ab") as log:

        def start(command: list[str], place: int | Path) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            wait_for(place, process, folder)
            return process

        def stop(name: str) -> None:
            running[name].terminate()
            running[name].wait(PATIENCE)

        running: dict[str, subprocess.Popen[bytes]] = {}
        for name, command, place in (
            ("hub", hub_command, hub_place),
            ("chat", chat_command, behind),
            ("nginx", nginx_command, port),
        ):
            running[name] = start(command, place)
            stack.callback(stop, name)
        print(f"The chat room is open at http://127.0.0.1:{port}/")
        pids = f"{workers} workers (pid {running['chat'].pid}), {hub.name} (pid {running['hub'].pid})"
        print(f"{pids}, log in {folder}/log")
        print("Stop it with Ctrl-C.", flush=True)
        while True:
            time.sleep(0.2)
            if running["hub"].poll() is not None:
                if isinstance(hub_place, Path):
                    hub_place.unlink(missing_ok=True)
                running["hub"] = start(hub_command, hub_place)
                print(f"{hub.name} ended and was started again (pid {running['hub'].pid})", flush=True)
            for name in ("chat", "nginx"):
                if (status := running[name].poll()) is not None:
                    raise SystemExit(f"{name} ended with status {status}. Its log:\n{last_lines(folder)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="The chat room on several processes, with nginx and a hub.")
    parser.add_argument("--port", type=int, default=8888, help="nginx's port; 0 takes any free one")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--hub", choices=HUBS, default="redis", help="the server that the messages are in")
    parser.add_argument("--data", type=Path, help="a folder to keep; without it everything is gone at the end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.suppress(KeyboardInterrupt):
        if options.data is None:
            with tempfile.TemporaryDirectory(prefix="chat.") as folder:
                run(Path(folder), options.port, options.workers, HUBS[options.hub])
        else:
            options.data.mkdir(parents=True, exist_ok=True)
            run(options.data.resolve(), options.port, options.workers, HUBS[options.hub])


if __name__ == "__main__":
    main()
