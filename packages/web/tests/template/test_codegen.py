"""The generated Python."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from waterspout.escape import xhtml_escape
from waterspout.template import DictLoader, Template


def test_neighbouring_output_becomes_one_call() -> None:
    template = Template("{% for row in rows %}<tr><td>{{ row }}</td><td>{{ row }}</td></tr>{% end %}")
    assert template.code.count("_tt_extend((") == 1


def test_every_line_says_which_template_line_it_is_from() -> None:
    loader = DictLoader({"a": "\n{% include 'b' %}", "b": "\n\n{{ x }}"})
    line = next(line for line in loader.load("a").code.splitlines() if "(x)" in line)
    assert line.endswith("# b:3 (via a:2)")


def test_the_generated_source_is_python() -> None:
    ast.parse(Template("{% try %}{{ 1 }}{% except %}{% finally %}{% end %}{% while 0 %}{% end %}").code)


pieces = st.one_of(
    st.tuples(st.just("text"), st.text(alphabet="ab<>&\n\0\x01'\"")),
    st.tuples(
        st.just("value"),
        st.one_of(st.text(alphabet="ab<>&\n\0\x01'\""), st.integers(), st.none(), st.binary(max_size=0)),
    ),
    st.tuples(st.just("raw"), st.text(alphabet="ab<>&\n\0\x01")),
)


@given(st.lists(pieces, max_size=40), st.booleans())
def test_any_sequence_of_pieces_comes_out_as_one_by_one_escaping_would_give(
    parts: list[tuple[str, object]], guarded: bool
) -> None:
    source, expected = "", ""
    values: list[object] = []
    for kind, value in parts:
        shown = value.decode() if isinstance(value, bytes) else str(value)
        if kind == "text":
            source += shown
            expected += shown
        else:
            source += ("{% raw" if kind == "raw" else "{{") + f" v[{len(values)}] " + ("%}" if kind == "raw" else "}}")
            values.append(value)
            expected += shown if kind == "raw" else xhtml_escape(shown)
    if guarded:
        source = "{% try %}" + source + "{% finally %}{% end %}"
    assert Template(source).generate(v=values) == expected.encode()
