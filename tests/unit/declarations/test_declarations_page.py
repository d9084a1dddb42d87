"""docs/declarations.md names every parameter of a declaration with its default, and its example is a line."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

import assembly_line
from assembly_line import Decision, Delivery, Entity, Line, Outcome, Policy, Source, Training
from assembly_line.declarations.codec import line_from_json, line_to_json

PAGE = (Path(__file__).parents[3] / "docs" / "declarations.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# As somebody writes them, where Python prints them otherwise.
WRITTEN = {"datetime.timedelta(0)": "timedelta(0)", "''": '""', "'before'": '"before"', "'happened'": '"happened"'}
WRITTEN |= {"'standard'": '"standard"'}


@pytest.mark.parametrize("kind", [Entity, Source, Decision, Outcome, Policy, Delivery, Line])
def test_every_parameter_is_explained_with_its_default(kind: type[Any]) -> None:
    section = PAGE.partition(f"\n## `{kind.__name__}`\n")[2].partition("\n## ")[0]

    assert [(name, default) for name, default, _ in ROW.findall(section)] == [
        (field.name, default_of(field)) for field in fields(kind)
    ]


def test_what_is_not_explained_here_is_explained_where_the_page_points() -> None:
    assert all(f"[{page}]({page})" in PAGE for page in ("vocabulary.md", "training.md", "decisions-and-outcomes.md"))
    assert {field.name for field in fields(Training)} >= {"baseline", "refit", "holdout"}


def test_the_example_is_a_line() -> None:
    names: dict[str, Any] = {}
    (example,) = EXAMPLE.findall(PAGE)

    exec(example, names)  # noqa: S102

    line = names["LINE"]
    assert isinstance(line, assembly_line.Line)
    assert line_from_json(line_to_json(line)) == line
    assert list(line.decision.keys) == ["flight_id", "origin", "destination", "carrier"]


def default_of(field: Field[Any]) -> str:
    """As the page says it."""
    if field.name == "by":
        return "required for events"
    if field.default_factory is not MISSING:
        return f"`{field.default_factory()!r}`"
    if field.default is MISSING:
        return "required"
    written = repr(field.default)
    return f"`{WRITTEN.get(written, written)}`"
