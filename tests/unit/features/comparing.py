"""When a dataset equals what was expected: exactly, but for sums, means and deviations of floats (relative 1e-9)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.features import Aggregate, Share
from assembly_line.declarations.lines import Line
from assembly_line.declarations.udfs import UdfFeature


def assert_equal(line: Line, found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> None:
    """Compare rows in order, in the columns that are expected."""
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        for name, value in wanted.items():
            assert same(line, name, row[name], value), f"{name}: {row[name]!r}, expected {value!r} in {wanted}"


def same(line: Line, name: str, found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        if math.isnan(found) or math.isnan(expected):
            return math.isnan(found) and math.isnan(expected)
        declared = line.features.get(name)
        summed = isinstance(declared, Aggregate) and declared.kind in ("sum", "mean", "stddev")
        summed |= name == line.outcome.name and line.outcome.measure in ("sum", "mean")
        if summed or isinstance(declared, Ratio | Expression | UdfFeature | Share):
            return math.isclose(found, expected, rel_tol=1e-9)
        return repr(found) == repr(expected)
    if found is None or expected is None:
        return found is expected
    return bool(found == expected)
