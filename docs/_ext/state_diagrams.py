"""Draws the codecs' state tables as SVG when the documentation is built, so that a diagram cannot differ from the code.

``{state-diagram} http1`` and ``{state-diagram} ws`` are the two.
"""

from __future__ import annotations

import math
from html import escape
from importlib import import_module
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH, HEIGHT = 128, 40


class Edge(NamedTuple):
    start: str
    end: str
    label: str


def http1() -> tuple[list[str], list[Edge]]:
    from waterspout.http1 import MAY_FOLLOW, Reading

    edges = [Edge(a.name, b.name, "") for a in Reading for b in Reading if b in MAY_FOLLOW[a] and a is not b]
    return [state.name for state in Reading], edges


def ws() -> tuple[list[str], list[Edge]]:
    from waterspout.ws._states import TRANSITIONS, State

    edges = [
        Edge(start.name, end.name, happening.name.lower().replace("_", " "))
        for (start, happening), end in TRANSITIONS.items()
    ]
    return [state.name for state in State], edges


TABLES = {"http1": http1, "ws": ws}


def ranks(states: list[str], edges: list[Edge]) -> list[list[str]]:
    """The states by their distance from the first one; what nothing leads away from comes last."""
    distance = {states[0]: 0}
    waiting = [states[0]]
    for state in waiting:
        for edge in edges:
            if edge.start == state and edge.end not in distance:
                distance[edge.end] = distance[state] + 1
                waiting.append(edge.end)
    final = [state for state in states if not any(edge.start == state for edge in edges)]
    last = max(distance[state] for state in states) + (0 if states[-1] in final else 1)
    for state in final:
        distance[state] = last
    for state in states:  # one rank for those that only one of several equals leads to
        inner = [edge.start for edge in edges if edge.end == state and edge.start not in final]
        if state not in final and state != states[0] and any(distance[a] == distance[state] for a in inner):
            distance[state] += 1
    last = max(last, max(distance[state] for state in states if state not in final) + 1)
    for state in final:
        distance[state] = last
    return [row for n in range(last + 1) if (row := [state for state in states if distance[state] == n])]


def draw(states: list[str], edges: list[Edge]) -> str:
    rows = ranks(states, edges)
    columns = max(map(len, rows))
    labelled = any(edge.label for edge in edges)
    step_x, step_y = WIDTH + 72, HEIGHT + (72 if labelled else 56)
    width, height = columns * step_x, len(rows) * step_y - (step_y - HEIGHT) + 40
    centre = {
        state: ((n + 0.5) * width / len(row), 20 + HEIGHT / 2 + r * step_y)
        for r, row in enumerate(rows)
        for n, state in enumerate(row)
    }
    parts = []
    for number, edge in enumerate(edges):
        (x1, y1), (x2, y2) = centre[edge.start], centre[edge.end]
        back = Edge(edge.end, edge.start, "") in [Edge(e.start, e.end, "") for e in edges]
        dx, dy = x2 - x1, y2 - y1
        length = math.hypot(dx, dy) or 1
        bend = 26.0 if back else 0.0
        if abs(dy) > step_y * 1.5:  # around what lies between: outwards, and straight up on another side than down
            bend = WIDTH * (0.6 if dx else 1.5)
            if dx and ((x1 + x2) / 2 < width / 2) != (dy > 0):
                bend = -bend
        mx, my = (x1 + x2) / 2 - dy / length * bend, (y1 + y2) / 2 + dx / length * bend
        ax, ay = border(x1, y1, mx, my)
        bx, by = border(x2, y2, mx, my)
        parts.append(f'<path class="edge" d="M{ax:.0f} {ay:.0f} Q{mx:.0f} {my:.0f} {bx:.0f} {by:.0f}"/>')
        if edge.label:
            shift = -7 + 14 * (number % 2)
            parts.append(f'<text class="label" x="{mx:.0f}" y="{my + shift:.0f}">{escape(edge.label)}</text>')
    for state, (x, y) in centre.items():
        corner = f'x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}"'
        parts.append(f'<rect class="state" {corner} width="{WIDTH}" height="{HEIGHT}" rx="8"/>')
        parts.append(f'<text class="name" x="{x:.0f}" y="{y + 5:.0f}">{escape(state)}</text>')
    spoken = "; ".join(f"{edge.start} to {edge.end} {edge.label}".strip() for edge in edges)
    return (
        f'<svg class="states" role="img" viewBox="0 0 {width:.0f} {height:.0f}" aria-label="{escape(spoken)}" '
        f'style="max-width:{width:.0f}px" xmlns="http://www.w3.org/2000/svg"><defs><marker id="tip" viewBox="0 0 8 8" '
        'refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        f'<path d="M0 0L8 4L0 8z"/></marker></defs>{"".join(parts)}</svg>'
    )


def border(x: float, y: float, to_x: float, to_y: float) -> tuple[float, float]:
    """Where the line from the middle of a box towards a point leaves the box."""
    dx, dy = to_x - x, to_y - y
    scale = min(WIDTH / 2 / abs(dx) if dx else math.inf, HEIGHT / 2 / abs(dy) if dy else math.inf)
    return x + dx * scale, y + dy * scale


class StateDiagram(SphinxDirective):
    """The diagram, and below it the same as a table, for those who read rather than look."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        try:
            table = TABLES[self.arguments[0]]
        except KeyError:
            raise self.error(f"there is no table {self.arguments[0]!r}: {', '.join(TABLES)}") from None
        states, edges = table()
        self.env.note_dependency(__file__)
        self.env.note_dependency(str(import_module(f"waterspout.{self.arguments[0]}._states").__file__))
        lines = []
        for state in states:
            following = [
                edge.end + (f" ({edge.label})" if edge.label else "") for edge in edges if edge.start == state
            ]
            lines.append(f"{state:12} -> {', '.join(following) or '(the end)'}")
        text = "\n".join(lines)
        return [nodes.raw("", draw(states, edges), format="html"), nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("state-diagram", StateDiagram)
    app.add_css_file("states.css")
    return {"parallel_read_safe": True}
