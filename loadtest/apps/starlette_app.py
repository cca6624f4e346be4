"""The measured rows on Starlette, served by uvicorn or granian: ``python -m uvicorn starlette_app:app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import jinja2
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, static_folder
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
TABLE_PAGE = PAGES.get_template("table_jinja.html")


async def hello(_request: Request) -> Response:
    return HTMLResponse(b"Hello, World!")


async def send_json(_request: Request) -> Response:
    return JSONResponse({"message": "Hello, World!", "items": ITEMS})


async def route(request: Request) -> Response:
    return PlainTextResponse(str(request.path_params["identifier"]))


async def form(request: Request) -> Response:
    # request.form() needs a further package even for this kind of form; the standard parser is faster.
    fields = parse_qs((await request.body()).decode())
    return PlainTextResponse(f"{fields['name'][0]} {fields['age'][0]}")


async def table(request: Request) -> Response:
    return HTMLResponse(TABLE_PAGE.render(title="Page " + request.query_params.get("page", "0"), rows=TABLE))


async def upload(request: Request) -> Response:
    async with request.form() as fields:
        file = fields["file"]
        assert isinstance(file, UploadFile)
        return PlainTextResponse(str(len(await file.read())))


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


async def stream(_request: Request) -> Response:
    return StreamingResponse(pieces())


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/async", hello),
        Route("/json", send_json),
        Route("/form", form, methods=["POST"]),
        Route("/table", table),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream", stream),
        Mount("/static", StaticFiles(directory=static_folder())),
        *(Route(f"/resource{number}/{{identifier:int}}", route) for number in range(200)),
    ]
)
