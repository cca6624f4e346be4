"""Tornado's own listing of its public names: each is there, of the same kind, and can be called in the same way."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXPECTED = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
NAMES_IN_THE_LISTING = 1190


@pytest.fixture(scope="session")
def verdicts() -> dict[str, tuple[str, str]]:
    """What the listing says about each name, and what Waterspout has under it: see compare_api.py."""
    environment = {**os.environ, "WATERSPOUT_TORNADO": "1", "PYTHONPATH": str(HERE / "site")}
    run = subprocess.run(
        [sys.executable, str(HERE / "compare_api.py")], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return {name: (said, found) for name, (said, found) in json.loads(run.stdout).items()}


def test_the_listing_has_all_names_that_it_had(verdicts: dict[str, tuple[str, str]]) -> None:
    assert len(verdicts) == NAMES_IN_THE_LISTING


def test_every_public_name_is_there_and_of_its_kind(verdicts: dict[str, tuple[str, str]]) -> None:
    absent = {name for name, (_, found) in verdicts.items() if found in ("missing", "kind")}
    assert absent == set(EXPECTED["absent"])


def test_every_signature_that_differs_is_listed(verdicts: dict[str, tuple[str, str]]) -> None:
    differing = {name for name, (_, found) in verdicts.items() if found not in ("same", "missing", "kind")}
    assert differing == set(EXPECTED["signatures"])


def test_what_tornados_signatures_take_ours_take_too(verdicts: dict[str, tuple[str, str]]) -> None:
    for name, (said, found) in verdicts.items():
        if found.startswith("(") and name not in EXPECTED["narrower"]:
            theirs = parsed("(" + said.partition("(")[2])
            ours = parsed(found)
            assert not narrower(theirs, ours), f"{name}: {said} there, {found} here"


def parsed(signature: str) -> inspect.Signature:
    """The signature in a text of the listing, whose defaults are written as Python shows them."""
    plain = re.sub(r"<\w+\.(\w+): (\d+)>", r"\2", signature)
    space: dict[str, object] = {}
    exec(f"def function{plain}: pass", space)
    function = space["function"]
    assert callable(function)
    return inspect.signature(function)


def narrower(theirs: inspect.Signature, ours: inspect.Signature) -> list[str]:
    """Parameters that calls written for ``theirs`` may use and ``ours`` has not, or not in that place."""
    takes_all = {parameter.kind for parameter in ours.parameters.values()} >= {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }
    wrong = []
    for place, (name, parameter) in enumerate(theirs.parameters.items()):
        same = ours.parameters.get(name)
        if same is None:
            wrong += [] if takes_all else [name]
        elif same.kind is not parameter.kind and name not in ("self", "cls"):
            wrong.append(name)
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and list(ours.parameters)[place] != name:
            wrong.append(name)
        elif parameter.default is not inspect.Parameter.empty and same.default is inspect.Parameter.empty:
            wrong.append(name)
    wrong += [
        name
        for name, parameter in ours.parameters.items()
        if name not in theirs.parameters
        and parameter.default is inspect.Parameter.empty
        and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    return wrong


def test_a_signature_that_asks_for_more_would_be_noticed() -> None:
    theirs = parsed("(self, a, b=1, *, c=2, **kwargs)")
    assert narrower(theirs, parsed("(self, a, b=1, d=3, *, c=2, e=4, **kwargs)")) == []
    assert narrower(theirs, parsed("(self, *args, **kwargs)")) == []
    assert narrower(theirs, parsed("(self, a, b, *, c=2, **kwargs)")) == ["b"]
    assert narrower(theirs, parsed("(self, b=1, a=0, *, c=2, **kwargs)")) == ["a", "b"]
    assert narrower(theirs, parsed("(self, a, b=1, *, c=2, d, **kwargs)")) == ["d"]
    assert narrower(theirs, parsed("(self, a, b=1, *, c=2)")) == ["kwargs"]
