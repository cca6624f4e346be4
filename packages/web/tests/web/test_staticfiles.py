"""StaticFileHandler over the wire: what is served, to whom, in which parts, and what is not."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, HTTPError, RequestHandler, StaticFileHandler

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]

CONTENT = b"abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder to serve, with a secret beside it."""
    folder = tmp_path / "static"
    (folder / "dir").mkdir(parents=True)
    (folder / "a.txt").write_bytes(CONTENT)
    (folder / "dir" / "index.html").write_bytes(b"<p>index")
    (folder / "page.html").write_bytes(b"<script>")
    (folder / "unknown.zzz").write_bytes(b"?")
    (folder / ".env").write_bytes(b"SECRET=1")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "static_x").mkdir()
    (tmp_path / "static_x" / "f").write_bytes(b"sibling")
    StaticFileHandler.reset()
    return folder


@pytest.fixture
def app(root: Path) -> Application:
    return Application([("/s/(.*)", StaticFileHandler, {"path": str(root)})])


def ask(path: str, *headers: str, method: str = "GET") -> bytes:
    return "".join([f"{method} {path} HTTP/1.1\r\nHost: a\r\n", *(f"{line}\r\n" for line in headers), "\r\n"]).encode()


def test_a_file_is_served_with_type_tag_date_and_length(fetch: Fetch, app: Application, root: Path) -> None:
    response = fetch(app, "/s/a.txt")
    assert (response.code, response.body) == (200, CONTENT)
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["Etag"] == f'"{hashlib.sha512(CONTENT).hexdigest()}"'
    assert response.headers["Accept-Ranges"] == "bytes" and response.headers["Content-Length"] == "26"
    assert "Last-Modified" in response.headers and "Cache-Control" not in response.headers


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "..%2fsecret", "..%5csecret", "dir/../../secret"])
def test_SF1_no_path_leads_out(raw: Raw, app: Application, path: str) -> None:
    received = raw(app, ask(f"/s/{path}"))
    assert received[9:12] in (b"403", b"404") and b"secret" not in received.partition(b"\r\n\r\n")[2]


def test_SF2_a_path_is_decoded_once(fetch: Fetch, app: Application) -> None:
    assert fetch(app, "/s/%252e%252e/secret").code == 404


def test_SF3_a_folder_whose_name_begins_alike_is_another(raw: Raw, app: Application, caplog: Any) -> None:
    assert raw(app, ask("/s/../static_x/f")).startswith(b"HTTP/1.1 403")
    assert "is not in root static directory" in caplog.text


def test_SF4_links_lead_only_where_it_is_allowed(fetch: Fetch, root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "inside").symlink_to(root / "a.txt")
    (root / "nowhere").symlink_to(tmp_path / "nothing")
    (tmp_path / "current").symlink_to(root)

    def code(name: str, **arguments: Any) -> int:
        arguments = {"path": str(root), **arguments}
        return fetch([("/s/(.*)", StaticFileHandler, arguments)], f"/s/{name}").code

    assert code("inside") == 200
    assert code("link") == 403 and code("nowhere") == 403  # and nobody learns which of them is there
    assert code("a.txt", path=str(tmp_path / "current")) == 200
    assert code("link", allowed_symlink_directory=str(tmp_path)) == 200
    assert code("link", allowed_symlink_directory=[str(tmp_path / "static_x"), str(tmp_path)]) == 200
    assert code("link", allowed_symlink_directory=[str(tmp_path / "static_x")]) == 403


@pytest.mark.parametrize("path", ["/etc/passwd", "C:/x", "%5c%5chost%5cshare", "%2fetc/passwd"])
def test_SF5_absolute_paths_are_never_joined(raw: Raw, app: Application, path: str) -> None:
    assert raw(app, ask(f"/s/{path}")).startswith(b"HTTP/1.1 403")


def test_SF6_NUL_in_a_path_is_not_found(fetch: Fetch, app: Application) -> None:
    assert fetch(app, "/s/a.txt%00.png").code == 404


def test_SF7_pipes_and_devices_are_refused_unopened(fetch: Fetch, root: Path, caplog: Any) -> None:
    os.mkfifo(root / "fifo")
    (root / "zero").symlink_to("/dev/zero")
    app = [("/s/(.*)", StaticFileHandler, {"path": str(root), "allowed_symlink_directory": "/dev"})]
    assert fetch(app, "/s/fifo").code == 403
    assert fetch(app, "/s/zero").code == 403
    assert caplog.text.count("is not a file") == 2


def test_SF8_a_slash_after_a_file_is_not_found(fetch: Fetch, app: Application) -> None:
    assert fetch(app, "/s/a.txt/").code == 404


@pytest.mark.parametrize("path", ["x" * 300, "y/" * 1500 + "z", "nothing"])
def test_SF9_what_is_not_there_is_404_and_no_line_of_its_own_in_the_log(
    fetch: Fetch, app: Application, caplog: Any, path: str
) -> None:
    assert fetch(app, f"/s/{path}").code == 404
    assert not [record for record in caplog.records if record.exc_info]
    if path == "nothing":
        assert [record.name for record in caplog.records] == ["waterspout.access"]


def test_SF10_names_with_a_meaning_on_windows_are_no_files(fetch: Fetch, app: Application) -> None:
    for name in ("NUL", "CON.txt", "aux%20.png", "a.txt::$DATA", "a.txt.", "ADMIN~1"):
        assert fetch(app, f"/s/{name}").code == 404, name


def test_SF11_hidden_files_are_not_found(fetch: Fetch, app: Application, root: Path) -> None:
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_bytes(b"Contact: x")
    assert fetch(app, "/s/.env").code == 404 and fetch(app, "/s/.git/config").code == 404
    assert fetch(app, "/s/.well-known/security.txt").code == 200


def test_SF12_a_folder_is_not_listed(fetch: Fetch, app: Application, caplog: Any) -> None:
    for path in ("/s/dir", "/s/dir/", "/s/"):
        assert fetch(app, path).code == 403
    assert "is not a file" in caplog.text


@pytest.mark.parametrize("prefix", ["/", "/s/"])
def test_SF13_a_folder_with_a_default_file_redirects_to_itself_only(raw: Raw, root: Path, prefix: str) -> None:
    app = Application([(f"{prefix}(.*)", StaticFileHandler, {"path": str(root), "default_filename": "index.html"})])
    received = raw(app, ask(f"{prefix}dir"))
    assert received.startswith(b"HTTP/1.1 301") and f"Location: {prefix}dir/\r\n".encode() in received
    assert raw(app, ask(f"{prefix}dir/")).endswith(b"<p>index")
    for hostile in (f"//evil.com/..{root}/dir", f"//evil.com/../{root}/dir", "/%5cevil.com/../dir", "//dir"):
        received = raw(app, ask(hostile))
        assert received[9:12] in (b"403", b"404", b"400"), hostile
        assert b"Location" not in received


def test_SF14_thousands_of_ranges_get_the_whole(fetch: Fetch, app: Application) -> None:
    header = "bytes=" + ",".join(["0-0"] * 2000)
    response = fetch(app, "/s/a.txt", headers={"Range": header})
    assert response.code == 200 and response.body == CONTENT


def test_SF15_several_ranges_come_as_parts_of_one_answer(fetch: Fetch, app: Application) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": "bytes=0-1,5-6,-1"})
    assert response.code == 206 and int(response.headers["Content-Length"]) == len(response.body)
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", response.headers["Content-Type"])
    assert boundary is not None
    parts = response.body.split(b"\r\n--" + boundary[1].encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]] == [b"ab", b"fg", b"z"]
    assert b"Content-Range: bytes 5-6/26\r\n" in parts[2] and b"Content-Type: text/plain\r\n" in parts[2]


def test_SF15_overlapping_ranges_become_one(fetch: Fetch, app: Application) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": "bytes=0-3,2-5"})
    assert (response.code, response.body) == (206, b"abcdef")
    assert response.headers["Content-Range"] == "bytes 0-5/26"


@pytest.mark.parametrize(
    ("value", "body", "content_range"),
    [("bytes=0-0", b"a", "bytes 0-0/26"), ("bytes=24-", b"yz", "bytes 24-25/26"), ("bytes=-2", b"yz", "bytes 24-25/26"),
     ("bytes=25-99", b"z", "bytes 25-25/26"), ("BYTES=1-2", b"bc", "bytes 1-2/26")],
)  # fmt: skip
def test_one_range_is_sent(fetch: Fetch, app: Application, value: str, body: bytes, content_range: str) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": value})
    assert (response.code, response.body, response.headers["Content-Range"]) == (206, body, content_range)


def test_a_range_that_is_the_whole_file_is_the_whole_file(fetch: Fetch, app: Application) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": "bytes=0-99"})
    assert (response.code, response.body) == (200, CONTENT) and "Content-Range" not in response.headers


@pytest.mark.parametrize("value", ["bytes=+0-5", "bytes=0_1-5", "bytes=-", "bytes=5-1", "items=0-1", "bytes", "0-1"])
def test_SF16_malformed_ranges_are_ignored(fetch: Fetch, app: Application, value: str) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": value})
    assert (response.code, response.body) == (200, CONTENT)


def test_SF16_a_range_that_ends_before_it_begins_is_416_where_tornado_is_wanted(fetch: Fetch, root: Path) -> None:
    app = Application([("/s/(.*)", StaticFileHandler, {"path": str(root)})], compat="tornado")
    response = fetch(app, "/s/a.txt", headers={"Range": "bytes=5-1"})
    assert response.code == 416 and response.headers["Content-Range"] == "bytes */26"


def test_SF17_if_range_never_mixes_versions(fetch: Fetch, app: Application) -> None:
    headers = fetch(app, "/s/a.txt").headers
    etag, modified = headers["Etag"], headers["Last-Modified"]
    for condition, code in [
        (etag, 206), (modified, 206), ('"zzz"', 200), (f"W/{etag}", 200), ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
        ("nonsense", 200),
    ]:  # fmt: skip
        response = fetch(app, "/s/a.txt", headers={"Range": "bytes=0-5", "If-Range": condition})
        assert response.code == code, condition


@pytest.mark.parametrize("start", ["99999999999999999999999", "9" * 5000, "26"])
def test_SF18_ranges_beyond_the_end_are_416(fetch: Fetch, app: Application, start: str) -> None:
    response = fetch(app, "/s/a.txt", headers={"Range": f"bytes={start}-"})
    assert response.code == 416 and response.headers["Content-Range"] == "bytes */26"


def test_SF19_the_client_that_has_the_version_gets_304(fetch: Fetch, app: Application) -> None:
    etag = fetch(app, "/s/a.txt").headers["Etag"]
    many = ", ".join(f'"{number}"' for number in range(2000))
    for tags, code in [
        (etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304), (etag.strip('"'), 200), (many, 200),
    ]:  # fmt: skip
        response = fetch(app, "/s/a.txt", headers={"If-None-Match": tags})
        assert response.code == code, tags[:80]
        assert code == 200 or (response.body == b"" and response.headers["Etag"] == etag)


def test_SF20_dates_decide_where_there_are_no_tags(fetch: Fetch, app: Application) -> None:
    modified = fetch(app, "/s/a.txt").headers["Last-Modified"]
    for since, code in [
        (modified, 304),
        ("Thu, 99 Foo 2099 00:00:00 GMT", 200),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
    ]:
        assert fetch(app, "/s/a.txt", headers={"If-Modified-Since": since}).code == code
    assert fetch(app, "/s/a.txt", headers={"If-Modified-Since": modified, "If-None-Match": '"x"'}).code == 200


def test_a_condition_that_fails_is_412(fetch: Fetch, app: Application) -> None:
    assert fetch(app, "/s/a.txt", headers={"If-Match": '"x"'}).code == 412
    early = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert fetch(app, "/s/a.txt", headers=early).code == 412
    assert fetch(app, "/s/a.txt", headers={"If-Match": "*"}).code == 200


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("gzip, br", "br"), ("gzip;q=0", None), ("*;q=0", None), ("br;q=0.5, gzip", "gzip"),
     (None, None), ("deflate", None), ("identity, gzip;q=0.1", None)],
)  # fmt: skip
def test_SF21_siblings_that_were_compressed_before_are_negotiated(
    fetch: Fetch, root: Path, accepted: str | None, coding: str | None
) -> None:
    (root / "app.js").write_bytes(b"plain")
    (root / "app.js.gz").write_bytes(gzip.compress(b"plain"))
    (root / "app.js.br").write_bytes(b"(br)")
    app = [("/s/(.*)", StaticFileHandler, {"path": str(root), "precompressed": True})]
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    response = fetch(app, "/s/app.js", headers=headers, decompress_response=False)
    assert response.headers.get("Content-Encoding") == coding and response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["Content-Type"] == "text/javascript"
    assert response.body == {None: b"plain", "br": b"(br)"}.get(coding, (root / "app.js.gz").read_bytes())


def test_vary_of_other_origins_is_kept_beside_that_of_siblings(raw: Raw, root: Path) -> None:
    rules = [("/s/(.*)", StaticFileHandler, {"path": str(root), "precompressed": True})]
    app = Application(rules, cors={"allow_origins": ["https://app.example"]})
    assert b"Vary: Origin, Accept-Encoding\r\n" in raw(app, ask("/s/a.txt"))


def test_a_sibling_older_than_the_file_is_not_sent(fetch: Fetch, root: Path) -> None:
    (root / "app.js").write_bytes(b"new")
    (root / "app.js.gz").write_bytes(gzip.compress(b"old"))
    os.utime(root / "app.js.gz", (1, 1))
    app = [("/s/(.*)", StaticFileHandler, {"path": str(root), "precompressed": True})]
    assert fetch(app, "/s/app.js", headers={"Accept-Encoding": "gzip"}).body == b"new"


def test_each_coding_has_a_tag_of_its_own(fetch: Fetch, root: Path) -> None:
    (root / "app.js").write_bytes(b"plain")
    (root / "app.js.gz").write_bytes(gzip.compress(b"plain"))
    app = [("/s/(.*)", StaticFileHandler, {"path": str(root), "precompressed": True})]
    tags = {
        fetch(app, "/s/app.js", headers={"Accept-Encoding": accepted}).headers["Etag"] for accepted in ("gzip", "x")
    }
    assert len(tags) == 2


def test_SF22_a_file_that_shrinks_meanwhile_cuts_the_connection(raw: Raw, root: Path, caplog: Any) -> None:
    big = root / "big"
    big.write_bytes(b"x" * 400_000)

    class Shrinking(StaticFileHandler):
        def get_content_size(self) -> int:
            size = super().get_content_size()
            os.truncate(self.absolute_path or "", 300_000)
            return size

    received = raw([("/s/(.*)", Shrinking, {"path": str(root)})], ask("/s/big") * 2)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: 400000" in head and len(body) == 300_000  # less than promised, and nothing after it
    assert "400000 were promised" in caplog.text


def test_SF23_static_url_refuses_to_leave(fetch: Fetch, root: Path) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            for path in ("../x", "/etc/passwd"):
                with pytest.raises(HTTPError):
                    self.static_url(path)
            self.write("refused")

    assert fetch(Application([("/", Page)], static_path=str(root))).body == b"refused"


def test_SF24_a_large_file_leaves_in_pieces_while_the_loop_goes_on(fetch: Fetch, root: Path) -> None:
    size = 64 * 1024 * 1024
    with open(root / "big", "wb") as file:
        file.truncate(size)

    class Large(StaticFileHandler):
        MAX_VERSION_CONTENT_SIZE = 10

        async def get(self, path: str, include_body: bool = True) -> None:
            ticks.append(-1.0)
            watcher = asyncio.ensure_future(watch())
            try:
                await super().get(path, include_body)
            finally:
                watcher.cancel()

    async def watch() -> None:
        while True:
            before = time.thread_time()  # what others take of the processor does not count
            await asyncio.sleep(0.001)
            ticks.append(time.thread_time() - before)

    ticks: list[float] = []
    seen = 0

    def count(chunk: bytes) -> None:
        nonlocal seen
        seen += len(chunk)

    response = fetch([("/s/(.*)", Large, {"path": str(root)})], "/s/big", streaming_callback=count)
    assert response.code == 200 and seen == size and "Etag" not in response.headers
    assert len(ticks) > 5 and sorted(ticks)[len(ticks) // 2] < 0.05


def test_SF25_types_are_not_sniffed(fetch: Fetch, app: Application) -> None:
    assert fetch(app, "/s/unknown.zzz").headers["Content-Type"] == "application/octet-stream"
    for path in ("/s/page.html", "/s/unknown.zzz"):
        assert fetch(app, path).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["a.txt", "big", "nothing"])
def test_head_gets_what_get_would_but_no_content(raw: Raw, app: Application, root: Path, path: str) -> None:
    (root / "big").write_bytes(b"x" * 300_000)
    get, head = raw(app, ask(f"/s/{path}")), raw(app, ask(f"/s/{path}", method="HEAD"))

    def lines(received: bytes) -> list[bytes]:
        return [line for line in received.partition(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"Date")]

    assert lines(head) == lines(get) and head.endswith(b"\r\n\r\n")


def test_head_with_a_range_is_told_of_the_whole(raw: Raw, app: Application) -> None:
    received = raw(app, ask("/s/a.txt", "Range: bytes=0-1", method="HEAD"))
    assert received.startswith(b"HTTP/1.1 200") and b"Content-Length: 26" in received


def test_a_connection_stays_usable_after_every_kind_of_answer(raw: Raw, app: Application, root: Path) -> None:
    (root / "big").write_bytes(b"x" * 300_000)
    requests = [
        ask("/s/big"), ask("/s/a.txt", "Range: bytes=0-1"), ask("/s/a.txt", "Range: bytes=99-"),
        ask("/s/a.txt", "If-None-Match: *"), ask("/s/a.txt", "If-Match: x"), ask("/s/nothing"), ask("/s/a.txt"),
    ]  # fmt: skip
    received = raw(app, b"".join(requests))
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"206", b"416", b"304", b"412", b"404", b"200"]
    assert received.endswith(CONTENT)


# URLs with versions.


def test_a_versioned_url_may_be_cached_for_ten_years(fetch: Fetch, root: Path) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.write(self.static_url("a.txt"))

    app = Application([("/", Page)], static_path=str(root))
    url = fetch(app).body.decode()
    assert url == f"/static/a.txt?v={hashlib.sha512(CONTENT).hexdigest()}"
    response = fetch(app, url)
    assert response.headers["Cache-Control"] == f"max-age={86400 * 365 * 10}"
    expires = datetime.datetime.strptime(response.headers["Expires"], "%a, %d %b %Y %H:%M:%S GMT")
    assert (expires - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)).days >= 3649
    assert fetch(app, url, headers={"If-None-Match": response.headers["Etag"]}).code == 304


def test_static_url_with_host_prefix_and_without_version(fetch: Fetch, root: Path) -> None:
    class Page(RequestHandler):
        include_host = True

        def get(self) -> None:
            self.write(
                {
                    "host": self.static_url("a.txt", include_version=False),
                    "path": self.static_url("a b.txt", include_host=False),
                }
            )

    app = Application([("/", Page)], static_path=str(root), static_url_prefix="/files/")
    body = fetch(app, headers={"Host": "h"}).body
    assert body == b'{"host": "http://h/files/a.txt", "path": "/files/a%20b.txt"}'


def test_a_page_that_names_a_missing_file_works_and_the_log_says_so(fetch: Fetch, root: Path, caplog: Any) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.write(self.static_url("missing.js"))

    assert fetch(Application([("/", Page)], static_path=str(root))).body == b"/static/missing.js"
    assert "Could not open static file 'missing.js'" in caplog.text


def test_favicon_and_robots_are_served_from_static_path(fetch: Fetch, root: Path) -> None:
    (root / "favicon.ico").write_bytes(b"icon")
    (root / "robots.txt").write_bytes(b"User-agent: *")
    app = Application([], static_path=str(root))
    assert fetch(app, "/favicon.ico").body == b"icon"
    assert fetch(app, "/robots.txt").body == b"User-agent: *"
    assert fetch(app, "/static/robots.txt").code == 200 and fetch(app, "/a.txt").code == 404


def test_versions_are_remembered_until_reset_or_always_new(fetch: Fetch, root: Path) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.write(self.static_url("a.txt"))

    remembering = Application([("/", Page)], static_path=str(root))
    forgetting = Application([("/", Page)], static_path=str(root), static_hash_cache=False)
    before = fetch(remembering).body
    (root / "a.txt").write_bytes(b"changed")
    assert fetch(remembering).body == before
    assert fetch(forgetting).body != before
    assert list(StaticFileHandler._static_hashes) == [str(root / "a.txt")]
    StaticFileHandler.reset()
    assert not StaticFileHandler._static_hashes


def test_a_file_that_changes_between_its_url_and_the_first_request_for_it_has_the_new_tag(
    fetch: Fetch, root: Path
) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.write(self.static_url("a.txt"))

    app = Application([("/", Page)], static_path=str(root))
    old = fetch(app).body.decode().partition("?v=")[2]
    (root / "a.txt").write_bytes(b"changed")
    fetched = fetch(app, "/static/a.txt", headers={"If-None-Match": f'"{old}"'})
    assert (fetched.code, fetched.body) == (200, b"changed")
    assert fetched.headers["Etag"] == f'"{hashlib.sha512(b"changed").hexdigest()}"'
    assert fetch(app).body.decode().partition("?v=")[2] == fetched.headers["Etag"].strip('"')
    StaticFileHandler.reset()


def test_a_large_file_is_hashed_in_a_thread_and_one_too_large_not_at_all(fetch: Fetch, root: Path) -> None:
    (root / "big").write_bytes(b"x" * 2_000_000)
    threads: list[bool] = []

    class Watching(StaticFileHandler):
        MAX_VERSION_CONTENT_SIZE = 3_000_000

        @classmethod
        def get_content_version(cls, abspath: str) -> str:
            try:
                asyncio.get_running_loop()
                threads.append(False)
            except RuntimeError:
                threads.append(True)
            return super().get_content_version(abspath)

    app = [("/s/(.*)", Watching, {"path": str(root)})]
    assert "Etag" in fetch(app, "/s/big").headers and threads == [True]
    (root / "huge").write_bytes(b"x" * 3_000_001)
    response = fetch(app, "/s/huge")
    assert response.code == 200 and "Etag" not in response.headers and len(response.body) == 3_000_001


# Subclasses.


def test_content_may_come_from_elsewhere(fetch: Fetch) -> None:
    class FromMemory(StaticFileHandler):
        def initialize(self) -> None:  # type: ignore[override]
            self.root = "memory"

        @classmethod
        def get_absolute_path(cls, root: str, path: str) -> str:
            return f"{root}:{path}"

        def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
            return absolute_path

        @classmethod
        def get_content(cls, abspath: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
            yield abspath.encode()[start:end]

        def get_content_size(self) -> int:
            return len(self.absolute_path or "")

        def get_modified_time(self) -> None:
            return None

        def get_content_type(self) -> str:
            return "text/x-memory"

        def set_extra_headers(self, path: str) -> None:
            self.set_header("X-Extra", path)

    response = fetch([("/m/(.*)", FromMemory)], "/m/key")
    assert response.body == b"memory:key" and response.headers["Content-Type"] == "text/x-memory"
    assert response.headers["Etag"] == f'"{hashlib.sha512(b"memory:key").hexdigest()}"'
    assert response.headers["X-Extra"] == "key" and "Last-Modified" not in response.headers
    assert fetch([("/m/(.*)", FromMemory)], "/m/key", headers={"Range": "bytes=-3"}).body == b"key"


def test_a_subclass_that_initializes_itself_and_awaits_super(fetch: Fetch, root: Path) -> None:
    class Own(StaticFileHandler):
        def initialize(self, folder: str) -> None:  # type: ignore[override]
            self.root = folder

        async def get(self, path: str, include_body: bool = True) -> None:
            self.set_header("X-Own", "1")
            await super().get(path, include_body)

    response = fetch([("/s/(.*)", Own, {"folder": str(root)})], "/s/a.txt")
    assert response.body == CONTENT and response.headers["X-Own"] == "1"


def test_versions_by_a_subclass_with_the_cache_in_its_own_hands(fetch: Fetch, root: Path) -> None:
    class ByTime(StaticFileHandler):
        @classmethod
        def _get_cached_version(cls, abs_path: str) -> str | None:
            with cls._lock:
                return cls._static_hashes.setdefault(abs_path, "v1")

    assert fetch([("/s/(.*)", ByTime, {"path": str(root)})], "/s/a.txt").headers["Etag"] == '"v1"'
    StaticFileHandler.reset()


def test_the_handler_of_static_path_and_its_arguments_can_be_chosen(fetch: Fetch, root: Path) -> None:
    class Chosen(StaticFileHandler):
        def set_extra_headers(self, path: str) -> None:
            self.set_header("X-Chosen", "1")

    app = Application(
        [], static_path=str(root), static_handler_class=Chosen, static_handler_args={"default_filename": "index.html"}
    )
    response = fetch(app, "/static/dir/")
    assert response.body == b"<p>index" and response.headers["X-Chosen"] == "1"


@pytest.mark.parametrize("header", ["If-None-Match: *", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_subclass_decides_whether_the_client_has_the_file(raw: Raw, root: Path, header: str) -> None:
    class Always(StaticFileHandler):
        def should_return_304(self) -> bool:
            return False

    class Never(StaticFileHandler):
        def should_return_304(self) -> bool:
            return True

    app = Application([("/a/(.*)", Always, {"path": str(root)}), ("/n/(.*)", Never, {"path": str(root)})])
    for method in ("GET", "HEAD"):
        assert raw(app, ask("/a/a.txt", header, method=method)).startswith(b"HTTP/1.1 200")
        assert raw(app, ask("/n/a.txt", method=method)).startswith(b"HTTP/1.1 304")
    assert raw(app, ask("/a/a.txt", header)).endswith(CONTENT)
    assert raw(app, ask("/a/a.txt", header, "Range: bytes=1-2")).endswith(b"\r\n\r\nbc")
