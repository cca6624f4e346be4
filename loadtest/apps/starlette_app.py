"""The measured rows on Starlette, served by uvicorn or granian: ``python -m uvicorn starlette_app:app``."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

ITEMS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(8)]


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


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/async", hello),
        Route("/json", send_json),
        Route("/form", form, methods=["POST"]),
        *(Route(f"/resource{number}/{{identifier:int}}", route) for number in range(200)),
    ]
)
