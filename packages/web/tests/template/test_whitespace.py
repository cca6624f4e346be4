"""White space modes."""

import pytest

from waterspout.template import DictLoader, Template, filter_whitespace

TEXT = "  a \t b \n\n  c\n \t"


@pytest.mark.parametrize(("mode", "expected"), [("all", TEXT), ("single", " a b\nc\n"), ("oneline", " a b c ")])
def test_each_mode_treats_runs_of_white_space_its_way(mode: str, expected: str) -> None:
    assert filter_whitespace(mode, TEXT) == expected


def test_an_unknown_mode_is_refused_and_the_modes_are_named() -> None:
    with pytest.raises(ValueError, match="'foo': choose one of all, single, oneline"):
        filter_whitespace("foo", "")
    with pytest.raises(ValueError, match="invalid whitespace mode"):
        Template("x", whitespace="foo")


@pytest.mark.parametrize(
    ("name", "expected"), [("a.html", b"x y"), ("a.js", b"x y"), ("a.txt", b"x  y"), ("a", b"x  y")]
)
def test_the_default_mode_follows_the_name(name: str, expected: bytes) -> None:
    assert Template("x  y", name=name).generate() == expected


def test_the_loader_and_then_the_template_override_the_default() -> None:
    loader = DictLoader({"a.html": "x \n y"}, whitespace="oneline")
    assert loader.load("a.html").generate() == b"x y"
    assert Template("x \n y", name="b.html", loader=loader, whitespace="all").generate() == b"x \n y"


def test_the_old_argument_means_single_or_all_and_excludes_the_new_one() -> None:
    assert Template("a \n b", compress_whitespace=True).generate() == b"a\nb"
    assert Template("a \n b", "x.html", compress_whitespace=False).generate() == b"a \n b"
    with pytest.raises(ValueError, match="cannot set both"):
        Template("", compress_whitespace=True, whitespace="all")


def test_the_directive_holds_from_where_it_stands_on() -> None:
    source = "a  b{% whitespace oneline %}c \n d{% whitespace all %}e  f"
    assert Template(source, "x.html").generate() == b"a bc de  f"


def test_preformatted_text_is_left_alone() -> None:
    assert Template("<pre>a   b</pre>  c", "x.html").generate() == b"<pre>a   b</pre>  c"
