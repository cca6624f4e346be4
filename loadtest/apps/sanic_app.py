"""The measured rows on Sanic: ``python sanic_app.py --port 8000 --loop uvloop``."""

from __future__ import annotations

import argparse

import jinja2
from sanic import Request, Sanic, response
from sanic.response import HTTPResponse
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, UPLOAD_LIMIT, static_folder

PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
TABLE_PAGE = PAGES.get_template("table_jinja.html")


async def hello(_request: Request) -> HTTPResponse:
    return response.html("Hello, World!")


async def send_json(_request: Request) -> HTTPResponse:
    return response.json({"message": "Hello, World!", "items": ITEMS})


async def route(_request: Request, identifier: int) -> HTTPResponse:
    return response.text(str(identifier))


async def form(request: Request) -> HTTPResponse:
    fields = request.get_form()
    assert fields is not None
    return response.text(f"{fields.get('name')} {fields.get('age')}")


async def table(request: Request) -> HTTPResponse:
    return response.html(TABLE_PAGE.render(title="Page " + request.args.get("page", "0"), rows=TABLE))


async def upload(request: Request) -> HTTPResponse:
    assert request.files is not None
    return response.text(str(len(request.files.get("file").body)))


async def stream(request: Request) -> None:
    answer = await request.respond()
    for _ in range(PIECES):
        await answer.send(PIECE)
    await answer.eof()


def application(loop: str) -> Sanic:
    app: Sanic = Sanic("bench", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = UPLOAD_LIMIT
    app.config.USE_UVLOOP = loop == "uvloop"
    app.add_route(hello, "/")
    app.add_route(hello, "/async", name="async")
    app.add_route(send_json, "/json")
    app.add_route(form, "/form", methods=["POST"])
    app.add_route(table, "/table")
    app.add_route(upload, "/upload", methods=["POST"])
    app.add_route(stream, "/stream")
    app.static("/static", static_folder(), use_modified_since=True)
    for number in range(200):
        app.add_route(route, f"/resource{number}/<identifier:int>", name=f"resource{number}")
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    app = application(options.loop)
    app.run("127.0.0.1", options.port, access_log=False, single_process=True, backlog=4096, motd=False)


if __name__ == "__main__":
    main()
