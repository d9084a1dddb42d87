"""Why a decision has the outcome that its own row states: that row, and when its value was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT, Outcome
from assembly_line.declarations.sources import Source
from assembly_line.features.explain.explanation import Event, Explanation, instant_of
from assembly_line.features.explain.reference_rules import is_true
from assembly_line.features.sources.entity_rows import Row
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.instants import MICROSECOND, start_of_day


def explain_own_row(line: Line, name: str, *, decision: Mapping[str, Any], rows: Sequence[Row]) -> Explanation:
    """Explain a column of the outcome; of several rows of one decision, by one that states what the dataset has.

    Args:
        name: one of `outcome.columns`.
        decision: column -> value in the dataset; times in microseconds.
        rows: the spine's rows that carry the keys of the decision, with its own columns and the outcome's.
    """
    outcome = line.outcome
    stating = [row for row in rows if _is_of(line, row, decision[DECISION_TIME])]
    told = [(_value(outcome, row), _known_at(outcome, row, decision[DECISION_TIME]), row) for row in stating]
    recorded = (decision[outcome.name], decision[OUTCOME_KNOWN_AT])
    told.sort(key=lambda one: one[:2] != recorded)
    if not told:
        return Explanation(feature=name, value=None)
    value, known, row = told[0]
    return Explanation(
        feature=name, value=known if name == OUTCOME_KNOWN_AT else value, counted=(Event(None, known, row),)
    )


def _is_of(line: Line, row: Row, at: int) -> bool:
    """Whether a row makes the decision; where a fact of an entity gives the time, each row of its keys does."""
    column = line.decision.time
    return not isinstance(column, str) or _beginning(line.decision.time_source, column, row) == at


def _beginning(source: Source, column: str, row: Row) -> int | None:
    """A decision time; a date is the start of its day."""
    value: int | None = row[column]
    if value is None or source.columns[column] == "timestamp":
        return value
    return start_of_day(value, source.zone or "UTC")


def _known_at(outcome: Outcome, row: Row, at: int) -> int | None:
    known = instant_of(outcome.source, outcome.known, row)
    return None if known is None else max(known + outcome.delay // MICROSECOND, at)


def _value(outcome: Outcome, row: Row) -> Any:
    if outcome.value is None:
        raise ValueError(f"outcome {outcome.name} is of events; expected one of the decision's own row")
    value = row[outcome.value] if isinstance(outcome.value, str) else is_true(outcome.value, row)
    if isinstance(value, bool):
        return outcome.present if value else outcome.absence
    return value
