import base64

import pytest

from waterspout.ws import WEBSOCKET_VERSION, accept_key, check_key, new_key, parse_subprotocols


def test_accept_key_of_the_example_in_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert WEBSOCKET_VERSION == "13"


def test_new_keys_are_valid_and_differ() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert check_key(key)
        assert len(base64.b64decode(key)) == 16


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "short",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ= =",
        "dGhlIHNhbXBsZSBub25jZQ==\n",
        " dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==,dGhlIHNhbXBsZSBub25jZQ==",
        base64.b64encode(b"x" * 15).decode(),
        base64.b64encode(b"x" * 17).decode(),
        "é" * 22 + "==",
    ],
)
def test_WS14_key_that_is_not_sixteen_bytes_of_base64_is_refused(key: str | None) -> None:
    assert not check_key(key)
    if key is not None:
        with pytest.raises(ValueError, match="sixteen bytes"):
            accept_key(key)


def test_subprotocols_are_tokens_in_order() -> None:
    assert parse_subprotocols("chat, superchat ,v1.x") == ["chat", "superchat", "v1.x"]
    assert parse_subprotocols(" , a b,c\u2603,;, d") == ["d"]
    assert parse_subprotocols("") == []
    assert len(parse_subprotocols("a," * 10_000)) == 100
