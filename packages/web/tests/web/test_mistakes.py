"""Mistakes that are common in handlers: the page and the log say which method it is, and what to do."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from waterspout import gen
from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler

Fetch = Callable[..., HTTPResponse]


def debugged(pattern: str, handler: type[RequestHandler], **settings: Any) -> Application:
    return Application([(pattern, handler)], **{"debug": True, "autoreload": False, **settings})


def text_of(fetch: Fetch, handler: type[RequestHandler], pattern: str = "/", path: str = "/", **options: Any) -> str:
    response = fetch(debugged(pattern, handler), path, **options)
    assert response.code == 500
    return response.body.decode()


def log_of(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [record for record in caplog.records if record.name == "waterspout.application"]
    return record.getMessage()


@pytest.mark.parametrize("value", ["Hello", b"Hello", 5, {"a": 1}, ["Hello"], ("a",)])
def test_a_returned_value_is_told_with_its_method_and_what_to_do(fetch: Fetch, caplog: Any, value: Any) -> None:
    class Book(RequestHandler):
        def get(self) -> Any:
            return value

    text = text_of(fetch, Book)
    for shown in (text, log_of(caplog)):
        assert f"Book.get() returned a value of type {type(value).__name__}" in shown
        assert "BadYieldError" in shown and "self.write(...) or self.finish(...)" in shown
        assert f"{__file__}:{Book.get.__code__.co_firstlineno}" in shown


def test_so_is_what_prepare_returns_and_what_a_method_returns_after_one_that_waits(fetch: Fetch) -> None:
    class Prepared(RequestHandler):
        def prepare(self) -> Any:
            return "ready"

    class Waits(RequestHandler):
        async def prepare(self) -> None:
            await asyncio.sleep(0)

        def get(self) -> Any:
            return "Hello"

    assert "Prepared.prepare() returned a value of type str" in text_of(fetch, Prepared)
    assert "Waits.get() returned a value of type str" in text_of(fetch, Waits)


def test_what_a_generator_yields_is_no_returned_value(fetch: Fetch) -> None:
    class Book(RequestHandler):
        @gen.coroutine
        def get(self) -> Any:
            yield "Hello"

    text = text_of(fetch, Book)
    assert "yielded unknown object 'Hello'" in text and "returned a value" not in text


@pytest.mark.parametrize("method", ["write", "finish"])
def test_a_forgotten_await_is_asked_for_once(fetch: Fetch, method: str) -> None:
    async def slow() -> str:
        return "Hello"

    class Book(RequestHandler):
        def get(self) -> None:
            getattr(self, method)(slow())

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        text = text_of(fetch, Book)
        gc.collect()
    assert not [warning for warning in warned if "never awaited" in str(warning.message)]
    assert "write() only accepts bytes, unicode, and dict objects, not coroutine " in text
    assert "slow(): is an await missing?" in text


@pytest.mark.parametrize(
    ("chunk", "end"),
    [
        (5, ", not int"),
        (None, ", not NoneType"),
        ([1], ", not list. Lists not accepted for security reasons; see RequestHandler.write"),
    ],
)
def test_what_cannot_be_written_is_told_by_its_type(chunk: Any, end: str) -> None:
    with pytest.raises(TypeError) as caught:
        RequestHandler.write(object.__new__(RequestHandler), chunk)
    assert str(caught.value) == "write() only accepts bytes, unicode, and dict objects" + end


def test_a_future_that_is_written_goes_on() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        with pytest.raises(TypeError, match=r"not Future: is an await missing\?"):
            RequestHandler.write(object.__new__(RequestHandler), future)
        assert not future.done()

    asyncio.run(main())


def decorated(method: Any) -> Any:
    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    return wrapper


class TakesNothing(RequestHandler):
    def get(self) -> None:
        self.write("nothing")

    async def post(self) -> None:
        self.write("nothing")

    @decorated
    def put(self) -> None:
        self.write("nothing")


class TakesName(RequestHandler):
    def get(self, name: str) -> None:
        self.write(name)


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_group_without_a_parameter_is_told_with_route_and_method(
    fetch: Fetch, caplog: Any, accept: str, method: str
) -> None:
    body = None if method == "GET" else b""
    text = text_of(fetch, TakesNothing, "/book/([0-9]+)", "/book/42", method=method, body=body,
                   headers={"Accept": accept})  # fmt: skip
    if accept == "application/json":
        text = json.loads(text)["errors"][0]["notes"][0]
    for shown in (text.replace("&#x27;", "'"), log_of(caplog)):
        assert "The route '/book/([0-9]+)$' captures '42', but the method is TakesNothing." in shown
        assert f"{method.lower()}() ({__file__}:" in shown
    if accept == "text/plain":
        assert text.count("The route ") == 1


@pytest.mark.parametrize(
    ("pattern", "path", "captured"),
    [
        ("/book", "/book", "captures nothing"),
        ("/(.)/(.)", "/a/b", "captures 'a', 'b'"),
        ("/(?P<nme>.*)", "/a", "captures nme='a'"),
        ("/(?P<token>.*)", "/abcdefgh", "captures token=***"),
    ],
)
def test_so_are_missing_groups_more_of_them_and_other_names(
    fetch: Fetch, caplog: Any, pattern: str, path: str, captured: str
) -> None:
    text_of(fetch, TakesName, pattern, path)
    assert f"{captured}, but the method is TakesName.get(name) (" in log_of(caplog)


def test_in_production_the_log_has_it_and_the_answer_has_not(fetch: Fetch, caplog: Any) -> None:
    response = fetch([("/book/([0-9]+)", TakesNothing)], "/book/42")
    assert response.code == 500 and b"route" not in response.body
    assert "The route '/book/([0-9]+)$' captures '42'" in caplog.text


def test_an_error_inside_of_the_method_is_left_as_it_is(fetch: Fetch) -> None:
    def helper() -> None: ...

    class Inside(RequestHandler):
        def get(self, number: str) -> None:
            helper(number)  # type: ignore[call-arg]

        def post(self, number: str) -> None:
            self.post()  # type: ignore[call-arg]

    for method, body in (("GET", None), ("POST", b"")):
        text = text_of(fetch, Inside, "/book/([0-9]+)", "/book/42", method=method, body=body)
        assert "TypeError" in text and "The route" not in text


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_a_form_without_its_token_is_told_what_to_put_into_it(fetch: Fetch, caplog: Any, accept: str) -> None:
    class Book(RequestHandler):
        def post(self) -> None:
            self.write("posted")

    application = debugged("/", Book, xsrf_cookies=True, cookie_secret="s" * 40)
    text = fetch(application, method="POST", body=b"a=b", headers={"Accept": accept}).body.decode()
    assert "argument missing from POST" in text
    assert text.count("{% module xsrf_form_html() %} into the form") == 1 and "X-XSRFToken" in text
    assert "xsrf_form_html" not in caplog.text


def test_in_production_it_is_not(fetch: Fetch) -> None:
    application = Application([("/", TakesNothing)], xsrf_cookies=True, cookie_secret="s" * 40)
    response = fetch(application, method="POST", body=b"a=b")
    assert response.code == 403 and b"xsrf_form_html" not in response.body
