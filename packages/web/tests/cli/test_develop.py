"""What `waterspout dev` changes in an application."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from waterspout.cli._develop import PROBE, switch_on
from waterspout.cli._failure import SCRIPT
from waterspout.testing import InProcessClient
from waterspout.web import Application, RequestHandler


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
