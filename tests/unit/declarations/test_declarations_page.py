"""docs/declarations.md shows a line: it is one, and its declaration survives being written as JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import assembly_line
from assembly_line.declarations.codec import line_from_json, line_to_json

PAGE = (Path(__file__).parents[3] / "docs" / "declarations.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_example_is_a_line() -> None:
    names: dict[str, Any] = {}
    (example,) = EXAMPLE.findall(PAGE)

    exec(example, names)  # noqa: S102

    line = names["LINE"]
    assert isinstance(line, assembly_line.Line)
    assert line_from_json(line_to_json(line)) == line
    assert list(line.decision.keys) == ["flight_id", "origin", "destination", "carrier"]
