"""What a request says of itself, and what may be assigned."""

from types import SimpleNamespace
from typing import Any

from waterspout.httputil import HTTPServerRequest


def test_an_address_that_is_assigned_replaces_that_of_the_connection_even_if_it_is_none() -> None:
    connection: Any = SimpleNamespace(context=SimpleNamespace(remote_ip="192.0.2.1", protocol="http"))
    request = HTTPServerRequest("GET", "/", connection=connection)
    assert request.remote_ip == "192.0.2.1"
    request.remote_ip = "192.0.2.2"
    assert request.remote_ip == "192.0.2.2"
    request.remote_ip = None
    assert request.remote_ip is None
