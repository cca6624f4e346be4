"""Static files that were served before: the short way answers what the long way would, or leaves it to it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.web import Application, StaticFileHandler
from waterspout.web import _knownfiles as knownfiles

from .conftest import serve

CONTENT = b"abcdefghijklmnopqrstuvwxyz"
TAG = f'"{hashlib.sha512(CONTENT).hexdigest()}"'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_bytes(CONTENT)
    (folder / "deep" / "er" / "b.css").write_bytes(b"b { }")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 2048)
    (folder / "empty.txt").write_bytes(b"")
    (tmp_path / "secret.txt").write_bytes(b"secret" * 10)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b.css").write_bytes(b"outside")
    for file in folder.rglob("*"):
        os.utime(file, (1.7e9, 1.7e9))
    StaticFileHandler.reset()
    return folder


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each GET that came to a static route: whether it went the short way."""
    ways: list[bool] = []
    answer = knownfiles._answer

    def watched(handler: Any, captured: str) -> bool:
        ways.append(answer(handler, captured))
        return ways[-1]

    monkeypatch.setattr(knownfiles, "_answer", watched)
    yield ways


def ask(application: Application, *asked: tuple[str, ...] | Callable[[], Any]) -> list[bytes]:
    """The answers to requests on one connection each, without their dates: (target, lines ..., method or not).

    Functions among them are called in between.
    """

    async def client(port: int, _server: Any) -> list[bytes]:
        answers = []
        for what in asked:
            if callable(what):
                what()
                continue
            target, *lines = what
            method = lines.pop() if lines and lines[-1].isupper() else "GET"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = [f"{method} {target} HTTP/1.1", "Host: a", *lines, "Connection: close", "\r\n"]
            writer.write("\r\n".join(head).encode())
            answers.append(re.sub(rb"(?m)^(Date|Expires): .*\r\n", b"", await reader.read()))
            writer.close()
        return answers

    return list(serve(application, client))


def application(root: Path, cls: type[StaticFileHandler] = StaticFileHandler, **settings: Any) -> Application:
    return Application([("/s/(.*)", cls, {"path": str(root)})], **settings)


REQUESTS: list[tuple[bool, tuple[str, ...]]] = [
    # whether a file that is known takes the short way, and the request
    (True, ("/s/a.txt",)),
    (True, ("/s/a.txt?page=1",)),
    (True, ("/s/a.txt?v=1234",)),
    (True, ("/s/%61.txt",)),
    (True, ("/s/deep/er/b.css",)),
    (True, ("/s/a.txt", f"If-None-Match: {TAG}")),
    (True, ("/s/a.txt", f"If-None-Match: W/{TAG}")),
    (True, ("/s/a.txt", f'If-None-Match: "x", {TAG}', "Range: bytes=0-1")),
    (True, ("/s/a.txt", "If-None-Match: *", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT")),
    (True, ("/s/a.txt?v=1234", f"If-None-Match: {TAG}")),
    (False, ("/s/a.txt", 'If-None-Match: "other"')),
    (False, ("/s/a.txt", 'If-None-Match: "other"', "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT")),
    (False, ("/s/a.txt", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT")),
    (False, ("/s/a.txt", "If-Match: *")),
    (False, ("/s/a.txt", 'iF-mATCH: "other"')),
    (False, ("/s/a.txt", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT")),
    (False, ("/s/a.txt", "Range: bytes=0-1")),
    (False, ("/s/a.txt", "RANGE: bytes=0-1,3-4")),
    (False, ("/s/a.txt", f"If-Range: {TAG}", "Range: bytes=5-")),
    (False, ("/s/large.bin",)),
    (False, ("/s/empty.txt",)),
]


@pytest.mark.parametrize(("is_short", "request_"), REQUESTS)
def test_the_second_answer_is_the_first_one(
    root: Path, short: list[bool], is_short: bool, request_: tuple[str, ...]
) -> None:
    target = request_[0].replace("%61", "a").partition("?")[0]
    first = ask(application(root), request_)[0]
    warm, second = ask(application(root), (target,), request_)
    # (boundaries of several ranges are random)
    assert re.sub(rb"[0-9a-f]{32}(?=\r\n|--)", b"", second) == re.sub(rb"[0-9a-f]{32}(?=\r\n|--)", b"", first)
    assert short == [False, False, is_short] and warm.startswith(b"HTTP/1.1 200")


def test_a_large_file_that_the_client_has_takes_the_short_way(root: Path, short: list[bool]) -> None:
    answers = ask(application(root), ("/s/large.bin",), ("/s/large.bin", "If-None-Match: *"))
    assert answers[1].startswith(b"HTTP/1.1 304") and short == [False, True]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_other_methods_go_the_long_way(root: Path, short: list[bool], method: str) -> None:
    answers = ask(application(root), ("/s/a.txt",), ("/s/a.txt", method), ("/s/a.txt",))
    assert answers[0] == answers[2] and answers[1].startswith(b"HTTP/1.1 200" if method == "HEAD" else b"HTTP/1.1 405")
    assert short == [False, True]


def test_routes_with_named_groups_and_several_roots_are_told_apart(root: Path, short: list[bool]) -> None:
    (root.parent / "outside" / "a.txt").write_bytes(b"another")
    rules = [
        (r"/s/(?P<path>.*)", StaticFileHandler, {"path": str(root)}),
        (r"/o/(.*)", StaticFileHandler, {"path": str(root.parent / "outside")}),
    ]
    answers = ask(Application(rules), ("/s/a.txt",), ("/s/a.txt",), ("/o/a.txt",), ("/o/a.txt",))
    assert [answer.endswith(CONTENT) for answer in answers] == [True, True, False, False]
    assert short == [False, True, False, True]


def test_routes_with_one_root_and_other_default_files_are_told_apart(root: Path, short: list[bool]) -> None:
    (root / "deep" / "index.html").write_bytes(b"index")
    (root / "deep" / "home.html").write_bytes(b"home")
    rules = [
        (f"/{name}/(.*)", StaticFileHandler, {"path": str(root), "default_filename": file})
        for name, file in (("i", "index.html"), ("h", "home.html"), ("n", None))
    ]
    targets = [("/i/deep/",), ("/h/deep/",), ("/n/deep/",)]
    answers = ask(Application(rules), *targets, *targets)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers if b" 200 " in answer] == [b"index", b"home"] * 2
    assert [answer[:12] for answer in answers[2::3]] == [b"HTTP/1.1 403"] * 2
    assert short == [False, False, False, True, True, False]


# What may happen to a file between two requests.


def link_outside(root: Path) -> None:
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(root.parent / "secret.txt")


def moved_and_linked(root: Path) -> None:
    (root / "a.txt").rename(root.parent / "a.txt")
    (root / "a.txt").symlink_to(root.parent / "a.txt")


def link_inside(root: Path) -> None:
    (root / "a.txt").rename(root / "b.txt")
    (root / "a.txt").symlink_to(root / "b.txt")


def same_size_and_time(root: Path) -> None:
    (root / "a.txt").write_bytes(CONTENT.upper())
    os.utime(root / "a.txt", (1.7e9, 1.7e9))


def replaced(root: Path) -> None:
    (root / "new").write_bytes(CONTENT.upper())
    os.utime(root / "new", (1.7e9, 1.7e9))
    (root / "new").replace(root / "a.txt")


def folder(root: Path) -> None:
    (root / "a.txt").unlink()
    (root / "a.txt").mkdir()


def pipe(root: Path) -> None:
    (root / "a.txt").unlink()
    os.mkfifo(root / "a.txt")


@pytest.mark.parametrize(
    ("change", "status", "content"),
    [
        (link_outside, b"403", b""),
        (moved_and_linked, b"403", b""),
        (link_inside, b"200", CONTENT),
        (same_size_and_time, b"200", CONTENT.upper()),
        (replaced, b"200", CONTENT.upper()),
        (lambda root: (root / "a.txt").write_bytes(b"short"), b"200", b"short"),
        (lambda root: (root / "a.txt").unlink(), b"404", b""),
        (folder, b"403", b""),
        (pipe, b"403", b""),
    ],
)
@pytest.mark.parametrize("conditional", [False, True])
def test_SF4_a_file_that_changed_is_judged_anew(
    root: Path, short: list[bool], conditional: bool, change: Any, status: bytes, content: bytes
) -> None:
    request = ("/s/a.txt", f"If-None-Match: {TAG}") if conditional else ("/s/a.txt",)
    answers = ask(application(root), ("/s/a.txt",), request, lambda: change(root), request, ("/s/a.txt",))
    assert short == [False, True, False, change in (same_size_and_time, replaced) or content == b"short"]
    if conditional and change is link_inside:
        assert answers[2].startswith(b"HTTP/1.1 304")  # it is what the client has
    else:
        assert answers[2][9:12] == status and answers[2].endswith(content)
    assert answers[3][9:12] == status and answers[3].endswith(content)
    if status == b"200":
        assert hashlib.sha512(content).hexdigest().encode() in answers[3]  # its tag is that of the new content


def test_SF4_a_folder_that_became_a_link_is_judged_anew(root: Path, short: list[bool]) -> None:
    def change() -> None:
        (root / "deep" / "er").rename(root.parent / "er")
        (root / "deep" / "er").symlink_to(root.parent / "er")

    target = ("/s/deep/er/b.css",)
    answers = ask(application(root), target, target, change, target, target)
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"403", b"403"]
    assert short == [False, True, False, False]


def test_the_root_may_be_a_link_that_is_turned_to_another_folder(root: Path, short: list[bool]) -> None:
    current = root.parent / "current"
    current.symlink_to(root)

    def turn() -> None:
        (root.parent / "outside" / "a.txt").write_bytes(b"the next release")
        current.unlink()
        current.symlink_to(root.parent / "outside")

    target = ("/s/a.txt",)
    answers = ask(application(current), target, target, turn, target, target)
    assert [answer.endswith(CONTENT) for answer in answers] == [True, True, False, False]
    assert short == [False, True, False, True] and answers[2] == answers[3]


def test_forgotten_versions_are_made_anew(root: Path, short: list[bool]) -> None:
    answers = ask(application(root), ("/s/a.txt",), StaticFileHandler.reset, ("/s/a.txt",), ("/s/a.txt",))
    assert len(set(answers)) == 1 and short == [False, False, True]


# What an application may want otherwise.


@pytest.mark.parametrize(
    "settings",
    [
        {"compress_response": True},
        {"security_headers": True},
        {"cors": {"allow_origins": ["https://a.example"]}},
        {"middleware": [lambda handler, call_next: call_next()]},
    ],
)
def test_settings_that_add_to_responses_are_heeded(root: Path, short: list[bool], settings: dict[str, Any]) -> None:
    answers = ask(application(root, **settings), ("/s/a.txt",), ("/s/a.txt",))
    assert answers[0] == answers[1] and answers[0].endswith(CONTENT) and True not in short


def test_the_compat_mode_has_its_own_fields(root: Path, short: list[bool]) -> None:
    answers = ask(application(root, compat="tornado"), ("/s/a.txt",), ("/s/a.txt",))
    assert answers[0] == answers[1] and b"nosniff" not in answers[1] and short == [False, True]


class Prepared(StaticFileHandler):
    def prepare(self) -> None:
        self.set_header("X-Mine", "1")


class Defaults(StaticFileHandler):
    def set_default_headers(self) -> None:
        self.set_header("X-Mine", "1")


class Extra(StaticFileHandler):
    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Mine", path)


class Cached(StaticFileHandler):
    def get_cache_time(self, path: str, modified: Any, mime_type: str) -> int:
        self.set_header("X-Mine", "1")
        return 10


class Typed(StaticFileHandler):
    def get_content_type(self) -> str:
        self.set_header("X-Mine", "1")
        return "text/x"


class Asking(StaticFileHandler):
    async def get(self, path: str, include_body: bool = True) -> None:
        self.set_header("X-Mine", "1")
        await super().get(path, include_body)


@pytest.mark.parametrize("cls", [Prepared, Defaults, Extra, Cached, Typed, Asking])
def test_what_a_subclass_does_otherwise_is_done_each_time(
    root: Path, short: list[bool], cls: type[StaticFileHandler]
) -> None:
    answers = ask(application(root, cls), ("/s/a.txt",), ("/s/a.txt",))
    assert answers[0] == answers[1] and b"\r\nX-Mine: " in answers[1] and short == [False, False]


def test_a_method_that_is_patched_later_is_called(
    root: Path, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def patch() -> None:
        monkeypatch.setattr(StaticFileHandler, "get_content_type", lambda self: "text/patched")

    answers = ask(application(root), ("/s/a.txt",), ("/s/a.txt",), patch, ("/s/a.txt",))
    assert b"Content-Type: text/patched" in answers[2] and short == [False, True, False]


def test_logs_and_on_finish_hear_of_it(root: Path, short: list[bool]) -> None:
    heard: list[Any] = []

    class Finishing(StaticFileHandler):
        def on_finish(self) -> None:
            heard.append("finished")

    def log(handler: Any) -> None:
        heard.append((handler.get_status(), handler.path, handler.absolute_path))

    target = ("/s/a.txt",)
    ask(application(root, Finishing, log_function=log), target, target, (*target, f"If-None-Match: {TAG}"))
    path = str(root / "a.txt")
    assert heard == [(200, "a.txt", path), "finished", (200, "a.txt", path), "finished", (304, "a.txt", path),
                     "finished"]  # fmt: skip
    assert short == [False, True, True]


def test_no_more_files_are_known_than_the_bound(root: Path, short: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knownfiles, "MAX_KNOWN", 3)
    for number in range(5):
        (root / f"{number}.txt").write_bytes(b"%d" % number)
    app = application(root)
    ask(app, *[(f"/s/{number}.txt",) for number in range(5)], ("/s/4.txt",), ("/s/0.txt",))
    assert len(app._known_files) == 3 and short == [False] * 5 + [True, False]


@pytest.mark.parametrize("cls", [StaticFileHandler, Extra])
def test_the_tag_of_a_file_that_changes_changes_with_it(root: Path, cls: type[StaticFileHandler]) -> None:
    request = ("/s/a.txt", f"If-None-Match: {TAG}")
    answers = ask(application(root, cls), request, lambda: same_size_and_time(root), request)
    assert answers[0].startswith(b"HTTP/1.1 304") and answers[1].endswith(CONTENT.upper())
