"""``async def`` wherever an application is called: the user, on_finish, templates; and cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.template import DictLoader
from waterspout.web import Application, RequestHandler, UIModule, authenticated

Fetch = Callable[..., HTTPResponse]


class Base(RequestHandler):
    async def get_current_user(self) -> str | None:
        await asyncio.sleep(0)
        return self.get_argument("user", None)


def test_an_async_user_is_known_from_prepare_on(fetch: Fetch) -> None:
    seen: list[Any] = []

    class Hello(Base):
        def prepare(self) -> None:
            seen.append(self.current_user)

        def get(self) -> None:
            self.write(f"hello {self.current_user}")

    assert fetch([("/", Hello)], "/?user=ann").body == b"hello ann"
    assert seen == ["ann"]


def test_authenticated_asks_the_async_user(fetch: Fetch) -> None:
    class Private(Base):
        @authenticated
        async def get(self) -> None:
            self.write("secret")

    app = Application([("/", Private)], login_url="/login")
    assert fetch(app, "/?user=ann").body == b"secret"
    response = fetch(app, "/")
    assert (response.code, response.headers["Location"]) == (302, "/login?next=%2F")


def test_an_async_user_that_cannot_be_found_out_is_a_500_and_the_error_page_has_none(fetch: Fetch) -> None:
    class Fails(RequestHandler):
        async def get_current_user(self) -> None:
            raise ValueError("no database")

        def get(self) -> None:
            self.write("never")

        def write_error(self, status_code: int, **kwargs: Any) -> None:
            self.write(f"{status_code} for {self.current_user}")

    assert fetch([("/", Fails)]).body == b"500 for None"


def test_an_async_user_never_passes_for_one_before_it_is_known(fetch: Fetch, caplog: Any) -> None:
    class Early(Base):
        def initialize(self) -> None:
            with pytest.raises(RuntimeError, match="is async"):
                bool(self.current_user)

        def get(self) -> None:
            self.write(f"{self.current_user}")

    assert fetch([("/", Early)], "/?user=ann").body == b"ann"


def test_an_async_on_finish_goes_on_after_the_answer_and_is_waited_for_at_shutdown() -> None:
    log: list[str] = []

    class Hello(RequestHandler):
        def get(self) -> None:
            self.write("hello")

        async def on_finish(self) -> None:
            await asyncio.sleep(0.02)
            log.append("on_finish")

    async def main() -> None:
        from waterspout.httpclient import AsyncHTTPClient

        app = Application([("/", Hello)])
        server = app.listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        http = AsyncHTTPClient(force_instance=True)
        await http.fetch(f"http://127.0.0.1:{port}/")
        log.append("answered")
        http.close()
        server.stop()
        await server.close_all_connections()
        await app.shutdown()

    asyncio.run(main())
    assert log == ["answered", "on_finish"]


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


class Story(UIModule):
    async def render(self, title: str) -> str:  # type: ignore[override]
        return f"<b>{await later(title)}</b>"

    def embedded_css(self) -> str:
        return "b { color: red }"


def test_a_page_waits_for_its_values_and_its_modules(fetch: Fetch) -> None:
    source = "<head></head>{{ later('<') }} {% for x in await later([1, 2]) %}{{ x }}{% end %} {% module Story('t') %}"

    class Page(RequestHandler):
        async def get(self) -> None:
            await self.render_async("page.html", later=later)

    app = Application([("/", Page)], template_loader=DictLoader({"page.html": source}), ui_modules={"Story": Story})
    body = fetch(app).body.decode()
    assert "&lt; 12 <b>t</b>" in body and "color: red" in body[: body.index("</head>")]


def test_a_string_can_be_rendered_so_too(fetch: Fetch) -> None:
    class Page(RequestHandler):
        async def get(self) -> None:
            self.write(await self.render_string_async("page.html", value=later("&")))

    assert fetch(Application([("/", Page)], template_loader=DictLoader({"page.html": "{{ value }}"}))).body == b"&amp;"


@pytest.mark.parametrize(
    ("attribute", "setting", "cancelled"),
    [(None, None, False), (True, None, True), (None, True, True), (False, True, False)],
)
def test_a_waiting_handler_is_cancelled_when_its_client_leaves_where_that_is_wanted(
    attribute: bool | None, setting: bool | None, cancelled: bool, caplog: Any
) -> None:
    log: list[str] = []

    async def main() -> None:
        go_on, closed, started, finished = (asyncio.Event() for _ in range(4))

        class Waits(RequestHandler):
            cancel_on_disconnect = attribute

            async def get(self) -> None:
                started.set()
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    log.append("cancelled")
                    raise
                log.append("went on")

            def on_connection_close(self) -> None:
                log.append("closed")
                closed.set()

            def on_finish(self) -> None:
                log.append("on_finish")
                finished.set()

        settings = {} if setting is None else {"cancel_on_disconnect": setting}
        server = Application([("/", Waits)], **settings).listen(0, "127.0.0.1")  # type: ignore[arg-type]
        port = next(iter(server._sockets.values())).getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await writer.drain()
        await asyncio.wait_for(started.wait(), 10)
        writer.close()
        await asyncio.wait_for(closed.wait(), 10)
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(finished.wait(), 10)
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert log == ["closed", "cancelled" if cancelled else "went on", "on_finish"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
