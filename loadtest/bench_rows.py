"""What ``bench.py`` sends: the rows, each a list of request bytes with the answer that they must get.

A new row is one function here and one route in each file of ``apps/``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

VARIATIONS = 512
UPLOADS = 8
STATIC_PATH = "/static/file.txt"
STATIC = b"".join(b"%07d\n" % number for number in range(12800))  # 100 KiB
ITEMS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(8)]
BROWSER = (
    "Connection: keep-alive\r\n"
    'sec-ch-ua: "Chromium";v="156", "Not)A;Brand";v="8"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/156.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as bytes, the status that it must get, and a test of the answer's body."""

    wire: bytes
    accepts: Callable[[bytes], bool]
    status: int = 200


def _is(expected: bytes) -> Callable[[bytes], bool]:
    return lambda body: body == expected


def _request(method: str, target: str, number: int | None, head: str = "", body: bytes = b"") -> bytes:
    """``number`` None is the constant request; else query, cookie and referer carry the number."""
    if number is not None:
        target += f"?page={number}&sort=name"
        head += f"Cookie: session={number:08x}{'f' * 24}; theme=dark\r\n"
        head += f"Referer: http://127.0.0.1/list?page={number - 1}\r\n"
    return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode() + body


def _numbers(varied: bool) -> list[int | None]:
    return list(range(VARIATIONS)) if varied else [None]


def hello(varied: bool) -> list[Exchange]:
    return [Exchange(_request("GET", "/", number), _is(b"Hello, World!")) for number in _numbers(varied)]


def async_hello(varied: bool) -> list[Exchange]:
    return [Exchange(_request("GET", "/async", number), _is(b"Hello, World!")) for number in _numbers(varied)]


def browser(varied: bool) -> list[Exchange]:
    return [Exchange(_request("GET", "/", number, BROWSER), _is(b"Hello, World!")) for number in _numbers(varied)]


def send_json(varied: bool) -> list[Exchange]:
    expected = {"message": "Hello, World!", "items": ITEMS}
    return [
        Exchange(_request("GET", "/json", number), lambda body: bool(json.loads(body) == expected))
        for number in _numbers(varied)
    ]


def routes(varied: bool) -> list[Exchange]:
    """A path with an argument, below one of 200 routes: spread over all of them when varied, else the hundredth."""
    return [
        Exchange(
            _request("GET", f"/resource{(number or 0) * 37 % 200 if varied else 100}/{number or 0}", number),
            _is(b"%d" % (number or 0)),
        )
        for number in _numbers(varied)
    ]


def form(varied: bool) -> list[Exchange]:
    exchanges = []
    for number in _numbers(varied):
        body = f"name=Ada{number or 0}&age={(number or 0) % 90}&comment=a+short+text&newsletter=on".encode()
        head = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        answer = f"Ada{number or 0} {(number or 0) % 90}".encode()
        exchanges.append(Exchange(_request("POST", "/form", number, head, body), _is(answer)))
    return exchanges


def connection_each(varied: bool) -> list[Exchange]:
    return [
        Exchange(_request("GET", "/", number, "Connection: close\r\n"), _is(b"Hello, World!"))
        for number in _numbers(varied)
    ]


def template(varied: bool) -> list[Exchange]:
    """A page with a table of 20 rows, its values escaped."""

    def accepts(number: int) -> Callable[[bytes], bool]:
        title, name = b"<h1>Page %d</h1>" % number, b">Product &lt;19&gt; &amp; more</a>"
        return lambda body: body.count(b"<tr class=") == 20 and title in body and name in body

    return [Exchange(_request("GET", "/table", number), accepts(number or 0)) for number in _numbers(varied)]


def upload(varied: bool) -> list[Exchange]:
    """A form with a short field and a file of 1 MiB."""
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    exchanges = []
    for number in _numbers(varied)[:UPLOADS]:
        length = (1 << 20) + (number or 0)
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nHolidays {number}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        body += (bytes(range(256)) * (length // 256 + 1))[:length] + f"\r\n--{boundary}--\r\n".encode()
        head = f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n"
        exchanges.append(Exchange(_request("POST", "/upload", number, head, body), _is(b"%d" % length)))
    return exchanges


def stream(varied: bool) -> list[Exchange]:
    """256 KiB in 64 pieces, each flush awaited."""
    whole = b"x" * (256 << 10)
    return [Exchange(_request("GET", "/stream", number), _is(whole)) for number in _numbers(varied)]


def static(varied: bool) -> list[Exchange]:
    """A file of 100 KiB."""
    return [Exchange(_request("GET", STATIC_PATH, number, BROWSER), _is(STATIC)) for number in _numbers(varied)]


def not_modified(varied: bool, validators: str) -> list[Exchange]:
    """The same file for a browser that has it: *validators* are the server's own."""
    return [
        Exchange(_request("GET", STATIC_PATH, number, BROWSER + validators), _is(b""), 304)
        for number in _numbers(varied)
    ]


ROWS: dict[str, Callable[..., list[Exchange]]] = {
    "hello": hello,
    "async": async_hello,
    "browser": browser,
    "json": send_json,
    "routes": routes,
    "form": form,
    "close": connection_each,
    "template": template,
    "upload": upload,
    "stream": stream,
    "static": static,
    "304": not_modified,
}
#: Rows that need to be told what the server answers to the plain request for `STATIC_PATH`: ETag and Last-Modified.
CONDITIONAL = {"304"}
