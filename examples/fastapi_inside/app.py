"""A FastAPI application mounted below ``/api``, beside pages of our own, on one server and one loop.

python examples/fastapi_inside/app.py [PORT]      # needs: pip install fastapi
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from waterspout import httpserver, web
from waterspout.asgi import ASGIContainer

api = FastAPI()
container = ASGIContainer(api, root_path="/api")


@api.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    return {"item": number}


class Page(web.RequestHandler):
    def get(self) -> None:
        self.write('<h1>Our own page</h1><a href="/api/items/1">FastAPI\'s item</a>, <a href="/api/docs">its docs</a>')


@asynccontextmanager
async def lifespan(_: web.Application) -> AsyncIterator[None]:
    async with container:  # FastAPI's own start-up and shutdown
        yield


app = web.Application([(r"/", Page), (r"/api/.*", container)], lifespan=lifespan)

if __name__ == "__main__":
    httpserver.run(app, int(sys.argv[1]) if len(sys.argv) > 1 else 8888, "127.0.0.1")
