"""The clients that ``bench.py client`` compares: how each is made, and how it gets, posts and downloads.

Each is made inside a running event loop, keeps its connections where it can, verifies certificates over TLS, and
raises for anything but a 200 with the expected body. Libraries are imported where they are used: the measured
process holds one of them.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from typing import Any

CONCURRENT = 64


class Contestant(ABC):
    """One client. `certificate` is the file of the only authority to trust."""

    #: Names of what must be importable.
    modules: tuple[str, ...]

    def __init__(self, certificate: str) -> None:
        self.certificate = certificate

    @abstractmethod
    async def open(self) -> None:
        """Make the client, inside the running loop."""

    @abstractmethod
    async def close(self) -> None:
        """Close its connections."""

    @abstractmethod
    async def get(self, url: str) -> bytes:
        """The body of a small response."""

    @abstractmethod
    async def post(self, url: str, body: bytes) -> bytes:
        """The body of the response to an upload."""

    @abstractmethod
    async def download(self, url: str) -> int:
        """The size of a large body that is not kept."""


class _Tornadoish(Contestant):
    """Tornado's interface: Tornado itself, and Waterspout."""

    http: Any
    #: Whether the trusted file is told to each request, not found by OpenSSL in SSL_CERT_FILE.
    names_certificate = False

    def request(self, url: str, **options: Any) -> Any:
        raise NotImplementedError

    def _fetch(self, url: str, **options: Any) -> Any:
        if self.names_certificate and url.startswith("https:"):
            options["ca_certs"] = self.certificate
        return self.http.fetch(self.request(url, **options) if options else url)

    async def close(self) -> None:
        self.http.close()

    async def get(self, url: str) -> bytes:
        return (await self._fetch(url)).body  # type: ignore[no-any-return]

    async def post(self, url: str, body: bytes) -> bytes:
        return (await self._fetch(url, method="POST", body=body)).body  # type: ignore[no-any-return]

    async def download(self, url: str) -> int:
        sizes = 0

        def take(piece: bytes) -> None:
            nonlocal sizes
            sizes += len(piece)

        await self._fetch(url, streaming_callback=take)
        return sizes


class Waterspout(_Tornadoish):
    modules = ("waterspout.httpclient",)

    async def open(self) -> None:
        from waterspout.httpclient import AsyncHTTPClient, HTTPRequest

        self.request = HTTPRequest  # type: ignore[method-assign,assignment]
        self.http = AsyncHTTPClient(force_instance=True, max_clients=CONCURRENT)


class WaterspoutHTTP2(Waterspout):
    modules = ("waterspout.httpclient", "h2")

    async def open(self) -> None:
        from waterspout.httpclient import AsyncHTTPClient, HTTPRequest

        self.request = HTTPRequest  # type: ignore[method-assign,assignment]
        self.http = AsyncHTTPClient(force_instance=True, max_clients=CONCURRENT, http2=True)


class WaterspoutCurl(_Tornadoish):
    modules = ("waterspout.curl_httpclient", "pycurl")

    async def open(self) -> None:
        from waterspout.curl_httpclient import CurlAsyncHTTPClient
        from waterspout.httpclient import HTTPRequest

        self.request = HTTPRequest  # type: ignore[method-assign,assignment]
        # libcurl brings an OpenSSL of its own, which does not look into SSL_CERT_FILE.
        self.http = CurlAsyncHTTPClient(
            force_instance=True, max_clients=CONCURRENT, defaults={"ca_certs": self.certificate}
        )


class Tornado(_Tornadoish):
    modules = ("tornado.simple_httpclient",)

    async def open(self) -> None:
        from tornado.httpclient import HTTPRequest
        from tornado.simple_httpclient import SimpleAsyncHTTPClient

        self.request = HTTPRequest  # type: ignore[method-assign,assignment]
        self.http = SimpleAsyncHTTPClient(force_instance=True, max_clients=CONCURRENT)


class TornadoCurl(_Tornadoish):
    modules = ("tornado.curl_httpclient", "pycurl")

    async def open(self) -> None:
        from tornado.curl_httpclient import CurlAsyncHTTPClient
        from tornado.httpclient import HTTPRequest

        self.request = HTTPRequest  # type: ignore[method-assign,assignment]
        self.http = CurlAsyncHTTPClient(
            force_instance=True, max_clients=CONCURRENT, defaults={"ca_certs": self.certificate}
        )


class Aiohttp(Contestant):
    modules = ("aiohttp",)

    async def open(self) -> None:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=CONCURRENT, ssl=ssl.create_default_context(cafile=self.certificate))
        self.session = aiohttp.ClientSession(connector=connector, raise_for_status=True)

    async def close(self) -> None:
        await self.session.close()

    async def get(self, url: str) -> bytes:
        async with self.session.get(url) as response:
            return await response.read()

    async def post(self, url: str, body: bytes) -> bytes:
        async with self.session.post(url, data=body) as response:
            return await response.read()

    async def download(self, url: str) -> int:
        size = 0
        async with self.session.get(url) as response:
            async for piece in response.content.iter_any():
                size += len(piece)
        return size


class Httpx(Contestant):
    modules = ("httpx",)

    async def open(self) -> None:
        import httpx

        limits = httpx.Limits(max_connections=CONCURRENT, max_keepalive_connections=CONCURRENT)
        context = ssl.create_default_context(cafile=self.certificate)
        self.http = httpx.AsyncClient(limits=limits, verify=context, timeout=60)

    async def close(self) -> None:
        await self.http.aclose()

    async def get(self, url: str) -> bytes:
        return (await self.http.get(url)).raise_for_status().content

    async def post(self, url: str, body: bytes) -> bytes:
        return (await self.http.post(url, content=body)).raise_for_status().content

    async def download(self, url: str) -> int:
        size = 0
        async with self.http.stream("GET", url) as response:
            async for piece in response.raise_for_status().aiter_raw():
                size += len(piece)
        return size


class WaterspoutHttpx(Httpx):
    modules = ("httpx", "waterspout.httpclient")

    async def open(self) -> None:
        import httpx

        from waterspout.httpclient.httpx import WaterspoutTransport

        self.http = httpx.AsyncClient(transport=WaterspoutTransport(max_clients=CONCURRENT), timeout=60)


class Niquests(Contestant):
    modules = ("niquests",)

    async def open(self) -> None:
        import niquests

        self.http = niquests.AsyncSession(pool_connections=4, pool_maxsize=CONCURRENT)

    async def close(self) -> None:
        await self.http.close()

    async def get(self, url: str) -> bytes:
        return (await self.http.get(url, verify=self.certificate)).raise_for_status().content or b""

    async def post(self, url: str, body: bytes) -> bytes:
        return (await self.http.post(url, data=body, verify=self.certificate)).raise_for_status().content or b""

    async def download(self, url: str) -> int:
        size = 0
        response = await self.http.get(url, stream=True, verify=self.certificate)
        async for piece in await response.raise_for_status().iter_content(65536):
            size += len(piece)
        return size


class BareCurl:
    """pycurl without an event loop: as many easy handles as requests at once, in one multi handle."""

    modules = ("pycurl",)

    def __init__(self, certificate: str) -> None:
        import pycurl

        self.pycurl = pycurl
        self.certificate = certificate
        self.multi = pycurl.CurlMulti()

    def run(self, url: str, at_once: int, wanted: Any, expected: bytes | int, body: bytes | None) -> int:
        """Fetch until *wanted* says no; the number of responses. A wrong answer raises ValueError."""
        pycurl, multi = self.pycurl, self.multi
        for _ in range(at_once):
            handle = pycurl.Curl()
            handle.setopt(pycurl.URL, url)
            handle.setopt(pycurl.CAINFO, self.certificate)
            handle.setopt(pycurl.NOSIGNAL, 1)
            handle.setopt(pycurl.PROXY, "")
            if body is not None:
                handle.setopt(pycurl.POST, 1)
                handle.setopt(pycurl.POSTFIELDS, body)
                handle.setopt(pycurl.HTTPHEADER, ["Expect:"])
            self._begin(handle)
        done = running = 0
        running = at_once
        while running:
            while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
                pass
            _, good, bad = multi.info_read()
            if bad:
                raise ValueError(f"pycurl: {bad[0][1:]}")
            for handle in good:
                got = handle.size if isinstance(expected, int) else b"".join(handle.pieces)
                if handle.getinfo(pycurl.HTTP_CODE) != 200 or got != expected:
                    raise ValueError(f"{url}: {handle.getinfo(pycurl.HTTP_CODE)}, {got!r:.80}")
                done += 1
                multi.remove_handle(handle)
                if wanted():
                    self._begin(handle)
                else:
                    running -= 1
            if running and not good:
                multi.select(1.0)
        return done

    def _begin(self, handle: Any) -> None:
        handle.pieces = []
        handle.size = 0
        keep = handle.pieces.append

        def take(piece: bytes) -> None:
            if handle.size or len(piece) > 1000:
                handle.size += len(piece)
            else:
                keep(piece)

        handle.setopt(self.pycurl.WRITEFUNCTION, take)
        self.multi.add_handle(handle)


CONTESTANTS: dict[str, type[Contestant] | type[BareCurl]] = {
    "waterspout": Waterspout,
    "waterspout-h2": WaterspoutHTTP2,
    "waterspout-curl": WaterspoutCurl,
    "waterspout-httpx": WaterspoutHttpx,
    "tornado": Tornado,
    "tornado-curl": TornadoCurl,
    "aiohttp": Aiohttp,
    "httpx": Httpx,
    "niquests": Niquests,
    "pycurl": BareCurl,
}
