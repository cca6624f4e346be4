import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import HTTPInputError, decode_extended_value, parse_parameters, split_parameters


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("text/html", ("text/html", {})),
        ("Text/HTML; Charset=UTF-8", ("text/html", {"charset": "UTF-8"})),
        ('a;b="c;d" ; e = f', ("a", {"b": "c;d", "e": "f"})),
        ('a; b="\\"\\\\\\c"', ("a", {"b": '"\\c'})),
        ("a; b=", ("a", {"b": ""})),
        ('a; b=""', ("a", {"b": ""})),
        ("a;; ;b=c;", ("a", {"b": "c"})),
        ("a; b=c d ", ("a", {"b": "c d"})),
        ("", ("", {})),
    ],
)
def test_value_and_parameters_are_taken_apart(value: str, parts: tuple[str, dict[str, str]]) -> None:
    assert parse_parameters(value) == parts


@pytest.mark.parametrize(
    "value", ['a; b="c', 'a; b="c\\"', "a; b", 'a; b=c"d"', 'a; b="c"d', "a; =c", "a; b c=d", 'a; "b"=c']
)
def test_what_is_no_parameter_is_refused(value: str) -> None:
    with pytest.raises(HTTPInputError, match="malformed parameter"):
        parse_parameters(value)


def test_repeated_parameter_is_refused_or_listed() -> None:
    with pytest.raises(HTTPInputError, match="repeated"):
        parse_parameters("a; b=1; B=2")
    assert split_parameters("a; b=1; B=2") == ("a", [("b", "1"), ("b", "2")])


def test_form_data_keeps_backslashes_that_escape_nothing() -> None:
    value = 'form-data; filename="C:\\x\\y\\"z\\\\"'
    assert parse_parameters(value, form_data=True)[1] == {"filename": 'C:\\x\\y"z\\'}
    assert parse_parameters(value)[1] == {"filename": 'C:xy"z\\'}


@given(st.dictionaries(st.text("abc", min_size=1), st.text(st.characters(exclude_categories=["Cc", "Cs"])), max_size=4))
def test_quoted_parameters_are_read_back(parameters: dict[str, str]) -> None:
    for form_data in (True, False):
        text = "".join(
            '; {}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
            for name, value in parameters.items()
        )
        assert parse_parameters("x" + text, form_data=form_data) == ("x", parameters)


@pytest.mark.parametrize(
    "value",
    [
        'form-data; x="' + ";" * 60_000 + '"',
        "a" + "; " * 30_000,
        "a;" + " " * 60_000 + "x",
        "a; b=" + " " * 60_000 + '"',
        'a; b="' + "\\" * 60_000,
        "a; b=c" + " " * 60_000 + '"',
        'a; b="' + 'x" ' * 20_000,
        "a; " + "b" * 60_000,
    ],
)
def test_time_is_linear_in_any_value(value: str) -> None:
    start = time.process_time()
    try:
        parse_parameters(value)
    except HTTPInputError as error:
        assert len(str(error)) < 200
    assert time.process_time() - start < 1


def test_extended_values_are_decoded() -> None:
    assert decode_extended_value("UTF-8''%e2%82%ac%20rates") == "€ rates"
    assert decode_extended_value("iso-8859-1'en'%A3%20rates") == "£ rates"


@pytest.mark.parametrize("value", ["bogus''x", "UTF-8''%ff", "UTF-8'x", "x", "", "utf-8''%zz", "utf-8''a b", "idna''x"])
def test_MP11_malformed_extended_values_are_refused(value: str) -> None:
    with pytest.raises(HTTPInputError):
        decode_extended_value(value)
