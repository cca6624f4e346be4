"""The measured rows on aiohttp: ``python aiohttp_app.py --port 8000 --loop uvloop``."""

from __future__ import annotations

import argparse
import asyncio
import importlib

import jinja2
from aiohttp import web
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, UPLOAD_LIMIT, static_folder

PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
TABLE_PAGE = PAGES.get_template("table_jinja.html")


async def hello(_request: web.Request) -> web.Response:
    return web.Response(body=b"Hello, World!", content_type="text/html", charset="UTF-8")


async def send_json(_request: web.Request) -> web.Response:
    return web.json_response({"message": "Hello, World!", "items": ITEMS})


async def route(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["identifier"])


async def form(request: web.Request) -> web.Response:
    fields = await request.post()
    return web.Response(text=f"{fields['name']} {fields['age']}")


async def table(request: web.Request) -> web.Response:
    page = TABLE_PAGE.render(title="Page " + request.query.get("page", "0"), rows=TABLE)
    return web.Response(text=page, content_type="text/html")


async def upload(request: web.Request) -> web.Response:
    fields = await request.post()
    file = fields["file"]
    assert isinstance(file, web.FileField)
    return web.Response(text=str(len(file.file.read())))


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(PIECES):
        await response.write(PIECE)
    await response.write_eof()
    return response


def application() -> web.Application:
    app = web.Application(client_max_size=UPLOAD_LIMIT)
    app.router.add_get("/", hello)
    app.router.add_get("/async", hello)
    app.router.add_get("/json", send_json)
    app.router.add_post("/form", form)
    app.router.add_get("/table", table)
    app.router.add_post("/upload", upload)
    app.router.add_get("/stream", stream)
    app.router.add_static("/static", static_folder())
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
