import pytest

from waterspout.httputil import encode_username_password as encode


def test_text_is_utf8_in_composed_form() -> None:
    assert encode("a", "b") == b"a:b"
    assert encode(b"a", "b:c") == b"a:b:c"
    assert encode("e\u0301", "\u00e9") == b"\xc3\xa9:\xc3\xa9"
    assert encode(b"\xff", b"\xfe") == b"\xff:\xfe"


@pytest.mark.parametrize("user", ["a:b", b"a:b", ":"])
def test_OA27_user_with_colon_is_refused_unless_compatible(user: str | bytes) -> None:
    with pytest.raises(ValueError, match="colon"):
        encode(user, "x")
    assert encode(user, "x", compat="tornado").endswith(b":x")


@pytest.mark.parametrize(("user", "password"), [("a\n", "b"), ("a", "b\0"), ("a", "\x7f")])
def test_OA27_control_characters_are_refused(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="control"):
        encode(user, password)
