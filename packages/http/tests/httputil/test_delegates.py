import pytest

from waterspout.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)


def test_server_delegate_must_say_who_receives_a_request() -> None:
    delegate = HTTPServerConnectionDelegate()
    with pytest.raises(NotImplementedError):
        delegate.start_request(object(), HTTPConnection())
    assert delegate.on_close(object()) is None  # type: ignore[func-returns-value]


def test_message_delegate_ignores_what_it_does_not_care_for() -> None:
    delegate = HTTPMessageDelegate()
    assert delegate.headers_received(RequestStartLine("GET", "/", "HTTP/1.1"), HTTPHeaders()) is None
    assert delegate.data_received(b"x") is None
    assert delegate.finish() is None  # type: ignore[func-returns-value]
    assert delegate.on_connection_close() is None  # type: ignore[func-returns-value]


def test_connection_is_an_interface() -> None:
    connection = HTTPConnection()
    with pytest.raises(NotImplementedError):
        connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), HTTPHeaders())
    with pytest.raises(NotImplementedError):
        connection.write(b"x")
    with pytest.raises(NotImplementedError):
        connection.finish()
