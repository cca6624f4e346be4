"""What somebody does who has waterspout-web: pages, forms, a long poll, a WebSocket, and a request to itself."""

import asyncio
import logging
import signal

from waterspout.httpclient import AsyncHTTPClient
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.template import DictLoader
from waterspout.web import Application, RequestHandler
from waterspout.websocket import WebSocketHandler, websocket_connect

PAGES = {"page.html": "<p>{{ name }}</p>{% raw xsrf_form_html() %}"}


class Page(RequestHandler):
    def get(self) -> None:
        self.render("page.html", name=self.get_argument("name", "<nobody>"))

    def post(self) -> None:
        self.write({"name": self.get_argument("name")})


class Poll(RequestHandler):
    waiting: set[asyncio.Future[str]] = set()

    async def get(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        self.write(await future)

    def post(self) -> None:
        for future in self.waiting:
            future.set_result("news")
        self.waiting.clear()

    def check_xsrf_cookie(self) -> None:
        """Not a browser's."""


class Echo(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class Around(RequestHandler):
    """Asks the site itself, over HTTP and over a WebSocket."""

    async def get(self) -> None:
        page = await AsyncHTTPClient().fetch(f"http://{self.request.host}/?name=me")
        socket = await websocket_connect(f"ws://{self.request.host}/echo")
        await socket.write_message("hello")
        self.write({"page": "<p>me</p>" in page.text, "echo": await socket.read_message()})
        socket.close()


async def main() -> None:
    app = Application(
        [("/", Page), ("/poll", Poll), ("/echo", Echo), ("/around", Around)],
        template_loader=DictLoader(PAGES),
        xsrf_cookies=True,
        log_function=lambda _handler: None,
        cookie_secret="a secret that is long enough for a test",
    )
    (sock,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets([sock])
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(f"http://127.0.0.1:{sock.getsockname()[1]}/", flush=True)
    await stopped.wait()
    await server.drain(deadline=5)


logging.getLogger("waterspout").setLevel(logging.ERROR)  # a form that is refused is part of the test
asyncio.run(main())
