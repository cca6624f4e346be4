"""The measured rows on BlackSheep, served by granian: ``python -m granian --interface asgi blacksheep_app:app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jinja2
from blacksheep import Application, Content, Request, Response, StreamedContent, html, json, text
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, static_folder

PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
TABLE_PAGE = PAGES.get_template("table_jinja.html")

app = Application()


async def hello(_request: Request) -> Response:
    return Response(200, content=Content(b"text/html; charset=utf-8", b"Hello, World!"))


async def send_json(_request: Request) -> Response:
    return json({"message": "Hello, World!", "items": ITEMS})


async def route(request: Request) -> Response:
    return text(request.route_values["identifier"])


async def form(request: Request) -> Response:
    fields: Any = await request.form()
    return text(f"{fields['name']} {fields['age']}")


async def table(request: Request) -> Response:
    return html(TABLE_PAGE.render(title="Page " + request.query.get("page", ["0"])[0], rows=TABLE))


async def upload(request: Request) -> Response:
    files: Any = await request.files("file")
    return text(str(len(files[0].data)))


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


async def stream(_request: Request) -> Response:
    return Response(200, content=StreamedContent(b"text/html", pieces))


app.router.add_get("/", hello)
app.router.add_get("/async", hello)
app.router.add_get("/json", send_json)
app.router.add_post("/form", form)
app.router.add_get("/table", table)
app.router.add_post("/upload", upload)
app.router.add_get("/stream", stream)
for number in range(200):
    app.router.add_get(f"/resource{number}/:identifier", route)
app.serve_files(static_folder(), root_path="static", extensions={".txt"}, cache_time=0)
