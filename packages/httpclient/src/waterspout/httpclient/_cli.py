"""The command: fetch URLs from a shell."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from waterspout.httpclient._base import AsyncHTTPClient
from waterspout.httpclient._errors import HTTPClientError
from waterspout.httpclient._request import HTTPRequest

if TYPE_CHECKING:
    from waterspout.httpclient._client import SimpleAsyncHTTPClient
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._streaming import StreamedResponse

#: Seconds between two pictures of the progress bar.
REFRESH = 0.1
_DIM, _BOLD, _RED, _GREEN, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"


def run_command(argv: list[str] | None) -> int:
    """See `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m waterspout.httpclient", description="Fetch URLs and show what comes."
    )
    add = parser.add_argument
    add("urls", metavar="URL", nargs="+", help="http:// may be left out")
    add("-X", "--method", help="default GET, or POST with a body")
    add("-H", "--header", action="append", default=[], metavar="NAME: VALUE")
    add("-d", "--data", metavar="TEXT", help="body, or @FILE; - is standard input")
    add(
        "-j",
        "--json",
        metavar="VALUE",
        nargs="?",
        const="",
        help="send VALUE as JSON; without VALUE: print the result as JSON",
    )
    add("-F", "--form", action="append", default=[], metavar="NAME=VALUE", help="form field; NAME=@FILE uploads a file")
    add("-u", "--user", metavar="NAME:PASSWORD")
    add("--digest", action="store_true", help="digest authentication for --user")
    add("-o", "--output", metavar="FILE", help="save the body, with a progress bar; - is standard output")
    add("-c", "--continue", dest="resume", action="store_true", help="resume a download into --output")
    add("-i", "--headers", action=argparse.BooleanOptionalAction, default=None, help="print the headers")
    add("--body", action=argparse.BooleanOptionalAction, default=True, help="print the body")
    add("-t", "--timing", action="store_true", help="print how long each phase took")
    add("-k", "--insecure", action="store_true", help="do not check certificates")
    add("--cacert", metavar="FILE")
    add("--cert", metavar="FILE", help="client certificate")
    add("--key", metavar="FILE", help="its key")
    add("-x", "--proxy", metavar="URL")
    add("--no-follow", action="store_true", help="do not follow redirects")
    add("--retries", type=int, default=0, metavar="N")
    add(
        "--timeout", type=float, default=20.0, metavar="SECONDS", help="for a response; for --output between two pieces"
    )
    # The names that Tornado's command had.
    add("--print_headers", dest="headers", action="store_true", help=argparse.SUPPRESS)
    add("--follow_redirects", type=_boolean, default=True, help=argparse.SUPPRESS)
    add("--validate_cert", type=_boolean, default=True, help=argparse.SUPPRESS)
    add("--proxy_host", help=argparse.SUPPRESS)
    add("--proxy_port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.resume and not arguments.output:
        parser.error("--continue needs --output")
    try:
        return asyncio.run(_run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _boolean(text: str) -> bool:
    return text.lower() not in ("0", "f", "false", "no", "off")


async def _run(arguments: argparse.Namespace) -> int:
    worst = 0
    http: Any = AsyncHTTPClient(force_instance=True)
    async with http:
        for url in arguments.urls:
            url = url if "://" in url else f"http://{url}"
            try:
                if arguments.output:
                    status = await _download(http, url, arguments)
                else:
                    status = await _show(http, url, arguments)
            except (HTTPClientError, ValueError, OSError) as error:
                print(f"{url}: {error}", file=sys.stderr)
                status = 1 if isinstance(error, HTTPClientError) and error.code != 599 else 2
            worst = max(worst, status)
    return worst


def _request(url: str, arguments: argparse.Namespace, **more: Any) -> HTTPRequest:
    options: dict[str, Any] = {"headers": _headers(arguments.header), **more}
    if arguments.data is not None:
        options["body"] = _data(arguments.data)
    elif arguments.json:
        options["json"] = json.loads(arguments.json)
    elif arguments.form:
        fields = [entry.partition("=") for entry in arguments.form]
        files = {name: value[1:] for name, _, value in fields if value.startswith("@")}
        options["form"] = [(name, value) for name, _, value in fields if not value.startswith("@")]
        if files:
            options["files"] = files
    has_body = len({"body", "json", "form"} & set(options)) > 0
    options["method"] = arguments.method or ("POST" if has_body else "GET")
    options["allow_nonstandard_methods"] = True
    if arguments.user is not None:
        username, _, password = arguments.user.partition(":")
        options.update(auth_username=username, auth_password=password)
        options["auth_mode"] = "digest" if arguments.digest else "basic"
    if arguments.insecure or not arguments.validate_cert:
        options["validate_cert"] = False
    if arguments.proxy_host:
        options.update(proxy_host=arguments.proxy_host, proxy_port=arguments.proxy_port)
    options.update(ca_certs=arguments.cacert, client_cert=arguments.cert, client_key=arguments.key)
    options.update(proxy=arguments.proxy, retries=arguments.retries or None)
    options["follow_redirects"] = arguments.follow_redirects and not arguments.no_follow
    return HTTPRequest(url, **options)


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"a header is NAME: VALUE, not {line!r}")
        headers[name.strip()] = value.strip()
    return headers


def _data(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        with open(text[1:], "rb") as file:
            return file.read()
    return text.encode("utf-8")


# -- showing


async def _show(http: SimpleAsyncHTTPClient, url: str, arguments: argparse.Namespace) -> int:
    request = _request(url, arguments, request_timeout=arguments.timeout)
    response = await http.fetch(request, raise_error=False)
    out = sys.stdout
    if arguments.json == "":
        print(json.dumps(_as_json(response), ensure_ascii=False, indent=2), file=out)
        return 1 if response.error else 0
    is_terminal = out.isatty()
    if arguments.headers or (arguments.headers is None and is_terminal):
        _print_head(response, out, is_terminal)
    if arguments.body:
        out.flush()
        if is_terminal:
            out.write(_pretty(response))
        else:
            out.buffer.write(response.body)
        out.flush()
    if arguments.timing:
        _print_timing(response, sys.stderr)
    return 1 if response.error else 0


def _print_head(response: HTTPResponse, out: TextIO, colored: bool) -> None:
    bold, dim, plain = (_BOLD, _DIM, _PLAIN) if colored else ("", "", "")
    verdict = (_RED if response.error else _GREEN) if colored else ""
    print(f"{response.http_version} {bold}{verdict}{response.code} {response.reason}{plain}", file=out)
    for name, value in response.headers.get_all():
        print(f"{dim}{name}:{plain} {_printable(value)}", file=out)
    print(file=out)


def _pretty(response: HTTPResponse) -> str:
    """The body for eyes: JSON indented, text as it is, anything else only counted."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        try:
            return json.dumps(response.json(), ensure_ascii=False, indent=2) + "\n"
        except ValueError:
            return _printable(response.text) + "\n"
    if kind.startswith("text/") or kind.endswith(("xml", "javascript")) or b"\0" not in response.body[:1024]:
        text = _printable(response.text)
        return text if text.endswith("\n") or not text else text + "\n"
    return f"({len(response.body)} bytes of {kind or 'binary data'}; --output saves them)\n"


def _printable(text: str) -> str:
    """*text* without control characters: a server must not command the terminal."""
    return "".join(c if c in "\n\t" or (c.isprintable() or c.isspace()) and c != "\r" else "\ufffd" for c in text)


def _as_json(response: HTTPResponse) -> dict[str, Any]:
    try:
        body: Any = response.json()
    except ValueError:
        body = response.text
    return {
        "url": response.effective_url,
        "status": response.code,
        "reason": response.reason,
        "headers": list(response.headers.get_all()),
        "redirects": [redirect.effective_url for redirect in response.history],
        "time": response.time_info,
        "body": body,
    }


_PHASES = (
    ("queue", "waited for a slot"),
    ("namelookup", "resolved the name"),
    ("connect", "connected"),
    ("appconnect", "negotiated TLS"),
    ("pretransfer", "sent the request"),
    ("starttransfer", "first byte"),
    ("total", "last byte"),
)


def _print_timing(response: HTTPResponse, out: TextIO) -> None:
    info = response.time_info
    for name, words in _PHASES:
        if name in info:
            print(f"{info[name] * 1000:10.2f} ms  {words}", file=out)


# -- saving


async def _download(http: SimpleAsyncHTTPClient, url: str, arguments: argparse.Namespace) -> int:
    if arguments.output == "-":
        async with http.stream(_request(url, arguments, request_timeout=0, read_timeout=arguments.timeout)) as response:
            async for piece in response:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return 0
    part = arguments.output + ".part"
    have = _size_of(part) if arguments.resume else 0
    request = _request(url, arguments, request_timeout=0, read_timeout=arguments.timeout, decompress_response=False)
    if have:
        request.headers["Range"] = f"bytes={have}-"
    async with http.stream(request, raise_error=False) as response:
        if response.code == 416 and have and response.headers.get("Content-Range") == f"bytes */{have}":
            os.replace(part, arguments.output)  # it was complete already
            return 0
        response.rethrow()
        continues = response.code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.code == 206 and not continues:
            raise ValueError(f"the server sent another part than asked for: {response.headers.get('Content-Range')}")
        await _save(response, part, have if continues else 0)
        if arguments.timing:
            _print_timing(response, sys.stderr)
    os.replace(part, arguments.output)
    return 0


def _size_of(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


async def _save(response: StreamedResponse, path: str, have: int) -> None:
    """Write the body to *path* behind the first *have* bytes."""
    length = response.headers.get("Content-Length", "")
    total = have + int(length) if length.isdigit() else None
    began = drawn = time.monotonic()
    size = have
    shows = sys.stderr.isatty()
    with open(path, "r+b" if have else "wb") as file:  # noqa: ASYNC230  # nothing else runs meanwhile
        file.seek(have)
        async for piece in response:
            file.write(piece)
            size += len(piece)
            now = time.monotonic()
            if shows and now - drawn >= REFRESH:
                drawn = now
                sys.stderr.write("\r" + progress(size, total, (size - have) / (now - began)))
                sys.stderr.flush()
    if shows:
        sys.stderr.write("\r" + progress(size, total, (size - have) / max(time.monotonic() - began, 1e-6)) + "\n")


def progress(size: int, total: int | None, rate: float, width: int = 30) -> str:
    """One line: a bar, how much there is, how fast it comes, and how long it will take."""
    speed = f"{_amount(rate)}/s"
    if not total:
        return f"{_amount(size)} at {speed}\x1b[K"
    filled = min(width, width * size // total)
    left = (total - size) / rate if rate else 0.0
    return (
        f"[{'#' * filled}{'.' * (width - filled)}] {_amount(size)} of {_amount(total)} at {speed}, {left:.0f} s\x1b[K"
    )


def _amount(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes all")
