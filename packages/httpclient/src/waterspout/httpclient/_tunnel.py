"""CONNECT: asking an HTTP proxy for a tunnel to a server (RFC 9110, 9.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.http1 import Limits, ResponseHead, ResponseReader, request_head
from waterspout.httpclient._auth import Auth, auth_by_mode
from waterspout.httpclient._errors import Phase, ProxyError
from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError, UnsatisfiableReadError

if TYPE_CHECKING:
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._url import URL
    from waterspout.iostream import IOStream

#: Of the head of a proxy's answer.
MAX_HEAD = 64 * 1024


def proxy_auth(proxy: Proxy) -> Auth | None:
    """Who we are to *proxy*, or None."""
    if proxy.username is None:
        return None
    return auth_by_mode(proxy.auth_mode, proxy.username, proxy.password or "", for_proxy=True)


async def connect_by_tunnel(stream: IOStream, proxy: Proxy, auth: Auth | None, url: URL) -> bool:
    """Have *proxy*, which *stream* is connected to, connect to the host and port of *url*.

    True: the stream's bytes are the server's. False: *auth* was challenged, and it is to be asked again on a new
    connection. Raises `ProxyError` for every other answer.
    """
    place = f"[{url.host}]:{url.port}" if url.is_ipv6 else f"{url.host}:{url.port}"
    fields = f"Host: {place}\r\n"
    if auth is not None:
        fields += auth.fields("CONNECT", url._replace(target=place), None)
    stream.send(request_head("CONNECT", place, fields))
    try:
        # Read no further than the head: what comes next is for the TLS handshake.
        answer = await stream.read_until(b"\r\n\r\n", max_bytes=MAX_HEAD)
        reader = ResponseReader(Limits(head=MAX_HEAD, fields=256))
        reader.expect("CONNECT")
        head = next((event for event in reader.receive(answer) if type(event) is ResponseHead), None)
        while head is None:  # interim responses; the reader bounds their number
            answer = await stream.read_until(b"\r\n\r\n", max_bytes=MAX_HEAD)
            head = next((event for event in reader.receive(answer) if type(event) is ResponseHead), None)
    except (StreamClosedError, UnsatisfiableReadError, HTTPInputError) as error:
        raise _failed(proxy, f"asked for {place}, did not answer in HTTP: {error}") from error
    # A length or coding in a 2xx answer means nothing (RFC 9110, 9.3.6).
    if 200 <= head.status < 300:
        return True
    if head.status == 407 and auth is not None and auth.wants_retry(head):
        auth.challenged(head)
        return False
    raise _failed(proxy, f"asked for {place}, answered {head.status} {head.reason}")


def _failed(proxy: Proxy, why: str) -> ProxyError:
    return ProxyError(f"The proxy {proxy}, {why}", url=str(proxy), phase=Phase.PROXY)
