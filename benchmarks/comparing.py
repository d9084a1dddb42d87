"""Whether another engine's answer equals the line's: exactly, and means to a relative 1e-9, near 0 to 1e-12."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.declared import CASES

TOLERANCE = 1e-9
# Others round each sum of floats: where values cancel to nearly 0, little but the rounding is left of theirs.
LEAST = 1e-12


class AnswersDiffer(Exception):
    """Two engines disagree: no time of theirs counts."""


def check_equal(case: str, ours: Path, theirs: Path, *, other_keys: bool, one_of: int = 1) -> None:
    """Compare every value of two outputs, decision by decision.

    Args:
        other_keys: theirs has no decision_id and not all keys, and names the decision time `opens`.
        one_of: theirs has the decisions whose first key this divides.

    Raises:
        AnswersDiffer: names each column that differs, and in how many decisions.
    """
    declared = CASES[case]
    names, keys = list(declared.features), declared.keys
    time = "opens" if other_keys else "decision_time"
    differing = ", ".join(f"count(*) FILTER ({_differ(name)}) AS {name}" for name in names)
    with duckdb.connect(config={"threads": 2}) as connection:
        same = " AND ".join(f"a.{key} = b.{key}" for key in keys)
        row = connection.execute(
            f"SELECT count(*) FILTER (a.{keys[0]} IS NULL OR b.{keys[0]} IS NULL) AS decisions, {differing} "
            f"FROM (FROM '{ours}' WHERE {one_of} = 1 OR {keys[0]} % {one_of} = 0) a FULL JOIN '{theirs}' b "
            f"ON {same} AND epoch_us(a.decision_time) = epoch_us(b.{time})"
        ).fetchall()[0]
    wrong = {name: number for name, number in zip(["decisions", *names], row, strict=True) if number}
    if wrong:
        raise AnswersDiffer(
            f"{theirs.name}: " + ", ".join(f"{name} in {number} rows" for name, number in wrong.items())
        )


def _differ(name: str) -> str:
    if not name.startswith("mean"):
        return f"a.{name} IS DISTINCT FROM b.{name}"
    return (
        f"(a.{name} IS NULL) <> (b.{name} IS NULL) "
        f"OR abs(a.{name} - b.{name}) > greatest({LEAST}, {TOLERANCE} * greatest(abs(a.{name}), abs(b.{name})))"
    )
