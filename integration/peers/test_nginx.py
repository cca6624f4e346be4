"""Two processes of ours behind nginx, which ends TLS and keeps its connections to them open."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

APP = pathlib.Path(__file__).resolve().parent.parent / "apps" / "behind_proxy.py"
PATIENCE = 30.0

#: Two listeners: one overwrites the forwarding headers, as the documentation says; the other passes on what it gets.
CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    upstream app {{
        server 127.0.0.1:{apps[0]};
        server 127.0.0.1:{apps[1]};
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.2:{tls} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Site:
    """The running site: nginx's TLS port, and the ports of the two processes behind it."""

    tls: int
    apps: tuple[int, int]
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.tls}"

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.trust, trust_env=False, timeout=PATIENCE, **options)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    limit = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert process.poll() is None and time.monotonic() < limit, log.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def site(certificate: tuple[pathlib.Path, pathlib.Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("site")
    folder.chmod(0o755)
    first, second, tls = free_ports(3)
    crt, key = certificate
    text = CONFIGURATION.format(folder=folder, apps=(first, second), tls=tls, certificate=crt, key=key)
    if os.getuid() == 0:
        text = "user root;\n" + text  # its workers write into the folder of the test
    (folder / "nginx.conf").write_text(text)
    log = folder / "log"
    commands = [
        (first, [sys.executable, str(APP), str(first), "first"]),
        (second, [sys.executable, str(APP), str(second), "second"]),
        (tls, [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]),
    ]
    processes = []
    try:
        with log.open("ab") as output:
            for port, command in commands:
                processes.append(subprocess.Popen(command, stdout=output, stderr=output))
                wait_until_listening(port, processes[-1], log)
        yield Site(tls, (first, second), ssl.create_default_context(cafile=crt))
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(PATIENCE)
    assert "Traceback" not in log.read_text() and "ERROR" not in log.read_text(), log.read_text()


def test_both_processes_answer_over_connections_that_stay_open(site: Site) -> None:
    with site.client() as client:
        answers = [client.get("/who").raise_for_status().json() for _ in range(40)]
    by_name = collections.Counter(answer["name"] for answer in answers)
    assert by_name.keys() == {"first", "second"}, by_name
    assert len({answer["peer_port"] for answer in answers}) <= 4  # kept, not opened anew 40 times


def test_address_and_scheme_are_the_clients(site: Site) -> None:
    transport = httpx.HTTPTransport(verify=site.trust, local_address="127.0.0.9")
    with httpx.Client(transport=transport, trust_env=False, timeout=PATIENCE) as client:
        answer = client.get(f"{site.url}/who").json()
    assert (answer["remote_ip"], answer["protocol"]) == ("127.0.0.9", "https")
    assert answer["url"] == f"{site.url}/who"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-Ip", "Forwarded"])
def test_a_client_of_nginx_cannot_choose_its_address(site: Site, name: str) -> None:
    value = "for=6.6.6.6" if name == "Forwarded" else "6.6.6.6"
    with site.client() as client:
        answer = client.get("/who", headers={name: value, "X-Forwarded-Proto": "gopher"}).json()
    assert (answer["remote_ip"], answer["protocol"]) == ("127.0.0.1", "https")


def test_a_peer_that_is_not_trusted_is_not_believed(site: Site) -> None:
    """It reaches the application past nginx, from an address that is not in the list."""
    transport = httpx.HTTPTransport(local_address="127.0.0.8")
    headers = {"X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "6.6.6.6", "X-Forwarded-Proto": "https"}
    with httpx.Client(transport=transport, trust_env=False, timeout=PATIENCE) as client:
        answer = client.get(f"http://127.0.0.1:{site.apps[0]}/who", headers=headers).json()
    assert (answer["remote_ip"], answer["protocol"]) == ("127.0.0.8", "http")


def test_large_bodies_pass_both_ways_unchanged_in_length(site: Site) -> None:
    with site.client() as client:
        assert client.put("/upload", content=b"x" * 20_000_000).text == "20000000"
        pieces = (b"y" * 50_000 for _ in range(100))
        assert client.put("/upload", content=pieces).text == "5000000"
        assert len(client.get("/download").content) == 64 * 65536


def test_a_poll_through_nginx_is_answered_and_one_that_leaves_is_forgotten(site: Site) -> None:
    async def scenario() -> None:
        async with httpx.AsyncClient(base_url=site.url, verify=site.trust, trust_env=False, timeout=PATIENCE) as client:

            async def total() -> int:
                return sum([int((await client.get(f"http://127.0.0.1:{port}/waiting")).text) for port in site.apps])

            async def reach(count: int) -> None:
                async with asyncio.timeout(PATIENCE):
                    while await total() != count:  # noqa: ASYNC110 - it is another process that changes
                        await asyncio.sleep(0.05)

            staying = [asyncio.create_task(client.get("/poll")) for _ in range(6)]
            leaving = [asyncio.create_task(client.get("/poll")) for _ in range(4)]
            await reach(10)
            for task in leaving:
                task.cancel()
            await reach(6)
            woken = [
                int((await client.post(f"http://127.0.0.1:{port}/publish", data={"text": "news"})).text)
                for port in site.apps
            ]
            assert sum(woken) == 6 and [response.text for response in await asyncio.gather(*staying)] == ["news"] * 6

    asyncio.run(scenario())
