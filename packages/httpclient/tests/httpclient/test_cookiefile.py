"""A cookie jar's file."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import time

import pytest

from waterspout.httpclient import CookieJar
from waterspout.httpclient._url import parse_url


def jar_after(url: str, *fields: str) -> CookieJar:
    jar = CookieJar()
    jar.keep(parse_url(url), fields)
    return jar


def loaded(path) -> CookieJar:
    jar = CookieJar()
    jar.load(path)
    return jar


def sent(jar: CookieJar, url: str) -> str:
    return jar.field_for(parse_url(url)).removeprefix("Cookie: ").rstrip()


def test_CK16_what_was_for_one_host_is_for_one_host_after_saving_and_loading(tmp_path):
    fields = "own=1", "wide=2; Domain=example.com; Path=/", "s=3; Secure; HttpOnly"
    jar = jar_after("https://www.example.com/a/b", *fields)
    jar.save(tmp_path / "jar")
    again = loaded(tmp_path / "jar")
    for url in ("https://www.example.com/a/", "http://www.example.com/a/", "https://x.www.example.com/a/",
                "https://example.com/a/", "https://www.example.com/"):  # fmt: skip
        assert sent(again, url) == sent(jar, url)
    assert sent(again, "https://x.www.example.com/a/") == "wide=2"
    assert [(c.http_only, c.secure, c.created) for c in again] == [(c.http_only, c.secure, c.created) for c in jar]


def test_CK17_the_file_is_json_and_its_owners_alone_whatever_the_umask(tmp_path):
    path = tmp_path / "jar"
    before = os.umask(0)
    try:
        jar_after("http://a.example/", "sid=secret").save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        os.chmod(path, 0o644)  # by somebody who did not know
        jar_after("http://a.example/", "sid=other").save(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["cookies"][0]["value"] == "other"
    assert os.listdir(tmp_path) == ["jar"]


def test_CK17_a_jar_is_never_pickled():
    for act in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="save"):
            act(CookieJar())


def test_expired_cookies_are_neither_saved_nor_loaded(tmp_path):
    jar = jar_after("http://a.example/", "a=1; Max-Age=1000", "b=2")
    jar.save(tmp_path / "jar")
    content = json.loads((tmp_path / "jar").read_text())
    assert [entry["expires"] is None for entry in content["cookies"]] == [False, True]
    content["cookies"][0]["expires"] = time.time() - 1
    (tmp_path / "jar").write_text(json.dumps(content))
    assert [cookie.name for cookie in loaded(tmp_path / "jar")] == ["b"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", "[" * 100_000, '{"version": 2, "cookies": []}', '{"version": 1, "cookies": [1]}',
     '{"version": 1, "cookies": [{"name": "a"}]}', pickle.dumps({"a": 1}, 0).decode("latin-1")],
)  # fmt: skip
def test_a_file_of_something_else_is_named_and_changes_nothing(tmp_path, text):
    path = tmp_path / "jar"
    path.write_text(text)
    jar = jar_after("http://a.example/", "a=1")
    with pytest.raises(ValueError, match="jar"):
        jar.load(path)
    assert sent(jar, "http://a.example/") == "a=1"


@pytest.mark.parametrize(
    ("name", "value"), [("value", 1), ("expires", float("inf")), ("host_only", 0), ("domain", None)]
)
def test_a_field_of_another_type_is_named(tmp_path, name, value):
    path = tmp_path / "jar"
    jar_after("http://a.example/", "a=1").save(path)
    content = json.loads(path.read_text())
    content["cookies"][0][name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=name):
        loaded(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "jar"
    jar_after("http://a.example/", "a=1").save(path)

    def fail(*arguments):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        jar_after("http://a.example/", "a=2").save(path)
    assert os.listdir(tmp_path) == ["jar"] and sent(loaded(path), "http://a.example/") == "a=1"


@pytest.mark.parametrize("field", ["name", "value", "domain", "path"])
def test_file_with_control_characters_is_refused(tmp_path, field):
    """They would be header fields of their own in the next request."""
    path = tmp_path / "jar"
    jar_after("https://example.com/", "a=b").save(path)
    content = json.loads(path.read_text())
    content["cookies"][0][field] += "\r\nX: y"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="control characters"):
        loaded(path)
