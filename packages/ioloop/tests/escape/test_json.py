"""JSON that may stand in a page."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.escape import json_decode, json_encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["</", "<!--", "<script", "-->", "<\\/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_TE4_script_cannot_be_ended_nor_a_comment_begun() -> None:
    encoded = json_encode({"a": "</script><!--"})
    assert encoded == r'{"a": "<\/script><\u0021--"}'
    assert json_decode(encoded) == {"a": "</script><!--"}


def test_TE4_keys_are_escaped_as_well() -> None:
    assert json_encode({"</a": "<!"}) == r'{"<\/a": "<\u0021"}'


@given(JSON)
def test_TE4_the_value_stays_the_same_and_the_sequences_never_appear(value: Any) -> None:
    encoded = json_encode(value)
    assert "</" not in encoded
    assert "<!" not in encoded
    assert json_decode(encoded) == value
    assert json.loads(encoded) == value


def test_encoding_is_ascii_and_otherwise_plain() -> None:
    assert json_encode({"é": [1, None, "\u2028", "a<b"]}) == r'{"\u00e9": [1, null, "\u2028", "a<b"]}'


def test_bytes_are_no_json_value() -> None:
    with pytest.raises(TypeError):
        json_encode(b"x")


def test_text_and_bytes_are_decoded() -> None:
    assert json_decode('{"é": 1}') == json_decode('{"é": 1}'.encode()) == {"é": 1}


@pytest.mark.parametrize("wrong", ["", "[", "{'a': 1}", b"\xff", "[1,]", "nul"])
def test_what_is_no_json_is_a_value_error(wrong: str | bytes) -> None:
    with pytest.raises(ValueError):
        json_decode(wrong)


@pytest.mark.parametrize("hostile", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_UE9_a_hundred_thousand_brackets_are_a_value_error(hostile: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply|Expecting value"):
        json_decode(hostile)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text(max_size=4) | st.integers() | st.booleans() | st.none() | st.floats()


@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_the_text_is_that_of_json_dumps_where_nothing_has_to_be_escaped(value: Any) -> None:
    expected = json.dumps(value).replace("</", r"<\/").replace("<!", r"<\u0021")
    assert json_encode(value) == expected


def test_a_value_that_holds_itself_is_refused_and_the_next_one_encoded() -> None:
    value: list[Any] = []
    value.append({"a": value})
    for _ in range(3):
        with pytest.raises(ValueError, match="Circular reference"):
            json_encode(value)
    assert json_encode([1]) == "[1]"


def test_types_that_an_application_teaches_the_encoder_later_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_encode({"a": {1}})
    monkeypatch.setattr(json.JSONEncoder, "default", lambda self, value: sorted(value))
    assert json_encode({"a": {2, 1}}) == '{"a": [1, 2]}'


def test_a_value_that_failed_halfway_can_be_encoded_when_it_is_mended() -> None:
    value: dict[str, Any] = {"list": [object()]}
    with pytest.raises(TypeError):
        json_encode(value)
    value["list"][0] = "mended"
    assert json_encode(value) == '{"list": ["mended"]}'
