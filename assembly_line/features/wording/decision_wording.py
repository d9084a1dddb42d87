"""What a line decides about and predicts, in words: where its decisions come from, and what its outcome says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, assert_never

from assembly_line.declarations.decisions import Decision
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.outcomes import OF_A_COLUMN, Outcome
from assembly_line.declarations.populations import WEEKDAYS, Cadence, FixedCadence, Generated
from assembly_line.declarations.predicates import Predicate
from assembly_line.features.wording.wording import duration, predicate_in_words
from assembly_line.instants import format_instant


def spine_in_words(decision: Decision) -> str:
    """Such as `each row of campaigns, at start_date of campaign_descriptions`."""
    spine = decision.spine
    if isinstance(spine, Generated):
        return f"{_population(spine)}, {cadence_in_words(spine.cadence)}"
    if isinstance(decision.time, StaticFeature):
        return f"each row of {spine.name}, at {decision.time.column} of {decision.time.source.name}"
    return f"each row of {spine.name}, at its {decision.time}"


def _population(spine: Generated) -> str:
    name = spine.population.name
    if spine.lookback is not None:
        return f"whoever has a row of {name} that is known and at most {duration(spine.lookback)} old"
    edges = (("from", spine.active_from), ("until before", spine.active_until))
    active = " ".join(f"{word} {column}" for word, column in edges if column is not None)
    return f"everybody in {name}{f', {active}' if active else ''}"


def cadence_in_words(cadence: Cadence) -> str:
    """Such as `each monday at 06:30 in Europe/Berlin`."""
    if isinstance(cadence, FixedCadence):
        return f"every {duration(cadence.interval)} from {format_instant(cadence.anchor)}"
    at = f"at {cadence.at} in {cadence.zone}"
    match cadence.unit:
        case "day":
            return f"each day {at}"
        case "week":
            return f"each {WEEKDAYS[(cadence.on or 1) - 1]} {at}"
        case "month":
            return f"each month on day {cadence.on} {at}"
        case _:
            assert_never(cadence.unit)


def outcome_in_words(outcome: Outcome) -> str:
    """Such as `whether an event of coupon_redemptions follows within 30 days`."""
    if outcome.value is not None:
        return _own_value(outcome, outcome.value)
    if outcome.horizon is not None:
        within = f"within {duration(outcome.horizon)}"
        if outcome.steps > 1:
            within = f"within each of {outcome.steps} times {duration(outcome.horizon)}"
    else:
        within = f"until {outcome.until.column} of {outcome.until.source.name}" if outcome.until is not None else ""
    if outcome.gap > timedelta(0):
        within += f", from {duration(outcome.gap)} after the decision on"
    events = f"events of {outcome.source.name} {within}"
    if outcome.measure == "happened":
        return f"whether there are {events}"
    if outcome.measure == "count":
        return f"number of {events}"
    if outcome.measure == "time_to_event":
        return f"whether and after how many days there are {events}, or how long there were none"
    if outcome.measure in OF_A_COLUMN:
        return f"{outcome.measure} of {outcome.column} over {events}, {outcome.absence} without any"
    raise TypeError(f"outcome {outcome.name}: {outcome.measure} is no measure")


def _own_value(outcome: Outcome, value: str | Predicate) -> str:
    """Such as `arrival_delay of the decision's row in flights, known at arrived; none unless cancelled is false`."""
    said = value if isinstance(value, str) else f"whether {predicate_in_words(value)}"
    known = f"known {duration(outcome.delay)} after {outcome.known}" if outcome.delay else f"known at {outcome.known}"
    unless = "" if outcome.where is None else f"; none unless {predicate_in_words(outcome.where)}"
    link = " of" if isinstance(value, str) else ", in"
    return f"{said}{link} the decision's row in {outcome.source.name}, {known}{unless}"


def sampling_in_words(report: Mapping[str, Any]) -> str:
    """Such as `positives: 12 of 12; negatives: 120 of 1200, each stands for 10`."""
    parts = []
    for name, kept in report["kept"].items():
        weight = report["weights"][name]
        stands = f", each stands for {weight:g}" if weight not in (None, 1) else ""
        parts.append(f"{name}: {kept} of {kept + report['dropped'][name]}{stands}")
    return "; ".join(parts)
