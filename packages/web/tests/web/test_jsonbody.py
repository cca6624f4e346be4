"""JSON request bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waterspout.httpclient import HTTPResponse
from waterspout.web import RequestHandler


def test_a_handler_gets_the_value_or_the_client_the_status(fetch: Callable[..., HTTPResponse]) -> None:
    class Echo(RequestHandler):
        def post(self) -> None:
            self.write({"got": self.get_json()})

    def post(body: bytes, kind: str = "application/json") -> Any:
        return fetch([("/", Echo)], method="POST", body=body, headers={"Content-Type": kind})

    assert post(b"[1]").body == b'{"got": [1]}'
    assert post(b"[1").code == 400 and post(b"[1]", "text/plain").code == 415


def test_the_request_has_the_value_too_and_what_it_refuses_is_the_status(fetch: Callable[..., HTTPResponse]) -> None:
    class Echo(RequestHandler):
        async def post(self) -> None:
            self.write({"got": self.request.json()})

    def post(body: bytes, kind: str = "application/json") -> Any:
        return fetch([("/", Echo)], method="POST", body=body, headers={"Content-Type": kind})

    assert post(b"[1]").body == b'{"got": [1]}'
    assert post(b"[1").code == 400 and post(b"[1]", "text/plain").code == 415
