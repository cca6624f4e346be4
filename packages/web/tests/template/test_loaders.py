"""Templates from folders and dictionaries."""

import os
from pathlib import Path
from typing import Any

import pytest

from waterspout.template import BaseLoader, DictLoader, Loader, ParseError, Template, TemplateNotFound
from waterspout.template._loaders import MOST_HINTS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "templates_x").mkdir()
    (tmp_path / "templates_x" / "secret.txt").write_text("secret")
    (folder / "a.html").write_text("A")
    (folder / "sub" / "b.html").write_text('B{% include "../a.html" %}{% include "c.html" %}')
    (folder / "sub" / "c.html").write_text("C")
    (folder / "é.html").write_text("é", encoding="utf-8")
    return folder


def test_names_are_relative_to_the_file_they_stand_in(root: Path) -> None:
    loader = Loader(str(root))
    assert loader.load("sub/b.html").generate() == b"BAC"
    assert sorted(loader.templates) == ["a.html", "sub/b.html", "sub/c.html"]


def test_a_template_is_compiled_once_until_reset(root: Path) -> None:
    loader = Loader(str(root))
    first = loader.load("a.html")
    (root / "a.html").write_text("new")
    assert loader.load("a.html") is first
    loader.reset()
    assert loader.load("a.html").generate() == b"new"


def test_files_are_utf8_and_names_may_be_any_text(root: Path) -> None:
    assert Loader(str(root)).load("é.html").generate() == "é".encode()


def test_an_absolute_path_inside_the_root_is_taken(root: Path) -> None:
    loader = Loader(str(root))
    assert loader.load(str(root / "a.html")).generate() == b"A"


def test_a_relative_root_is_made_absolute(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert Loader("templates").root == str(root)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "../templates_x/secret.txt", "sub/../../secret.txt", "/etc/passwd", "a\0.html", ".", ".."]
)
def test_TE6_a_name_that_leads_out_of_the_root_is_not_found(root: Path, name: str) -> None:
    with pytest.raises(TemplateNotFound, match="leads out of"):
        Loader(str(root)).load(name)


def test_TE6_a_reference_that_leads_out_of_the_root_is_not_found(root: Path) -> None:
    (root / "sub" / "x.html").write_text('{% include "../../secret.txt" %}')
    with pytest.raises(TemplateNotFound):
        Loader(str(root)).load("sub/x.html")


def test_TE6_the_compat_mode_keeps_reading_outside(root: Path) -> None:
    assert Loader(str(root), compat="tornado").load("../secret.txt").generate() == b"secret"


def test_a_missing_template_is_a_file_not_found_and_a_key_error(root: Path) -> None:
    for loader in (Loader(str(root)), DictLoader({})):
        with pytest.raises(FileNotFoundError):
            loader.load("none.html")
        with pytest.raises(KeyError):
            loader.load("none.html")


def test_the_folder_suggests_a_name_that_is_near(root: Path) -> None:
    (root / "sub" / "list.html").touch()
    with pytest.raises(TemplateNotFound, match=r"^there is no template '.*' in .*; did you mean 'sub/list\.html'\?$"):
        Loader(str(root)).load("sub/lists.html")
    with pytest.raises(TemplateNotFound, match=r"^there is no template 'qqqq' in [^;]*$"):
        Loader(str(root)).load("qqqq")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TemplateNotFound, match="there is no such folder"):
        Loader(str(tmp_path / "tempaltes")).load("a.html")


def test_the_dictionary_suggests_a_name_that_is_near() -> None:
    with pytest.raises(TemplateNotFound, match=r"did you mean 'index\.html'"):
        DictLoader({"index.html": ""}).load("indx.html")


@pytest.mark.parametrize(
    ("name", "parent", "expected"),
    [
        ("x", None, "x"),
        ("x", "<string>", "x"),
        ("x", "/abs/y", "x"),
        ("/x", "a/b", "/x"),
        ("x", "a/b", "a/x"),
        ("../x", "a/b", "x"),
        ("../../x", "a/b", "../x"),
    ],
)
def test_the_dictionary_resolves_names_like_paths(name: str, parent: str | None, expected: str) -> None:
    assert DictLoader({}).resolve_path(name, parent) == expected


def test_blocks_are_replaced_by_the_templates_that_extend() -> None:
    loader = DictLoader(
        {
            "base": "{% block a %}A{% block n %}N{% end %}{% end %}-{% block b %}B{% end %}",
            "middle": "{% extends 'base' %}{% block a %}M{{ x }}{% end %}not shown",
            "page": "{% extends 'middle' %}{% block b %}{{ x }}{% end %}",
        }
    )
    assert loader.load("base").generate() == b"AN-B"
    assert loader.load("middle").generate(x=1) == b"M1-B"
    assert loader.load("page").generate(x=1) == b"M1-1"


def test_blocks_of_an_included_file_can_be_replaced_too() -> None:
    loader = DictLoader(
        {
            "part": "{% block p %}part{% end %}",
            "base": "{% include 'part' %}",
            "page": "{% extends 'base' %}{% block p %}page{% end %}",
        }
    )
    assert loader.load("page").generate() == b"page"


def test_an_included_file_shares_the_local_variables() -> None:
    loader = DictLoader(
        {"a": "{% for i in [1, 2] %}{% include 'b' %}{{ y }}{% end %}", "b": "[{{ i }}]{% set y = i * 10 %}"}
    )
    assert loader.load("a").generate() == b"[1]10[2]20"


@pytest.mark.parametrize("keyword", ["include", "extends"])
def test_templates_that_refer_to_each_other_in_a_circle_are_refused(keyword: str) -> None:
    loader = DictLoader({"a": f"{{% {keyword} 'b' %}}", "b": f"{{% {keyword} 'a' %}}"})
    with pytest.raises(ParseError, match="in a circle: a -> b -> a"):
        loader.load("a")
    with pytest.raises(ParseError, match="in a circle: b -> a -> b"):
        loader.load("b")


def test_a_loader_of_ones_own_says_where_the_text_comes_from() -> None:
    class Upper(BaseLoader):
        def resolve_path(self, name: str, parent_path: str | None = None) -> str:
            return name.upper()

        def _create_template(self, name: str) -> Template:
            return Template(f"I am {name}", name=name, loader=self)

    assert Upper().load("x").generate() == b"I am X"


def test_a_base_loader_by_itself_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="BaseLoader does not define resolve_path"):
        BaseLoader().load("x")


def test_TE2_a_strict_loader_refuses_what_lint_finds() -> None:
    loader = DictLoader({"a": "x\n<a href={{ x }}>", "b": '<a href="{{ url(x) }}">'}, strict=True)
    with pytest.raises(ParseError, match=r"without quotes.* at a:2"):
        loader.load("a")
    assert loader.load("b").generate(x="/") == b'<a href="/">'


def test_the_path_of_a_file_is_kept_for_tracebacks(root: Path) -> None:
    assert Loader(str(root)).load("sub/c.html").file.path == os.path.join(str(root), "sub", "c.html")


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{% include 'part.html' %}")
    (tmp_path / "part.html").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError) as caught:
        Loader(str(tmp_path)).load("page.html")
    assert caught.value.__notes__ == [f"The template {tmp_path / 'part.html'} is not UTF-8."]


@pytest.mark.parametrize("kind", [Loader, DictLoader])
def test_a_name_that_is_close_is_looked_for_so_often_until_the_loader_is_reset(root: Path, kind: Any) -> None:
    loader = Loader(str(root)) if kind is Loader else DictLoader({"a.html": "A"})

    def hinted() -> bool:
        with pytest.raises(TemplateNotFound) as caught:
            loader.load("aa.html")
        return "did you mean 'a.html'" in str(caught.value)

    assert [hinted() for _ in range(MOST_HINTS + 2)] == [True] * MOST_HINTS + [False] * 2
    loader.reset()
    assert hinted()
