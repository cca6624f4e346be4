"""The measured rows on Falcon, served by uvicorn: ``python -m uvicorn falcon_app:app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jinja2
from falcon import MEDIA_HTML, MEDIA_TEXT
from falcon.asgi import App, Request, Response
from falcon.media import MultipartFormHandler
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, UPLOAD_LIMIT, static_folder

PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
TABLE_PAGE = PAGES.get_template("table_jinja.html")


class Hello:
    async def on_get(self, _request: Request, response: Response) -> None:
        response.content_type = MEDIA_HTML
        response.data = b"Hello, World!"


class Json:
    async def on_get(self, _request: Request, response: Response) -> None:
        response.media = {"message": "Hello, World!", "items": ITEMS}


class Route:
    async def on_get(self, _request: Request, response: Response, identifier: int) -> None:
        response.content_type = MEDIA_TEXT
        response.text = str(identifier)


class Form:
    async def on_post(self, request: Request, response: Response) -> None:
        fields = await request.get_media()
        response.content_type = MEDIA_TEXT
        response.text = f"{fields['name']} {fields['age']}"


class Table:
    async def on_get(self, request: Request, response: Response) -> None:
        response.content_type = MEDIA_HTML
        response.text = TABLE_PAGE.render(title="Page " + request.get_param("page", default="0"), rows=TABLE)


class Upload:
    async def on_post(self, request: Request, response: Response) -> None:
        parts: Any = await request.get_media()
        length = 0
        async for part in parts:
            if part.name == "file":
                length = len(await part.get_data())
        response.content_type = MEDIA_TEXT
        response.text = str(length)


class Stream:
    async def on_get(self, _request: Request, response: Response) -> None:
        response.stream = self.pieces()

    async def pieces(self) -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield PIECE


def application() -> App:
    app = App()
    forms = MultipartFormHandler()
    forms.parse_options.max_body_part_buffer_size = UPLOAD_LIMIT
    app.req_options.media_handlers["multipart/form-data"] = forms
    for path in ("/", "/async"):
        app.add_route(path, Hello())
    app.add_route("/json", Json())
    app.add_route("/form", Form())
    app.add_route("/table", Table())
    app.add_route("/upload", Upload())
    app.add_route("/stream", Stream())
    app.add_static_route("/static", static_folder())
    for number in range(200):
        app.add_route(f"/resource{number}/{{identifier:int}}", Route())
    return app


app = application()
