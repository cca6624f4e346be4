"""Server-sent events on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.web._sse import format_comment, format_event, format_json_event


def read(stream: bytes) -> list[tuple[str, str]]:
    """Fields of a stream as a browser reads them (HTML standard, 9.2.6)."""
    lines = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines if line)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (format_event("hello"), b"data: hello\n\n"),
        (format_event(b"hello"), b"data: hello\n\n"),
        (format_event(""), b"data: \n\n"),
        (format_event("x", event="add", id="7", retry=3000), b"event: add\nid: 7\nretry: 3000\ndata: x\n\n"),
        (format_event(id=""), b"id: \n\n"),
        (format_json_event({"a": 1}, event="e"), b'event: e\ndata: {"a": 1}\n\n'),
        (format_comment(), b": \n\n"),
        (format_comment("a\nb"), b": a\n: b\n\n"),
    ],
)
def test_the_format(event: bytes, expected: bytes) -> None:
    assert event == expected


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_OT10_every_line_of_the_data_becomes_a_field(end: str) -> None:
    event = format_event(f"a{end}event: evil{end}{end}data: x")
    assert read(event) == [("data", "a"), ("data", "event: evil"), ("data", ""), ("data", "data: x")]
    assert event.count(b"\n\n") == 1


@given(st.text(max_size=60))
def test_OT10_no_data_makes_another_field_or_event(data: str) -> None:
    try:
        event = format_event(data)
    except UnicodeEncodeError:
        return
    assert {name for name, _ in read(event)} == {"data"}
    assert "\n".join(value for _, value in read(event)) == data.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\nb", "\n"])
def test_OT10_a_line_break_in_event_or_id_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="line break in the event"):
        format_event("x", event=value)
    with pytest.raises(ValueError, match="line break in the id"):
        format_event("x", id=value)


def test_OT10_nul_in_the_id_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        format_event("x", id="1\0")


def test_a_negative_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="retry"):
        format_event(retry=-1)
