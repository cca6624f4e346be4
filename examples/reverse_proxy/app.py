"""A reverse proxy that streams: no body is ever whole in it, in either direction, and each side sets the other's pace.

python examples/reverse_proxy/app.py --to http://127.0.0.1:8888 [--port 9999]
"""

from __future__ import annotations

import argparse

from waterspout import httpserver, web
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from waterspout.httputil import HTTPHeaders

# What concerns one connection and not the message (RFC 9110, 7.6.1), and what the client says by itself.
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade"
    " host expect".split()
)


def end_to_end(headers: HTTPHeaders) -> HTTPHeaders:
    """The fields that are passed on."""
    named = {name.strip().lower() for value in headers.get_list("Connection") for name in value.split(",")}
    kept = HTTPHeaders()
    for name, value in headers.get_all():
        if name.lower() not in HOP_BY_HOP | named:
            kept.add(name, value)
    return kept


@web.read_request_body(max_body_size=10 * 2**30)
class Proxy(web.RequestHandler):
    cancel_on_disconnect = True  # a client that leaves ends the request behind it
    client: AsyncHTTPClient
    origin: str

    def initialize(self, client: AsyncHTTPClient, origin: str) -> None:
        self.client = client
        self.origin = origin

    def set_default_headers(self) -> None:
        for name in ("Server", "Content-Type", "Date"):
            self.clear_header(name)

    def compute_etag(self) -> None:
        """The origin's business."""

    async def forward(self) -> None:
        request = self.request
        headers = end_to_end(request.headers)
        headers["X-Forwarded-For"] = request.remote_ip or ""
        headers["X-Forwarded-Proto"] = request.protocol
        headers["X-Forwarded-Host"] = request.host
        has_body = "Content-Length" in request.headers or "Transfer-Encoding" in request.headers
        onward = HTTPRequest(
            self.origin + request.uri,
            request.method,
            headers,
            content=self.body_pieces() if has_body else None,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=0,
        )
        try:
            async with self.client.stream(onward, raise_error=False) as response:
                self.set_status(response.code, response.reason)
                for name, value in end_to_end(response.headers).get_all():
                    self.add_header(name, value)
                async for piece in response:
                    self.write(piece)
                    await self.flush()
        except (HTTPClientError, OSError) as error:
            if self._headers_written:
                raise  # the client sees that the body is cut
            raise web.HTTPError(502, "%s: %s", self.origin, error) from error

    get = head = post = put = patch = delete = options = forward


async def make_app(origin: str) -> web.Application:
    client = AsyncHTTPClient(force_instance=True, max_clients=1000)
    return web.Application([(r"/.*", Proxy, {"client": client, "origin": origin.rstrip("/")})])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pass requests on to another server.")
    parser.add_argument("--to", required=True, metavar="URL", help="the server behind: http://HOST:PORT")
    parser.add_argument("--port", type=int, default=9999, help="0 takes any free port")
    options = parser.parse_args()
    httpserver.run(lambda: make_app(options.to), options.port, "127.0.0.1", factory=True, drain_deadline=1.0)
