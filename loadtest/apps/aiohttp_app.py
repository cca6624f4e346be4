"""The measured rows on aiohttp: ``python aiohttp_app.py --port 8000 --loop uvloop``."""

from __future__ import annotations

import argparse
import asyncio
import importlib

from aiohttp import web

ITEMS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(8)]


async def hello(_request: web.Request) -> web.Response:
    return web.Response(body=b"Hello, World!", content_type="text/html", charset="UTF-8")


async def send_json(_request: web.Request) -> web.Response:
    return web.json_response({"message": "Hello, World!", "items": ITEMS})


async def route(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["identifier"])


async def form(request: web.Request) -> web.Response:
    fields = await request.post()
    return web.Response(text=f"{fields['name']} {fields['age']}")


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_get("/async", hello)
    app.router.add_get("/json", send_json)
    app.router.add_post("/form", form)
    for number in range(200):
        app.router.add_get(f"/resource{number}/{{identifier:[0-9]+}}", route)
    return app


async def serve(port: int) -> None:
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    factory = importlib.import_module("uvloop").new_event_loop if options.loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.port))


if __name__ == "__main__":
    main()
