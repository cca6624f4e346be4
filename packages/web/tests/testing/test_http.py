"""The test cases that serve an application: run as a user's tests are."""

from __future__ import annotations

import unittest
from collections.abc import Generator
from typing import Any

from waterspout.httpclient import HTTPClientError
from waterspout.testing import AsyncHTTPSTestCase, AsyncHTTPTestCase, gen_test
from waterspout.web import Application, RequestHandler


class Hello(RequestHandler):
    """Says who asks, and how."""

    def get(self) -> None:
        self.write({"protocol": self.request.protocol, "path": self.request.path})

    def post(self) -> None:
        self.write(self.request.body)


def application() -> Application:
    return Application([("/hello", Hello)])


class PlainTest(AsyncHTTPTestCase):
    """Over TCP."""

    def get_app(self) -> Application:
        return application()

    def test_a_path_is_fetched_from_the_server(self) -> None:
        response = self.fetch("/hello")
        assert response.code == 200 and response.body == b'{"protocol": "http", "path": "/hello"}'

    def test_an_absolute_url_is_fetched_as_it_is(self) -> None:
        assert self.fetch(self.get_url("/hello").replace("http:", "HTTP:")).code == 200

    def test_errors_are_responses_unless_they_are_to_be_raised(self) -> None:
        assert self.fetch("/nothing").code == 404
        with self.assertRaises(HTTPClientError) as caught:
            self.fetch("/nothing", raise_error=True)
        assert caught.exception.code == 404

    def test_options_are_the_clients(self) -> None:
        assert self.fetch("/hello", method="POST", body=b"content").body == b"content"

    @gen_test
    async def test_coroutines_use_client_and_url(self) -> None:
        response = await self.http_client.fetch(self.get_url("/hello"))
        assert response.code == 200

    @gen_test
    def test_generators_too(self) -> Generator[Any, Any, None]:
        response = yield self.http_client.fetch(self.get_url("/hello"))
        assert response.code == 200


class TLSTest(AsyncHTTPSTestCase):
    """Over TLS, with the certificate that comes with the module."""

    def get_app(self) -> Application:
        return application()

    def test_the_server_speaks_tls(self) -> None:
        assert self.get_url("/").startswith("https://127.0.0.1:")
        assert self.fetch("/hello").body == b'{"protocol": "https", "path": "/hello"}'

    def test_large_bodies_pass(self) -> None:
        body = b"x" * 300_000
        assert self.fetch("/hello", method="POST", body=body).body == body


class OwnURLTest(AsyncHTTPTestCase):
    """Its application is told where it is, and gets the client."""

    def get_app(self) -> Application:
        return Application([("/hello", Hello)], own=self.get_url("/hello"), client=self.http_client)

    def test_url_and_client_are_there_before_the_application(self) -> None:
        assert self._app.settings["client"] is self.http_client
        assert self.fetch(self._app.settings["own"]).code == 200


class OptionsTest(AsyncHTTPTestCase):
    """With options for the server."""

    def get_app(self) -> Application:
        return application()

    def get_httpserver_options(self) -> dict[str, Any]:
        return {"max_body_size": 10}

    def test_options_reach_the_server(self) -> None:
        assert self.fetch("/hello", method="POST", body=b"x" * 11).code == 413


def test_a_case_without_an_application_says_so() -> None:
    class NoApplication(AsyncHTTPTestCase):
        def runTest(self) -> None:
            self.fetch("/")

    result = unittest.TestResult()
    NoApplication().run(result)
    assert len(result.errors) == 1 and "NotImplementedError" in result.errors[0][1]


def test_nothing_is_left_open_after_a_test() -> None:
    case = PlainTest("test_a_path_is_fetched_from_the_server")
    result = unittest.TestResult()
    case.run(result)
    assert result.wasSuccessful() and not hasattr(case, "http_server") and not hasattr(case, "_app")
