"""The decisions of a dataset: read from the spine's table or generated, then chosen, ordered and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assembly_line.declarations.decisions import Decision
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.populations import Generated
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import Keys
from assembly_line.features.spine.assembly import Matched, Reader, horizon_column, moments, rows_of
from assembly_line.features.spine.occasions import decided_between, occasions
from assembly_line.features.spine.own_row_outcomes import observe_own_rows
from assembly_line.features.spine.populations import members, stays_of_events, stays_of_facts
from assembly_line.features.spine.spine import Observation, Period, Spine, observe, select
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.semantics import NEVER, instants_of, micros_of, sight_of
from assembly_line.instants import to_micros


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who could be decided on.

    Args:
        known: from when on each row of the spine was known, microseconds; None where that is at every decision.
        columns: what else was read of the spine's rows.
    """

    keys: Mapping[str, Column]
    times: Column
    known: Integers | None
    columns: Mapping[str, Column] = field(default_factory=dict)


def select_decisions(plan: Plan, reader: Reader) -> Spine:
    """The decisions of the dataset, chosen, ordered and counted.

    Raises:
        RequestRefused: a generated spine has more decisions than are built.
    """
    line = plan.line
    if isinstance(line.decision.spine, Generated):
        found = _generated(plan, reader)
    else:
        found = listed(line.decision, reader, line.outcome.own_columns if plan.with_outcome else ())
    observed = _observed(plan, found, reader) if plan.with_outcome else None
    return select(found.keys, found.times, _period(plan), known=found.known, observed=observed)


def _observed(plan: Plan, found: Candidates, reader: Reader) -> Observation:
    line, as_of = plan.line, to_micros(plan.as_of)
    if line.outcome.value is not None:
        return observe_own_rows(line.outcome, found.columns, found.times, as_of=as_of)
    newest = plan.inputs[line.outcome.source.name].newest
    return observe(line, found.times, horizon_column(line, found.keys, reader), as_of=as_of, covered=newest)


def listed(decision: Decision, reader: Reader, others: Keys = ()) -> Candidates:
    """Each row of the spine's table.

    Args:
        others: further columns to read of it.
    """
    columns = reader.table(decision.source, tuple(dict.fromkeys((*decision.keys, *decision.columns, *others))))
    keys = {name: columns[name] for name in decision.keys}
    if isinstance(decision.time, StaticFeature):
        times = moments(decision.time, keys, reader)
    else:
        times = columns[decision.time or ""]
    known = None
    if not decision.source.static:
        rows = rows_of(decision.source, Matched(np.arange(len(times)), columns))
        known = np.full(len(times), NEVER)
        known[rows.entities] = rows.times + sight_of(decision.source, "at_or_before").hold
        if rows.known is not None:
            known[rows.entities] = rows.known
    times = instants_of(times, zone=decision.time_source.zone, edge="start")
    return Candidates(keys, times, known, {name: columns[name] for name in others})


def _generated(plan: Plan, reader: Reader) -> Candidates:
    """The population at each occasion of the period."""
    decision = plan.line.decision
    if not isinstance(decision.spine, Generated):
        raise TypeError(f"Decision {decision.name}: expected a generated spine")
    source = decision.source
    columns = reader.table(source, (*decision.keys, *decision.columns))
    keys = {name: columns[name] for name in decision.keys}
    number = len(next(iter(keys.values())))
    if decision.spine.lookback is None:
        stays = stays_of_facts(decision.spine, columns, number)
    else:
        rows = rows_of(source, Matched(np.arange(number), columns))
        stays = stays_of_events(rows, micros_of(decision.spine.lookback), sight_of(source, decision.boundary))
        keys = {name: column.take(rows.entities) for name, column in keys.items()}
    period = decided_between(decision, since=plan.since, until=plan.until, as_of=plan.as_of)
    keys, times = members(keys, stays, occasions(decision.spine.cadence, *period))
    return Candidates(keys, Column("timestamp", times, np.ones(len(times), np.bool_)), None)


def _period(plan: Plan) -> Period:
    history = plan.line.decision.history_since
    return Period(
        since=None if plan.since is None else to_micros(plan.since),
        until=None if plan.until is None else to_micros(plan.until),
        as_of=to_micros(plan.as_of),
        history_since=None if history is None else to_micros(history),
    )
