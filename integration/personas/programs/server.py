"""What somebody does who has only waterspout-httpserver: a function, a WSGI and an ASGI application, by path."""

import asyncio
import signal

from waterspout.asgi import ASGIContainer
from waterspout.httpserver import HTTPServer
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.netutil import bind_sockets
from waterspout.routing import PathMatches, Rule, RuleRouter
from waterspout.wsgi import WSGIContainer


def plain(request: HTTPServerRequest) -> None:
    body = f"you asked for {request.path}\n".encode()
    request.connection.write_headers(
        ResponseStartLine("HTTP/1.1", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def wsgi(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi got ", body]


async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"asgi at " + scope["path"].encode()})


async def main() -> None:
    router = RuleRouter(
        [
            Rule(PathMatches("/wsgi.*"), WSGIContainer(wsgi)),
            Rule(PathMatches("/asgi.*"), ASGIContainer(asgi)),
            Rule(PathMatches("/.*"), plain),
        ]
    )
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(router)
    server.add_sockets(sockets)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/", flush=True)
    await stopped.wait()
    await server.drain(deadline=5)


asyncio.run(main())
