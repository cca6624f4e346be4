"""What `waterspout dev` changes in an application."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from waterspout.cli._develop import switch_on
from waterspout.testing import InProcessClient
from waterspout.web import Application, RequestHandler
from waterspout.web._livepage import HEADER, PROBE, SCRIPT


class Home(RequestHandler):
    def get(self) -> None:
        self.write("home")


@pytest.mark.parametrize("settings", [{}, {"debug": True}, {"compat": "tornado"}, {"xsrf_cookies": True}])
def test_the_page_of_a_failure_asks_an_address_that_is_answered_without_a_log_line(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    application = Application([("/", Home)], autoreload=False, **settings)
    switch_on(application)

    async def ask() -> None:
        async with InProcessClient(application) as client:
            answer = await client.fetch(PROBE, method="HEAD")
            assert answer.code == 204 and not answer.body
            assert not caplog.records
            assert (await client.fetch("/")).body == b"home"  # the rest is as it was
            assert [record.name for record in caplog.records] == ["waterspout.access"]

    asyncio.run(ask())
    assert f'fetch("{PROBE}", {{method: "HEAD"' in SCRIPT


def test_other_hosts_are_refused_there_too() -> None:
    application = Application([("/", Home)], autoreload=False)
    switch_on(application)

    async def ask() -> None:
        async with InProcessClient(application) as client:
            assert (await client.fetch(PROBE, headers={"Host": "evil.example"})).code == 421

    asyncio.run(ask())


def test_an_error_page_knows_which_start_of_the_application_it_is_of() -> None:
    first, second = (Application([("/", Home)], autoreload=False) for _ in range(2))

    async def start_of(application: Application) -> str:
        switch_on(application)
        async with InProcessClient(application) as client:
            start = (await client.fetch(PROBE, method="HEAD")).headers[HEADER]
            page = await client.fetch("/nowhere", headers={"Accept": "text/html"})
            assert page.code == 404 and f"data-shown={start}>".encode() in page.body
            return start

    assert asyncio.run(start_of(first)) != asyncio.run(start_of(second))
