"""A ladder of kinds ends in an error for a kind that it does not know: the last answer is never everybody else's."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import Outcome, days, measure
from assembly_line.declarations.features import Aggregate
from assembly_line.declarations.formulas import Constant, Operation
from assembly_line.errors import DeclarationError
from assembly_line.features.explain.reference_formulas import value_of
from assembly_line.features.explain.reference_values import aggregate_of
from assembly_line.features.explore.periods import period_starts
from assembly_line.features.kernel.aggregates import Values
from assembly_line.features.kernel.aggregates import aggregate_of as kernel_aggregate
from assembly_line.features.kernel.expressions import expression_of
from assembly_line.features.kernel.reductions import Windows
from assembly_line.features.values.columns import Column, null_column
from assembly_line.features.wording.decision_wording import outcome_in_words
from tests.unit.features.small_world import DAILY, EVENTS, USER

PROJECT = Path(__file__).parents[3]
SCANNED = ("assembly_line/features", "assembly_line/declarations", "glue_jobs", "lambdas/dataset",
           "lambdas/dataset_request", "lambdas/online", "stacks")  # fmt: skip
# Types of columns are checked where they are declared, and most of them are held alike: integers.
TYPES = {"int64", "float64", "string", "boolean", "timestamp", "date", "decimal"}


def ladders(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and subject of each ladder (two rungs or more) or `match` whose last answer is for any other kind."""
    for node in ast.walk(tree):
        for body in (getattr(node, name, None) for name in ("body", "orelse")):
            if isinstance(body, list):
                yield from _open_ladders(body, isinstance(node, ast.Module | ast.FunctionDef | ast.With | ast.For))
        if isinstance(node, ast.IfExp) and isinstance(node.orelse, ast.IfExp):
            subject = _subject(node.test)
            if subject and subject == _subject(node.orelse.test):
                yield node.lineno, subject


def _open_ladders(body: list[ast.stmt], whole: bool) -> Iterator[tuple[int, str]]:
    place = 0
    while place < len(body):
        one = body[place]
        # A match of anything but a name takes values apart; it is no ladder of kinds.
        named = isinstance(one, ast.Match) and isinstance(one.subject, ast.Name | ast.Attribute)
        if isinstance(one, ast.Match) and named and not _is_closed_match(one, body[place + 1 :]):
            yield one.lineno, ast.unparse(one.subject)
        rungs, subject, end = _rungs(body[place:])
        if rungs >= 2 and not _ends(end):
            yield one.lineno, subject
        place += max(1, rungs if rungs else 1)


def _rungs(statements: list[ast.stmt]) -> tuple[int, str, list[ast.stmt]]:
    """Rungs of one subject from here on, what it is, and what answers where none of them applies."""
    first = statements[0]
    subject = _subject(first.test) if isinstance(first, ast.If) else ""
    if not subject:
        return 0, "", []
    rungs, rest = 0, statements
    while rest and isinstance(rest[0], ast.If) and _subject(rest[0].test) == subject:
        inner: list[ast.stmt] = [rest[0]]
        while len(inner) == 1 and isinstance(inner[0], ast.If) and _subject(inner[0].test) == subject:
            rungs += 1
            last, inner = inner[0], inner[0].orelse
        if inner:
            return rungs, subject, inner
        if not isinstance(last.body[-1], ast.Return | ast.Raise | ast.Try):
            return rungs, subject, []
        rest = rest[1:]
    return rungs, subject, rest


def _subject(test: ast.expr) -> str:
    """What is compared with one or several texts, none of them the type of a column."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return next((found for part in test.values if (found := _subject(part))), "")
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq | ast.In):
        return ""
    texts = {one.value for one in ast.walk(test.comparators[0]) if isinstance(one, ast.Constant)}
    in_a_table = isinstance(test.ops[0], ast.In) and ast.unparse(test.comparators[0]).isupper()
    if not in_a_table and (not texts or not all(isinstance(text, str) for text in texts) or texts <= TYPES):
        return ""
    return ast.unparse(test.left) if isinstance(test.left, ast.Name | ast.Attribute) else ""


def _ends(statements: list[ast.stmt]) -> bool:
    """Whether an unknown kind ends in an error: by a raise, by `assert_never`, or by a look-up in a table."""
    if not statements:
        return False
    last = statements[0]
    if isinstance(last, ast.If) and isinstance(last.test, ast.Compare) and isinstance(last.test.ops[0], ast.NotIn):
        last = last.body[-1]
    if isinstance(last, ast.Raise):
        return True
    return (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and "assert_never" in ast.unparse(last.value.func)
    )


def _is_closed_match(match: ast.Match, after: list[ast.stmt]) -> bool:
    last = match.cases[-1]
    if isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None:
        return _ends(last.body)
    return _ends(after)


@pytest.mark.parametrize("folder", SCANNED)
def test_no_ladder_answers_for_a_kind_that_it_does_not_know(folder: str) -> None:
    files = sorted((PROJECT / folder).rglob("*.py"))
    found = [
        f"{file.relative_to(PROJECT)}:{line}: {subject}"
        for file in files
        for line, subject in ladders(ast.parse(file.read_text(encoding="utf-8")))
    ]

    assert files
    assert found == []


UNKNOWN: Any = "median"
OUTCOME = Outcome(name="came", source=DAILY, by=(USER,), horizon=days(1))
FIVE = Column("float64", np.arange(5.0), np.ones(5, np.bool_))


@pytest.mark.parametrize(
    "dispatch",
    [
        lambda: aggregate_of(UNKNOWN, [1.0, 2.0]),
        lambda: kernel_aggregate(
            "here", UNKNOWN, Values(FIVE), Windows(np.array([0]), np.array([5])), lambda: np.array([1])
        ),
        lambda: Aggregate(kind=UNKNOWN, source=EVENTS, column="x", window=days(1), by=USER),
        lambda: measure(UNKNOWN, "x"),
        lambda: outcome_in_words(_unchecked(OUTCOME, measure=UNKNOWN)),
        lambda: period_starts(null_column("date", 1), UNKNOWN, "UTC"),
        lambda: value_of(Operation(UNKNOWN, (Constant(1.0),)), {}),
        lambda: expression_of(Operation(UNKNOWN, (Constant(1.0),)), {}, 1),
    ],
    ids=["recomputed", "kernel", "declared", "measured", "in words", "periods", "formula", "formula of columns"],
)
def test_an_unknown_kind_is_an_error_and_no_other_kinds_answer(dispatch: Callable[[], object]) -> None:
    with pytest.raises((AssertionError, TypeError, ValueError, DeclarationError), match="median"):
        dispatch()


def _unchecked(outcome: Outcome, **changed: Any) -> Outcome:
    """As if a later version had more kinds than this code knows."""
    made = copy(outcome)
    for name, value in changed.items():
        object.__setattr__(made, name, value)
    return made
