"""How often one client may ask."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.testing import AsyncHTTPTestCase
from waterspout.web import Application, RequestHandler, rate_limit
from waterspout.web._ratelimit import RateLimiter, client_address

Fetch = Callable[..., HTTPResponse]


def test_so_many_pass_in_a_time_and_more_as_time_goes_on() -> None:
    now = [0.0]
    limiter = RateLimiter(2, 10, clock=lambda: now[0])
    assert [limiter.wait_for("a") for _ in range(3)] == [0, 0, 5]
    now[0] = 4
    assert limiter.wait_for("a") == pytest.approx(1)
    now[0] = 5
    assert limiter.wait_for("a") == 0 and limiter.wait_for("a") == pytest.approx(5)
    now[0] = 1000  # more than the count is never saved up
    assert [limiter.wait_for("a") > 0 for _ in range(3)] == [False, False, True]


def test_OT7_keys_do_not_count_for_each_other_whatever_is_in_them() -> None:
    limiter = RateLimiter(1, 10, clock=lambda: 0.0)
    keys = ["a", "a\n", "a\nb", "", "\0", "a" * 10_000]
    assert [limiter.wait_for(key) for key in keys] == [0] * len(keys)
    assert all(limiter.wait_for(key) > 0 for key in keys)


def test_OT7_memory_is_bounded_and_the_longest_silent_key_is_forgotten() -> None:
    limiter = RateLimiter(1, 10, max_keys=100, clock=lambda: 0.0)
    for number in range(10_000):
        limiter.wait_for(str(number))
    assert len(limiter) == 100
    assert limiter.wait_for("9999") > 0 and limiter.wait_for("9900") > 0 and limiter.wait_for("1") == 0


@pytest.mark.parametrize("arguments", [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_a_limit_that_is_none_is_refused(arguments: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        rate_limit(*arguments)


def limited_application() -> Application:
    class Limited(RequestHandler):
        @rate_limit(2, 3600)
        async def get(self) -> None:
            self.write("ok")

    return Application([("/", Limited)])


def test_OT7_a_client_that_asks_too_often_gets_429_whatever_address_it_claims() -> None:
    class Case(AsyncHTTPTestCase):
        def get_app(self) -> Application:
            return limited_application()

        def get_httpserver_options(self) -> dict[str, object]:
            return {"xheaders": True, "trusted_downstream": ["192.0.2.1"]}

        def runTest(self) -> None:
            answers = [self.fetch("/", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
            assert [answer.code for answer in answers] == [200, 200, 429]
            assert 1700 < int(answers[2].headers["Retry-After"]) <= 1801

    result = Case().run()
    assert result is not None and result.wasSuccessful(), result.errors + result.failures


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("2001:DB8::1%eth0", "2001:db8::2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", False),
        ("64:ff9b:1::1", "64:ff9b:1::2", False),
        ("fe80::1%eth0", "fe80::2%eth0", False),
        ("febf::1", "febf::2", False),
        ("::1", "::2", False),
        ("unix:a", "unix:b", False),
    ],
)
def test_OT7_an_ipv6_client_is_a_network_of_64_bits(one: str, other: str, same: bool) -> None:
    keys = []
    for address in (one, other):
        handler: Any = SimpleNamespace(request=SimpleNamespace(remote_ip=address))
        keys.append(client_address(handler))
    assert (keys[0] == keys[1]) is same


def test_OT7_who_has_a_network_of_ipv6_has_no_more_calls_than_others() -> None:
    class Case(AsyncHTTPTestCase):
        def get_app(self) -> Application:
            return limited_application()

        def get_httpserver_options(self) -> dict[str, object]:
            return {"xheaders": True, "trusted_downstream": ["127.0.0.1"]}

        def runTest(self) -> None:
            asked = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
            answers = [self.fetch("/", headers={"X-Forwarded-For": address}) for address in asked]
            assert [answer.code for answer in answers] == [200, 200, 429, 200]

    result = Case().run()
    assert result is not None and result.wasSuccessful(), result.errors + result.failures


def test_clients_may_be_told_apart_by_something_else(fetch: Fetch) -> None:
    class ByUser(RequestHandler):
        @rate_limit(1, 3600, key=lambda handler: handler.get_argument("user"))
        def get(self) -> None:
            self.write("ok")

    app = Application([("/", ByUser)])
    assert [fetch(app, f"/?user={user}").code for user in "aab"] == [200, 429, 200]
