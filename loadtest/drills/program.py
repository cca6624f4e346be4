"""The server under the drills: answers with its process id, now or after the milliseconds of the query."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from waterspout.httpserver import run
from waterspout.httputil import HTTPServerRequest


def answer(request: HTTPServerRequest) -> None:
    body = b"%d\n" % os.getpid()
    connection: Any = request.connection
    connection.respond(200, None, f"Content-Length: {len(body)}\r\nContent-Type: text/plain\r\n", body)


def application(request: HTTPServerRequest) -> None:
    if request.query:
        asyncio.get_running_loop().call_later(int(request.query) / 1000, answer, request)
    else:
        answer(request)


def main(port: str, workers: str, reuse_port: str) -> None:
    options: dict[str, Any] = {"reuse_port": {"shared": False, "own": True}[reuse_port]}
    run(application, int(port), "127.0.0.1", workers=int(workers), **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
