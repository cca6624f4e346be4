"""RequestHandler: what a handler reads, writes, and answers when something goes wrong."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, Finish, HTTPError, MissingArgumentError, RequestHandler

Fetch = Callable[..., HTTPResponse]
GET = b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n"


def handler(**methods: Any) -> type[RequestHandler]:
    return type("Handler", (RequestHandler,), methods)


def test_a_fresh_handler_object_serves_every_request(fetch: Fetch, raw: Callable[..., bytes]) -> None:
    seen: list[RequestHandler] = []
    received = raw([("/", handler(get=lambda self: seen.append(self)))], GET % (b"/", b"") + GET % (b"/", b""))
    assert received.count(b"200 OK") == 2 and len(set(map(id, seen))) == 2


def test_the_order_is_initialize_prepare_method_on_finish(fetch: Fetch) -> None:
    log: list[str] = []

    class Ordered(RequestHandler):
        def initialize(self, db: str) -> None:  # type: ignore[override]
            log.append(f"initialize {db}")

        async def prepare(self) -> None:
            log.append("prepare")

        async def get(self, number: str, *, name: str | None = None) -> None:
            log.append(f"get {number}")

        def on_finish(self) -> None:
            log.append("on_finish")

    assert fetch([("/([0-9]+)", Ordered, {"db": "the db"})], "/7").code == 200
    assert log == ["initialize the db", "prepare", "get 7", "on_finish"]


@pytest.mark.parametrize("prepare", ["plain", "async"])
def test_prepare_can_answer_in_place_of_the_method(fetch: Fetch, prepare: str) -> None:
    async def async_prepare(self: RequestHandler) -> None:
        await asyncio.sleep(0)
        self.finish("prepared")

    def plain_prepare(self: RequestHandler) -> None:
        self.finish("prepared")

    cls = handler(prepare=async_prepare if prepare == "async" else plain_prepare, get=lambda self: self.write("method"))
    assert fetch([("/", cls)]).body == b"prepared"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS"])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_every_method_plain_and_async(fetch: Fetch, method: str, kind: str) -> None:
    def plain(self: RequestHandler) -> None:
        self.write(self.request.method.lower())

    async def coroutine(self: RequestHandler) -> None:
        await asyncio.sleep(0)
        plain(self)

    cls = handler(**{method.lower(): plain if kind == "plain" else coroutine})
    body = b"x" if method in ("POST", "PATCH", "PUT") else None
    response = fetch([("/", cls)], method=method, body=body)
    assert response.code == 200
    assert response.body == (b"" if method == "HEAD" else method.lower().encode())
    assert response.headers["Content-Length"] == str(len(method))


def test_a_method_that_is_not_there_gets_405_and_so_does_an_unknown_one(raw: Callable[..., bytes]) -> None:
    received = raw([("/", handler())], b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + GET % (b"/", b""))
    assert received.count(b"HTTP/1.1 405 Method Not Allowed") == 2


def test_arguments_of_query_and_body(fetch: Fetch) -> None:
    class Arguments(RequestHandler):
        def post(self) -> None:
            self.write(
                {
                    "last": self.get_argument("a"),
                    "all": self.get_arguments("a"),
                    "query": self.get_query_arguments("a"),
                    "body": self.get_body_argument("a"),
                    "default": self.get_argument("z", "none"),
                    "raw": self.get_argument("s", strip=False),
                    "controls": self.get_argument("c"),
                }
            )

    body = "a=3&s=%20x%20&c=x%00y%01z"
    response = fetch([("/", Arguments)], "/?a=1&a=2", method="POST", body=body)
    assert json.loads(response.body) == {
        "last": "3", "all": ["1", "2", "3"], "query": ["1", "2"], "body": "3", "default": "none", "raw": " x ",
        "controls": "x y z",
    }  # fmt: skip


def test_a_missing_argument_is_a_400_that_names_it_in_the_log(fetch: Fetch, caplog: Any) -> None:
    def get(self: RequestHandler) -> None:
        try:
            self.get_argument("wanted")
        except MissingArgumentError as error:
            assert error.arg_name == "wanted"
            raise

    assert fetch([("/", handler(get=get))]).code == 400
    assert "Missing argument wanted" in caplog.text


@pytest.mark.parametrize("path", ["/?a=%ff%fe", "/?" + "a=b&" * 1001])
def test_UE2_UE6_arguments_that_cannot_be_read_are_a_400(fetch: Fetch, path: str) -> None:
    assert fetch([("/", handler(get=lambda self: self.get_argument("a")))], path).code == 400


def test_path_groups_are_decoded_text(fetch: Fetch) -> None:
    class Groups(RequestHandler):
        def get(self, *args: str, **kwargs: str) -> None:
            self.write({"args": args, "kwargs": kwargs, "kept": [self.path_args, self.path_kwargs]})

    routes = [("/p/([^/]*)/(x)?", Groups), ("/n/(?P<name>.*)", Groups), ("/plain", Groups)]
    assert json.loads(fetch(routes, "/p/%C3%A9%2F/").body)["args"] == ["é/", None]
    assert json.loads(fetch(routes, "/n/a%20b").body)["kwargs"] == {"name": "a b"}
    assert json.loads(fetch(routes, "/plain").body)["kept"] == [[], {}]
    assert fetch(routes, "/n/%ff").code == 400


def test_a_handler_that_decodes_by_itself_gets_bytes_of_every_path(fetch: Fetch) -> None:
    class Own(RequestHandler):
        def decode_argument(self, value: bytes, name: str | None = None) -> str:
            assert type(value) is bytes
            return value.decode("latin-1") + "!"

        def get(self, *args: str, **kwargs: str) -> None:
            self.write(" ".join([*map(str, args), *kwargs.values()]))

    rules = [("/p/([^/]*)/?(.+)?", Own), ("/n/(?P<name>.*)", Own)]
    for path, expected in (("/p/a", b"a! None"), ("/p/a/b", b"a! b!"), ("/p/%61", b"a! None"), ("/n/a", b"a!")):
        assert fetch(rules, path).body == expected


def test_write_takes_text_bytes_and_dictionaries_and_nothing_else(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        self.write("é")
        self.write(b"\xff")

    assert fetch([("/", handler(get=get))]).body == "é".encode() + b"\xff"
    response = fetch([("/", handler(get=lambda self: self.write({"a": "</script>"})))])
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert json.loads(response.body) == {"a": "</script>"} and b"</script>" not in response.body
    for wrong in ([1], 5, None):
        with pytest.raises(TypeError, match="only accepts bytes, unicode, and dict"):
            RequestHandler.write(object.__new__(RequestHandler), wrong)  # type: ignore[arg-type]


def test_writing_after_finish_raises(fetch: Fetch, caplog: Any) -> None:
    def get(self: RequestHandler) -> None:
        self.finish("done")
        for again in (lambda: self.write("x"), self.finish, lambda: self.render("x")):
            with pytest.raises(RuntimeError, match=r"finish\(\)"):
                again()

    assert fetch([("/", handler(get=get))]).body == b"done"


def test_headers_are_formatted_and_repeated_ones_kept(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        self.set_status(201, "Made")
        self.set_header("X-Int", 5)
        self.set_header("X-Date", datetime.datetime(2020, 1, 2, 3, 4, 5))
        self.set_header("X-Bytes", b"b")
        self.add_header("X-More", "1")
        self.add_header("X-More", "2")
        self.set_header("X-Gone", "x")
        self.clear_header("X-Gone")
        self.clear_header("X-Never-There")

    response = fetch([("/", handler(get=get))])
    assert (response.code, response.reason) == (201, "Made")
    assert response.headers["X-Int"] == "5" and response.headers["X-Bytes"] == "b"
    assert response.headers["X-Date"] == "Thu, 02 Jan 2020 03:04:05 GMT"
    assert response.headers.get_list("X-More") == ["1", "2"] and "X-Gone" not in response.headers


@pytest.mark.parametrize("value", ["a\r\nY: b", "a\0", "a\x7f", "a\x0b", "a\nb"])
def test_RW1_header_values_with_control_characters_are_refused(fetch: Fetch, value: str) -> None:
    response = fetch([("/", handler(get=lambda self: self.set_header("X", value)))])
    assert response.code == 500 and "X" not in response.headers and "Y" not in response.headers


@pytest.mark.parametrize("name", ["X A", "X\r\nY", "", "X-é", "X:"])
def test_RW2_header_names_that_are_no_tokens_are_refused_at_the_call(fetch: Fetch, name: str) -> None:
    def get(self: RequestHandler) -> None:
        with pytest.raises(ValueError):
            self.set_header(name, "x")
        self.write("refused")

    assert fetch([("/", handler(get=get))]).body == b"refused"


@pytest.mark.parametrize("value", ["☃", "Łódź", "\U0001f600", "a\ud800"])
def test_RW2_header_values_that_are_not_latin1_are_refused_at_the_call(fetch: Fetch, value: str) -> None:
    for call in ("set_header", "add_header"):
        response = fetch([("/", handler(get=lambda self, call=call: getattr(self, call)("X", value)))])
        assert response.code == 500 and "X" not in response.headers


@pytest.mark.parametrize("status", [99, 0, -1, 1000, 10**6, "404", None])
def test_what_is_no_status_is_an_error_with_an_answer(raw: Any, caplog: Any, status: Any) -> None:
    def raised(self: RequestHandler) -> None:
        raise HTTPError(status)

    handlers = [
        ("/set", handler(get=lambda self: self.set_status(status))),
        ("/send", handler(get=lambda self: self.send_error(status))),
        ("/raised", handler(get=raised)),
    ]
    for path in (b"/set", b"/send", b"/raised"):
        received = raw(handlers, GET % (path, b""))
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n") and received.count(b"HTTP/1.1") == 1
    assert f"status {status!r}" in caplog.text


def test_an_error_page_of_the_applications_own_finds_the_reason(fetch: Fetch) -> None:
    def write_error(self: RequestHandler, status: int, **kwargs: Any) -> None:
        self.finish(f"{status} {self._reason}")

    def given(self: RequestHandler) -> None:
        raise HTTPError(409, reason="Taken")

    def assigned(self: RequestHandler) -> None:
        self._reason = "By hand"
        self.write(self._reason)

    routes = [
        ("/given", handler(get=given, write_error=write_error)),
        ("/assigned", handler(get=assigned)),
        ("/.*", handler(get=lambda self: 1 / 0, write_error=write_error)),
    ]
    assert fetch(routes, "/given").body == b"409 Taken"
    assert fetch(routes, "/x").body == b"500 Internal Server Error"
    assert fetch(routes, "/x", method="DELETE").body == b"405 Method Not Allowed"
    assert (fetch(routes, "/assigned").reason, fetch(routes, "/assigned").body) == ("By hand", b"By hand")


def test_RW3_reasons_that_could_inject_are_replaced_and_escaped(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        raise HTTPError(400, reason="<script>alert(1)</script>\r\nX: y")

    response = fetch([("/", handler(get=get))])
    assert (response.code, response.reason) == (400, "Unknown")
    assert b"<script>" not in response.body and "X" not in response.headers


@pytest.mark.parametrize("kind", ["plain", "async", "prepare"])
def test_an_exception_is_a_500_logged_once_and_the_connection_usable(raw: Any, caplog: Any, kind: str) -> None:
    def broken(self: RequestHandler) -> None:
        self.write("dropped")
        raise ZeroDivisionError("boom")

    async def broken_later(self: RequestHandler) -> None:
        await asyncio.sleep(0)
        broken(self)

    methods = {"plain": {"get": broken}, "async": {"get": broken_later}, "prepare": {"prepare": broken_later}}[kind]
    received = raw([("/", handler(**methods)), ("/ok", handler(get=lambda self: self.write("ok")))],
                   GET % (b"/", b"") + GET % (b"/ok", b""))  # fmt: skip
    assert received.startswith(b"HTTP/1.1 500 Internal Server Error") and received.endswith(b"\r\n\r\nok")
    assert b"dropped" not in received and b"boom" not in received
    assert len([r for r in caplog.records if r.exc_info]) == 1 and "ZeroDivisionError" in caplog.text


def test_http_errors_answer_with_their_status_and_log_their_message_alone(fetch: Fetch, caplog: Any) -> None:
    def get(self: RequestHandler) -> None:
        raise HTTPError(404, "no %s today", "story")

    response = fetch([("/", handler(get=get))])
    assert response.code == 404 and b"story" not in response.body
    records = [r for r in caplog.records if r.name == "waterspout.general"]
    assert [r.levelno for r in records] == [logging.WARNING] and "no story today" in caplog.text


def test_finish_ends_without_an_error(fetch: Fetch, caplog: Any) -> None:
    def get(self: RequestHandler) -> None:
        self.set_status(401)
        self.write("so far")
        raise Finish

    response = fetch([("/", handler(get=get))])
    assert (response.code, response.body) == (401, b"so far")
    assert fetch([("/", handler(get=lambda self: exec("raise Finish('given')", {"Finish": Finish})))]).body == b"given"
    assert not [r for r in caplog.records if r.exc_info]


def test_a_base_handlers_current_user_and_error_page_are_inherited(fetch: Fetch) -> None:
    class Base(RequestHandler):
        def write_error(self, status_code: int, **kwargs: Any) -> None:
            self.finish(f"page for {status_code}, {kwargs['exc_info'][1]!r}")

        def get_current_user(self) -> str:
            return "ann"

    class Child(Base):
        def get(self) -> None:
            raise KeyError(self.current_user)

    response = fetch([("/", Child)])
    assert (response.code, response.body) == (500, b"page for 500, KeyError('ann')")


def test_write_error_that_raises_still_answers(fetch: Fetch, caplog: Any) -> None:
    def write_error(self: RequestHandler, status_code: int, **kwargs: Any) -> None:
        raise ValueError("in the error page")

    response = fetch([("/", handler(write_error=write_error))])
    assert response.code == 405 and "Uncaught exception in write_error" in caplog.text


def test_redirect(fetch: Fetch) -> None:
    routes = [
        ("/t", handler(get=lambda self: self.redirect("/new"))),
        ("/p", handler(get=lambda self: self.redirect("/é x", permanent=True))),
        ("/s", handler(get=lambda self: self.redirect("/x", status=303))),
        ("/bad", handler(get=lambda self: self.redirect("/a\r\nX: 1"))),
    ]
    got = {path: fetch(routes, path) for path in ("/t", "/p", "/s", "/bad")}
    assert {path: (r.code, r.headers.get("Location")) for path, r in got.items()} == {
        "/t": (302, "/new"), "/p": (301, "/%C3%A9%20x"), "/s": (303, "/x"), "/bad": (500, None),
    }  # fmt: skip


def test_set_default_headers_are_on_every_answer_also_errors(fetch: Fetch) -> None:
    def set_default_headers(self: RequestHandler) -> None:
        self.set_header("Server", "Mine")
        self.set_header("X-Default", "1")

    def get(self: RequestHandler) -> None:
        if self.get_argument("fail", None):
            raise HTTPError(400)

    cls = handler(get=get, set_default_headers=set_default_headers)
    for path in ("/", "/?fail=1"):
        response = fetch([("/", cls)], path)
        assert response.headers["Server"] == "Mine" and response.headers["X-Default"] == "1"


def test_a_client_that_leaves_a_waiting_handler_is_heard_of_once_and_leaves_no_traceback(caplog: Any) -> None:
    log: list[str] = []

    class Poll(RequestHandler):
        async def get(self) -> None:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter

        def on_connection_close(self) -> None:
            log.append("closed")
            self.waiter.cancel()

        def on_finish(self) -> None:
            log.append("finished")

    async def main() -> None:
        server = Application([("/", Poll)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET % (b"/", b""))
        await asyncio.sleep(0.02)
        writer.close()
        await asyncio.sleep(0.02)
        server.stop()

    asyncio.run(main())
    assert log == ["closed", "finished"]
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_cookies_of_the_request_and_of_the_response(fetch: Fetch) -> None:
    class Counter(RequestHandler):
        def get(self) -> None:
            count = int(self.get_cookie("count", "0")) + 1
            self.set_cookie("count", str(count))
            self.set_cookie("a", "b", httponly=True, secure=True, samesite="Lax", expires_days=1)
            self.clear_cookie("old")
            self.write(str(count))

    response = fetch([("/", Counter)], headers={"Cookie": "count=41; old=x"})
    cookies = response.headers.get_list("Set-Cookie")
    assert response.body == b"42" and cookies[0] == "count=42; Path=/"
    assert "HttpOnly" in cookies[1] and "Secure" in cookies[1] and "SameSite=Lax" in cookies[1]
    assert cookies[2].startswith('old="";') or cookies[2].startswith("old=;")


@pytest.mark.parametrize("names", ["signed", "secure"])
def test_signed_cookies_survive_the_trip_and_forged_ones_do_not(fetch: Fetch, names: str) -> None:
    class Signed(RequestHandler):
        def get(self) -> None:
            value = getattr(self, f"get_{names}_cookie")("user")
            getattr(self, f"set_{names}_cookie")("user", "ann")
            self.write(repr(value))

    app = Application([("/", Signed)], cookie_secret="a secret that is long enough for anyone")
    first = fetch(app)
    cookie = first.headers["Set-Cookie"].split(";")[0]
    assert first.body == b"None" and "expires=" in first.headers["Set-Cookie"].lower()
    assert fetch(app, headers={"Cookie": cookie}).body == b"b'ann'"
    assert fetch(app, headers={"Cookie": cookie[:-1] + ("0" if cookie[-1] != "0" else "1")}).body == b"None"


def test_xsrf_a_post_needs_the_token_of_its_cookie(fetch: Fetch) -> None:
    class Form(RequestHandler):
        def get(self) -> None:
            self.write(self.xsrf_form_html())

        def post(self) -> None:
            self.write("taken")

    app = Application([("/", Form)], xsrf_cookies=True, cookie_secret="a secret that is long enough for anyone")
    page = fetch(app)
    cookie = page.headers["Set-Cookie"].split(";")[0]
    token = page.body.decode().partition('value="')[2].partition('"')[0]

    def post(body: str, cookie: str | None = cookie) -> int:
        headers = {} if cookie is None else {"Cookie": cookie}
        return fetch(app, method="POST", body=body, headers=headers).code

    assert post(f"_xsrf={token}") == 200
    assert post("") == 403 and post(f"_xsrf={token}", None) == 403 and post("_xsrf=2|zz|zz|0") == 403
    assert post("_xsrf=abc", "_xsrf=abc") == 403, "XS2: a token that we did not make"


class XSRFForm(RequestHandler):
    def get(self) -> None:
        self.write(self.xsrf_form_html())

    def post(self) -> None:
        if self.get_argument("sign", "") == "in":
            self.set_cookie("session", "1")
            self.rotate_xsrf_token()
        self.write("taken")


class BoundForm(XSRFForm):
    def get_xsrf_binding(self) -> str:
        return self.get_cookie("session", "")


def open_form(fetch: Fetch, app: Application, cookie: str = "") -> tuple[str, str]:
    """The form's token, and the cookies."""
    page = fetch(app, headers={"Cookie": cookie} if cookie else {})
    token = page.body.decode().partition('value="')[2].partition('"')[0]
    cookies = [line.split(";")[0] for line in page.headers.get_list("Set-Cookie")]
    return token, "; ".join([cookie] * bool(cookie) + cookies)


XSRF = {"xsrf_cookies": True, "cookie_secret": "a secret that is long enough for anyone"}


def test_XS1_x_requested_with_is_no_token(fetch: Fetch) -> None:
    app = Application([("/", XSRFForm)], **XSRF)  # type: ignore[arg-type]
    _, cookie = open_form(fetch, app)
    headers = {"Cookie": cookie, "X-Requested-With": "XMLHttpRequest"}
    assert fetch(app, method="POST", body="", headers=headers).code == 403


def test_XS8_a_token_from_before_the_login_is_refused_after_it(fetch: Fetch) -> None:
    app = Application([("/", XSRFForm)], **XSRF)  # type: ignore[arg-type]
    token, cookie = open_form(fetch, app)
    login = fetch(app, method="POST", body=f"sign=in&_xsrf={token}", headers={"Cookie": cookie})
    assert login.code == 200
    after = "; ".join(line.split(";")[0] for line in login.headers.get_list("Set-Cookie"))
    assert "_xsrf" in after and "session" in after
    assert fetch(app, method="POST", body=f"_xsrf={token}", headers={"Cookie": after}).code == 403
    new, _ = open_form(fetch, app, after)
    assert fetch(app, method="POST", body=f"_xsrf={new}", headers={"Cookie": after}).code == 200


def test_XS8_a_token_that_is_bound_to_a_session_is_refused_in_another(fetch: Fetch) -> None:
    app = Application([("/", BoundForm)], **XSRF)  # type: ignore[arg-type]
    token, cookie = open_form(fetch, app, "session=mine")
    assert fetch(app, method="POST", body=f"_xsrf={token}", headers={"Cookie": cookie}).code == 200
    for other in ("session=theirs", "session="):
        tossed = cookie.replace("session=mine", other)
        assert fetch(app, method="POST", body=f"_xsrf={token}", headers={"Cookie": tossed}).code == 403


def test_XS10_a_token_is_in_no_url_of_ours_and_in_no_log(fetch: Fetch, caplog: pytest.LogCaptureFixture) -> None:
    class Fails(XSRFForm):
        def get(self) -> None:
            self.xsrf_token  # noqa: B018
            if self.get_argument("redirect", None):
                self.redirect("/elsewhere")
            else:
                raise ValueError("failed")

    app = Application([("/", Fails)], **XSRF)  # type: ignore[arg-type]
    caplog.set_level("INFO")
    location = fetch(app, "/?redirect=1").headers["Location"]
    assert location == "/elsewhere"
    assert fetch(app, "/?_xsrf=2|deadbeef|cafe|1700000000").code == 500
    assert fetch(app, "/nowhere?_xsrf=2|deadbeef|cafe|1700000000").code == 404
    assert "failed" in caplog.text and "deadbeef" not in caplog.text


def test_contextvars_do_not_leak_to_the_next_request(raw: Callable[..., bytes]) -> None:
    import contextvars

    variable = contextvars.ContextVar("variable", default="clean")

    class Leaky(RequestHandler):
        def get(self) -> None:
            self.write(variable.get())
            variable.set("dirty")

    received = raw([("/", Leaky)], (GET % (b"/", b"")) * 3)
    assert received.count(b"clean") == 3 and b"dirty" not in received


def test_async_handlers_run_in_a_task_of_their_own(fetch: Fetch) -> None:
    async def get(self: RequestHandler) -> None:
        first = asyncio.current_task()
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        self.write(str(first is not None and first is asyncio.current_task()))

    assert fetch([("/", handler(get=get))]).body == b"True"
