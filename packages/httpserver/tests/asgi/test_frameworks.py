"""Applications of FastAPI, Starlette and Django, at the root and mounted, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import types
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from waterspout.asgi import ASGIContainer
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.routing import PathMatches, Rule, RuleRouter
from waterspout.wsgi import WSGIContainer

for _framework in ("django", "fastapi", "starlette"):
    pytest.importorskip(_framework, reason="it is in the dependency group `test`")

import django  # noqa: E402
import fastapi  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.urls import path, reverse  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse  # noqa: E402
from starlette.routing import Route, WebSocketRoute  # noqa: E402
from starlette.websockets import WebSocket  # noqa: E402

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own reads all certificates for each client: 50 ms


@asynccontextmanager
async def serving(application: Any, *containers: Any) -> AsyncIterator[str]:
    """The address of a server with *application*; the lifespans of *containers* are run."""
    async with AsyncExitStack() as stack:
        for container in containers:
            await stack.enter_async_context(container)
        server = HTTPServer(application)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        try:
            yield "{}:{}".format(*sock.getsockname())
        finally:
            await server.drain(30, idle_grace=0)


def mounted(container: ASGIContainer) -> RuleRouter:
    return RuleRouter([Rule(PathMatches(r"/app/.*"), container)])


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_fastapi(prefix: str) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        log.append("start")
        yield {"db": "open"}
        log.append("stop")

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/items/{number}")
    async def item(number: int, request: fastapi.Request, q: str = "") -> dict[str, Any]:
        return {"number": number, "q": q, "db": request.state.db}

    @app.post("/sum")
    def add(numbers: list[int]) -> int:  # runs in FastAPI's thread pool
        return sum(numbers)

    @app.websocket("/ws")
    async def ws(websocket: fastapi.WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_json({"said": text})
        log.append("left")

    container = ASGIContainer(app, root_path=prefix)

    async def main() -> None:
        async with serving(mounted(container) if prefix else container, container) as address:
            async with httpx.AsyncClient(base_url=f"http://{address}{prefix}", verify=NO_TLS) as client:
                assert (await client.get("/items/7?q=a%20b")).json() == {"number": 7, "q": "a b", "db": "open"}
                assert (await client.get("/items/x")).status_code == 422
                assert (await client.post("/sum", json=list(range(1000)))).json() == 499500
                schema = (await client.get("/openapi.json")).json()
                assert schema.get("servers", [{"url": ""}])[0]["url"] == prefix
                assert (await client.get("/nowhere")).status_code == 404
            async with connect(f"ws://{address}{prefix}/ws") as socket:
                await socket.send("hello")
                assert json.loads(await socket.recv()) == {"said": "hello"}

    asyncio.run(main())
    assert log == ["start", "left", "stop"]


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_starlette(prefix: str, tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"f" * 300_000)

    async def upload(request: Request) -> Response:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
        return PlainTextResponse(str(size))

    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(100):
                yield b"%d\n" % number

        return StreamingResponse(parts())

    async def where(request: Request) -> Response:
        return JSONResponse([str(request.url_for("where")), request.client.host if request.client else None])

    async def ws(websocket: WebSocket) -> None:
        if websocket.query_params.get("token") != "right":
            await websocket.send_denial_response(PlainTextResponse("wrong token", 401))
            return
        await websocket.accept(subprotocol="b")
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.close()

    app = Starlette(
        routes=[
            Route("/upload", upload, methods=["POST"]),
            Route("/stream", stream),
            Route("/where", where, name="where"),
            Route("/file", lambda request: FileResponse(tmp_path / "file")),
            WebSocketRoute("/ws", ws),
        ]
    )
    container = ASGIContainer(app, root_path=prefix)

    async def main() -> None:
        async with serving(mounted(container) if prefix else container, container) as address:
            async with httpx.AsyncClient(base_url=f"http://{address}{prefix}", verify=NO_TLS) as client:
                assert (await client.post("/upload", content=b"x" * 3_000_000)).text == "3000000"
                assert (await client.get("/stream")).text.split() == [str(n) for n in range(100)]
                assert (await client.get("/where")).json() == [f"http://{address}{prefix}/where", "127.0.0.1"]
                assert len((await client.get("/file")).content) == 300_000
                assert (await client.get("/file", headers={"Range": "bytes=0-9"})).content == b"f" * 10
                assert (await client.head("/file")).headers["content-length"] == "300000"
            url = f"ws://{address}{prefix}/ws?token="
            async with connect(url + "right", subprotocols=["a", "b"]) as socket:  # type: ignore[list-item]
                await socket.send(b"\x01")
                assert await socket.recv() == b"\x01" and socket.subprotocol == "b"
            with pytest.raises(Exception, match="401"):
                await connect(url + "wrong")

    asyncio.run(main())


@pytest.fixture
def django_urls() -> Iterator[None]:
    """Django configured by hand, once a process, with two views."""

    def show(request: HttpRequest, number: int) -> HttpResponse:
        return JsonResponse({"number": number, "url": reverse("show", args=[number]), "q": request.GET.get("q")})

    async def ashow(request: HttpRequest, number: int) -> HttpResponse:
        return show(request, number)

    def form(request: HttpRequest) -> HttpResponse:
        files = {name: file.size for name, file in request.FILES.items()}
        return JsonResponse({"post": request.POST.dict(), "files": files, "secure": request.is_secure()})

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(b"%d\n" % n for n in range(100))

    urls = types.ModuleType("waterspout_test_urls")
    urls.urlpatterns = [path("form", form), path("stream", stream)]  # type: ignore[attr-defined]
    urls.urlpatterns += [path("show/<int:number>", show, name="show"), path("ashow/<int:number>", ashow)]
    sys.modules[urls.__name__] = urls
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="for this test", DEBUG=False
        )
        django.setup()
    yield
    del sys.modules[urls.__name__]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
@pytest.mark.parametrize("kind", ["asgi", "asgi mounted", "wsgi", "wsgi in threads"])
def test_django(django_urls: None, kind: str) -> None:
    prefix = "/app" if "mounted" in kind else ""
    pool = ThreadPoolExecutor(4) if "threads" in kind else None
    application: Any
    if kind.startswith("wsgi"):
        application = WSGIContainer(get_wsgi_application(), pool)
    else:
        application = ASGIContainer(get_asgi_application(), root_path=prefix)
        if prefix:
            application = mounted(application)

    async def main() -> None:
        async with serving(application) as address:
            async with httpx.AsyncClient(base_url=f"http://{address}{prefix}", verify=NO_TLS) as client:
                # Django's async views cannot run inside of the loop that a WSGI application without threads is on.
                for view in ("show",) if kind == "wsgi" else ("show", "ashow"):
                    shown = (await client.get(f"/{view}/7?q=%C3%A9")).json()
                    assert shown == {"number": 7, "url": f"{prefix}/show/7", "q": "\u00e9"}
                files = {"up": ("name.bin", b"u" * 300_000)}
                answer = await client.post("/form", data={"a": "1"}, files=files)
                assert answer.json() == {"post": {"a": "1"}, "files": {"up": 300_000}, "secure": False}
                assert (await client.get("/stream")).text.split() == [str(n) for n in range(100)]
                assert (await client.get("/nowhere")).status_code == 404

    asyncio.run(main())
    if pool is not None:
        pool.shutdown()
