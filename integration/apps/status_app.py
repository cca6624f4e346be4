"""An application with a status page, for tests with a browser: quick, slow, faulty and waiting requests."""

from __future__ import annotations

import asyncio
import random

from waterspout import web
from waterspout.web.status import StatusPage


class Quick(web.RequestHandler):
    def get(self) -> None:
        self.write("quick")


class Slow(web.RequestHandler):
    async def get(self, number: str) -> None:
        await asyncio.sleep(random.expovariate(25))
        self.write("x" * 2000)


class Poll(web.RequestHandler):
    cancel_on_disconnect = True

    async def get(self) -> None:
        await asyncio.Event().wait()


def make_app() -> web.Application:
    routes = [
        (r"/", Quick), (r"/orders/(\d+)", Slow), (r"/updates", Poll),
        (r"/broken", web.ErrorHandler, {"status_code": 500}),
    ]  # fmt: skip
    return web.Application(
        routes, status_page=StatusPage(long_polls=["/updates"], title="Orders"), log_function=lambda handler: None
    )
