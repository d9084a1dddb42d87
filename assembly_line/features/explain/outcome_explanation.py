"""Why a decision has its outcome: the events within its horizon, those near it, and when the outcome was certain.

Plain filtering of one entity's rows by the rules as they are written, without the code that builds datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.features.explain.explanation import Event, Explanation, Reason, event_of, instant_of
from assembly_line.features.explain.reference_values import aggregate_of, rank
from assembly_line.features.sources.entity_rows import Row
from assembly_line.instants import DAY_MICROS, MICROSECOND


@dataclass(frozen=True, slots=True)
class Horizon:
    """When events make an outcome, `begins` < event time <= `ends`, and from when on it was certain; microseconds."""

    begins: int
    ends: int
    known_at: int


def horizon_of(line: Line, *, at: int, until: Sequence[Row], as_of: int, covered: int | None) -> Horizon:
    """The horizon of a decision that is in a training dataset.

    Args:
        at: the decision time; as_of: of the dataset; both in microseconds.
        until: the rows that state its end, where the line declares `until`.
        covered: the newest event of the outcome's source.
    """
    outcome = line.outcome
    begins = at + outcome.gap // MICROSECOND
    if outcome.until is not None:
        end = instant_of(outcome.until.source, outcome.until.column, until[0]) if until else None
    else:
        end = begins + outcome.span // MICROSECOND if outcome.span is not None else None
    ends = begins if end is None else end
    delay = outcome.source.delay // MICROSECOND if outcome.source.delay is not None else 0
    if outcome.measure == "time_to_event":
        ends = min(ends, as_of - delay, as_of if covered is None else covered)
    return Horizon(begins, ends, max(ends + delay, at))


def explain_outcome(line: Line, name: str, *, horizon: Horizon, rows: Sequence[Row]) -> Explanation:
    """Explain a column of the outcome.

    Args:
        name: one of `outcome.columns`.
        rows: the source's rows that carry the keys of the decision.
    """
    horizon = _of_step(line, name, horizon)
    counted: list[Event] = []
    left_out: list[tuple[Event, Reason]] = []
    span = max(horizon.ends - horizon.begins, DAY_MICROS)
    events = sorted((event_of(line.outcome.source, row) for row in rows), key=lambda event: rank(event.time))
    for event in events:
        reason = _reason_against(line, horizon, event)
        if reason is None:
            counted.append(event)
        elif event.time is None or horizon.begins - span <= event.time <= horizon.ends + span:
            left_out.append((event, reason))
    left_out.sort(key=lambda pair: _distance(horizon, pair[0]))
    return Explanation(
        feature=name,
        value=_value(line, name, horizon, counted),
        since=horizon.begins + 1,
        until=horizon.ends,
        counted=tuple(counted),
        left_out=tuple(left_out),
    )


def _of_step(line: Line, name: str, horizon: Horizon) -> Horizon:
    """The part of the horizon that a column is of."""
    outcome = line.outcome
    if outcome.steps == 1 or outcome.horizon is None or name not in outcome.of_steps:
        return horizon
    span = outcome.horizon // MICROSECOND
    begins = horizon.begins + outcome.of_steps.index(name) * span
    return Horizon(begins, begins + span, horizon.known_at)


def _reason_against(line: Line, horizon: Horizon, event: Event) -> Reason | None:
    if event.time is None:
        return Reason.NO_EVENT_TIME
    if event.time <= horizon.begins:
        return Reason.BEFORE_HORIZON
    if event.time > horizon.ends:
        return Reason.AFTER_HORIZON
    column = line.outcome.column
    return Reason.NULL if column is not None and event.row[column] is None else None


def _distance(horizon: Horizon, event: Event) -> float:
    if event.time is None:
        return float("inf")
    return max(horizon.begins - event.time, event.time - horizon.ends, 0)


def _value(line: Line, name: str, horizon: Horizon, counted: Sequence[Event]) -> Any:
    if name == OUTCOME_KNOWN_AT:
        return horizon.known_at
    outcome = line.outcome
    if name == outcome.days:
        first = counted[0].time if counted else None
        return float((horizon.ends if first is None else first) - horizon.begins) / DAY_MICROS
    match outcome.measure:
        case "happened" | "time_to_event":
            return outcome.present if counted else outcome.absence
        case "count":
            return len(counted) if counted else outcome.absence
        case "sum" | "mean" | "min" | "max":
            values = [event.row[outcome.column or ""] for event in counted]
            exact = outcome.kind.startswith("decimal")
            absent = Decimal(str(outcome.absence)) if exact else outcome.absence
            return aggregate_of(outcome.measure, values) if values else absent
        case "value":
            raise ValueError(f"outcome {outcome.name} is of the decision's own row; expected one of events")
        case _:
            assert_never(outcome.measure)
