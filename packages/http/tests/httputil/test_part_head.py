"""The head of one part of a form."""

import pytest

from waterspout.httputil import ParseMultipartConfig
from waterspout.httputil._part_head import _USUAL, parse_part_head

FIELD = 'Content-Disposition: form-data; name="title"'
FILE = 'Content-Disposition: form-data; name="file"; filename="photo.jpg"'


@pytest.mark.parametrize(
    "lines",
    [
        FIELD,
        FILE,
        f"{FILE}\r\nContent-Type: image/jpeg",
        f"{FILE}\r\nContent-Type: text/plain; charset=utf-8",
        f"{FIELD}\r\nContent-Type: x",
    ],
)
def test_what_browsers_send_is_one_match(lines: str) -> None:
    assert _USUAL.fullmatch(lines) is not None
    head = parse_part_head(lines.encode(), ParseMultipartConfig(), False)
    assert head.content_type == (lines.partition("Content-Type: ")[2])
    assert head.headers.get("Content-Type", "") == head.content_type


@pytest.mark.parametrize("ending", ["image/jpeg ", "image/jpeg\t", "", " ", 'a; x="y"', "im\u00e4ge/jpeg"])
def test_other_content_types_are_left_to_the_parser(ending: str) -> None:
    assert _USUAL.fullmatch(f"{FILE}\r\nContent-Type: {ending}") is None
