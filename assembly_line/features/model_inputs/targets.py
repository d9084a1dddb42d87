"""What a model is to predict of each row, in the columns that its type reads first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.facts import Facts, days_column
from assembly_line.features.model_inputs.numbers import numbers_of
from assembly_line.features.model_inputs.timeline import codes_of, named
from assembly_line.features.values.columns import Column, Flags, Floats, Integers
from assembly_line.model_types import Ranking, Survival


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Targets of the rows that have some.

    Args:
        rows: positions of these rows in the dataset, ascending.
        columns: first columns of the files, of these rows; `meanings` says what each is.
        known: when all of a row's targets were known, microseconds.
        positive: whether the outcome is present; None where that is no question of yes or no.
        left_out: reason -> how many rows have no target.
        units: group of each row; a part's rows stand in order of these, and a unit stands in one part.
    """

    rows: Integers
    columns: Mapping[str, Column]
    meanings: Mapping[str, str]
    known: Integers
    positive: Flags | None
    left_out: Mapping[str, int]
    units: Integers | None = field(default=None)


def label_targets(columns: Mapping[str, Column], facts: Facts, known: Integers) -> Targets:
    """One label: 1 or 0 where the outcome is one of two, else its value. Rows without an outcome are left out."""
    outcome = columns[facts.outcome]
    rows = np.flatnonzero(outcome.valid)
    positive = None if facts.kind == "numeric" else np.asarray(outcome.values[rows] == facts.present, np.bool_)
    label = outcome.take(rows) if positive is None else filled("int64", positive.astype(np.int64))
    words = "the outcome" if positive is None else f"1 where the outcome is {facts.present}, else 0"
    return Targets(
        rows=rows,
        columns={facts.outcome: label},
        meanings={facts.outcome: words},
        known=known[rows],
        positive=positive,
        left_out={"without_outcome": len(outcome) - len(rows)},
    )


def ranking_targets(columns: Mapping[str, Column], facts: Facts, known: Integers, spec: Ranking) -> Targets:
    """The label, and the group that each row is ranked in."""
    plain = label_targets(columns, facts, known)
    groups = codes_of([column.take(plain.rows) for column in named(columns, spec.group)])
    added = {f"{facts.outcome}.group": filled("int64", groups)} if spec.qid else {}
    return Targets(
        rows=plain.rows,
        columns={**plain.columns, **added},
        meanings={**plain.meanings, **dict.fromkeys(added, f"number of the group: {', '.join(spec.group)}")},
        known=plain.known,
        positive=plain.positive,
        left_out=plain.left_out,
        units=groups,
    )


def survival_targets(columns: Mapping[str, Column], facts: Facts, known: Integers, spec: Survival) -> Targets:
    """How long until the outcome, or until observation ended without it."""
    plain = label_targets(columns, facts, known)
    if plain.positive is None:
        raise ValueError(f"outcome {facts.outcome} is {facts.kind}; expected time_to_event")
    measured = columns[days_column(facts.outcome)].take(plain.rows)
    duration = numbers_of(days_column(facts.outcome), measured)
    there = ~np.isnan(duration)
    if bool((duration[there] <= 0).any()):
        raise RequestRefused(
            f"model.type: {int((duration[there] <= 0).sum())} rows have {days_column(facts.outcome)} of 0 or less; "
            "survival models need a time that is positive",
            where="model.type",
            value=f"{int((duration[there] <= 0).sum())} rows whose time to the event is 0 or less",
            expected="times that are positive",
        )
    happened = plain.positive[there]
    targets, meanings = _durations(facts.outcome, duration[there], happened, spec)
    return Targets(
        rows=plain.rows[there],
        columns=targets,
        meanings=meanings,
        known=plain.known[there],
        positive=happened,
        left_out={**plain.left_out, "without_duration": int((~there).sum())},
    )


def _durations(outcome: str, days: Floats, happened: Flags, spec: Survival) -> tuple[dict[str, Column], dict[str, str]]:
    match spec.target:
        case "cox":
            name = f"{outcome}.signed_days"
            words = "days until the outcome, negative where observation ended without it"
            return {name: filled("float64", np.where(happened, days, -days))}, {name: words}
        case "aft":
            lower, upper = f"{outcome}.lower_days", f"{outcome}.upper_days"
            columns = {lower: filled("float64", days), upper: filled("float64", np.where(happened, days, np.inf))}
            return columns, {
                lower: "the outcome did not happen earlier, in days",
                upper: "the outcome did not happen later, in days; infinite where observation ended without it",
            }
        case "duration":
            duration, event = f"{outcome}.duration_days", f"{outcome}.event"
            columns = {duration: filled("float64", days), event: filled("int64", happened.astype(np.int64))}
            words = "days until the outcome, or until observation ended without it"
            ended = "1 where the outcome happened, 0 where observation ended without it"
            return columns, {duration: words, event: ended}
        case _:
            assert_never(spec.target)


def filled(kind: str, values: Integers | Floats) -> Column:
    """A column whose NaN are null."""
    return Column(kind, values, ~np.isnan(values))
