import pytest

from waterspout.ws import Close, CloseCode, is_sendable_close_code
from waterspout.ws._close_frame import close_payload, read_close
from waterspout.ws._errors import ProtocolViolation

VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", VALID)
def test_valid_codes_are_sent_and_read(code: int) -> None:
    assert is_sendable_close_code(code)
    assert read_close(close_payload(code, "bye é")) == Close(code, "bye é")


@pytest.mark.parametrize("code", INVALID)
def test_WS7_invalid_codes_are_neither_sent_nor_accepted(code: int) -> None:
    assert not is_sendable_close_code(code)
    with pytest.raises(ValueError, match=f"close code {code}"):
        close_payload(code, "")
    with pytest.raises(ProtocolViolation) as caught:
        read_close(code.to_bytes(2))
    assert caught.value.code == CloseCode.PROTOCOL_ERROR


def test_no_code_is_an_empty_payload_and_a_reason_alone_means_1000() -> None:
    assert close_payload(None, "") == b""
    assert read_close(b"") == Close(None, "")
    assert read_close(close_payload(None, "x")) == Close(1000, "x")


def test_WS7_half_a_code_is_refused() -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_close(b"\x03")
    assert caught.value.code == 1002


def test_WS6_reason_must_be_utf8() -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_close(b"\x03\xe8\xff")
    assert caught.value.code == 1007


def test_reason_has_at_most_123_bytes() -> None:
    assert len(close_payload(1000, "é" * 61 + "x")) == 125
    with pytest.raises(ValueError, match="124 bytes"):
        close_payload(1000, "é" * 62)
