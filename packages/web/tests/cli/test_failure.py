"""What `waterspout dev` shows of an application that does not load, and which files it waits for."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from waterspout.cli._failure import LoadFailure, application_that_shows, places_to_watch
from waterspout.cli._target import load
from waterspout.testing import InProcessClient
from waterspout.web._livepage import HEADER

BROKEN = {
    "syntax": ("def f(:\n", "SyntaxError: invalid syntax", "def f(:"),
    "indentation": ("def f():\nreturn\n", "IndentationError: expected an indented block", "return"),
    "missing module": ("import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing'", "import no_s"),
    "missing name": ("from os import no_such_thing\n", "ImportError: cannot import name", "from os import"),
    "exception": ("secret = 'swordfish' * 2\n1 / 0\n", "ZeroDivisionError: division by zero", "1 / 0"),
    "exit": ("import sys\nsys.exit('no configuration')\n", "SystemExit: no configuration", "sys.exit("),
    "factory": ("def make_app():\n    raise OSError(2, 'gone', 'x.txt')\n", "FileNotFoundError: [Err", "raise OS"),
    "asynchronous factory": ("async def make_app():\n    return {}['key']\n", "KeyError: 'key'", "return {}["),
    "no result": ("def make_app():\n    pass\n", "no application: ", ""),
    "no application": ("x = 1\n", "no application: ", ""),
    "text that is none": ("raise ValueError('\\udcff<b>')\n", "ValueError: ", "raise ValueError"),
}  # fmt: skip


def failure(folder: Path, source: str) -> tuple[str, BaseException]:
    path = folder / "broken_application.py"
    path.write_text(source)
    with pytest.raises((Exception, SystemExit)) as caught:
        asyncio.run(load(str(path)))
    return str(path), caught.value


@pytest.mark.parametrize("kind", BROKEN)
def test_page_and_terminal_say_what_and_where(tmp_path: Path, kind: str) -> None:
    source, message, line = BROKEN[kind]
    shown = LoadFailure(*failure(tmp_path, source))
    assert f"broken_application.py does not load: {message}" in shown.lines and line in shown.lines
    assert shown.lines.count("\n") <= 12 and "_target.py" not in shown.lines
    page = shown.bodies["html"].decode()
    assert page.count("<details open>") == (line != "") and "swordfish" not in page.replace("= &#x27;swordfish", "")
    if line:
        hit = re.search(r"<span class=hit><i>\d+</i>(.*?)</span>", page)
        assert hit is not None and hit[1].lstrip().startswith(line[:8])
    assert not re.search(r"""(src|href)=|url\(|@import""", page)
    data = json.loads(shown.bodies["json"])
    assert data["errors"][0]["type"] == message.split(":")[0] and "request" not in data


def test_a_mistake_deep_in_a_module_of_the_project_shows_the_way_there(tmp_path: Path) -> None:
    (tmp_path / "deep_module.py").write_text("def port():\n    return int('http')\n")
    shown = LoadFailure(*failure(tmp_path, "import deep_module\n\ndef make_app():\n    return deep_module.port()\n"))
    places = re.findall(r"(\w+\.py):(\d+) in (\w+)", shown.lines)
    assert places[:2] == [("deep_module.py", "2", "port"), ("broken_application.py", "4", "make_app")]


def test_what_is_waited_for(tmp_path: Path) -> None:
    path, error = failure(tmp_path, "def f(:\n")
    assert path in places_to_watch(path, error)
    path, error = failure(tmp_path, "import written_next\n")
    assert {path, str(tmp_path)} <= places_to_watch(f"{path}:make_app", error)
    data = tmp_path / "data"
    data.mkdir()
    path, error = failure(tmp_path, f"open({str(data / 'secret.txt')!r})\n")
    assert {path, str(data)} <= places_to_watch(path, error)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_whatever_is_asked_is_answered_with_it(tmp_path: Path, method: str) -> None:
    shown = LoadFailure(*failure(tmp_path, "1 / 0\n"))

    async def ask() -> None:
        async with InProcessClient(application_that_shows(shown)) as client:
            body = b"x" if method in ("POST", "PUT") else None
            headers = {"Accept": "text/html"}
            answer = await client.fetch("/any/page", method=method, body=body, headers=headers)
            assert answer.code == 500 and answer.headers[HEADER] == shown.id
            assert answer.headers["Cache-Control"] == "no-store"
            if method != "HEAD":
                assert answer.body == shown.bodies["html"]

    asyncio.run(ask())


def test_only_its_own_script_may_run(tmp_path: Path) -> None:
    shown = LoadFailure(*failure(tmp_path, "1 / 0\n"))

    async def ask() -> None:
        async with InProcessClient(application_that_shows(shown)) as client:
            answer = await client.fetch("/", headers={"Accept": "text/html"})
            (script,) = re.findall("<script[^>]*>(.*?)</script>", answer.body.decode(), re.DOTALL)
            digest = b64encode(sha256(script.encode()).digest()).decode()
            assert f"script-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    asyncio.run(ask())
