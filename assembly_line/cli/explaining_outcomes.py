"""The outcome of one decision of a recorded dataset, explained by the events within its horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.explained_events import event_in_json, events_in_json
from assembly_line.declarations.entities import names_of
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.features.explain.explanation import DAY
from assembly_line.features.explain.outcome_explanation import Horizon, explain_outcome, horizon_of
from assembly_line.features.explain.own_row_explanation import explain_own_row
from assembly_line.features.model.workload import keys_of
from assembly_line.features.sources.entity_rows import rows_of_entity
from assembly_line.features.spine.outcome_values import outcome_reads
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.values.plain_values import shown, shown_instant
from assembly_line.features.wording.decision_wording import outcome_in_words
from assembly_line.instants import to_micros

if TYPE_CHECKING:
    from assembly_line.cli.recorded import Recorded
    from assembly_line.features.explain.explanation import Event, Explanation
    from assembly_line.features.model.snapshots import SnapshotObject
    from assembly_line.features.sources.entity_rows import Row


def outcome_explained(
    recorded: Recorded, name: str, values: Mapping[str, Any], *, near: int
) -> tuple[Explanation, dict[str, Any]]:
    """The explanation of a column of the outcome, and that as JSON values.

    Args:
        values: column -> value of the decision.
        near: how many of the events that did not count are listed for each reason, the nearest first.
    """
    line = recorded.plan.line
    if line.outcome.value is not None:
        return _of_own_row(recorded, name, values)
    outcome, keys = line.outcome, keys_of(line.outcome.by)
    horizon = _horizon(recorded, values)
    found = explain_outcome(line, name, horizon=horizon, rows=_rows(recorded, values, horizon))
    about = () if outcome.column is None else (outcome.column,)

    def listed(event: Event) -> dict[str, Any]:
        return event_in_json(outcome.source, dict.fromkeys(keys, ""), about, event)

    document = {
        "feature": name,
        "definition": outcome_in_words(outcome),
        "recomputed": shown(found.value, outcome.columns[name]),
        "source": outcome.source.name,
        "entity": names_of(outcome.by),
        "certain_from": shown_instant(horizon.known_at),
        **events_in_json(found, near, listed),
    }
    return found, document


def _of_own_row(recorded: Recorded, name: str, values: Mapping[str, Any]) -> tuple[Explanation, dict[str, Any]]:
    """The row that makes the decision and states its outcome."""
    line = recorded.plan.line
    outcome, keys = line.outcome, line.decision.keys
    columns = tuple(dict.fromkeys((*keys, *line.decision.columns, *outcome.own_columns)))
    asked = {key: values[key] for key in keys}
    rows = rows_of_entity(outcome.source, asked, columns, recorded.files(outcome.source.name))
    found = explain_own_row(line, name, decision=values, rows=rows)

    def listed(event: Event) -> dict[str, Any]:
        return event_in_json(outcome.source, keys, outcome.own_columns, event)

    document = {
        "feature": name,
        "definition": outcome_in_words(outcome),
        "recomputed": shown(found.value, outcome.columns[name]),
        "source": outcome.source.name,
        "entity": names_of(line.decision.entities),
        "certain_from": shown_instant(values[OUTCOME_KNOWN_AT]),
        **events_in_json(found, 0, listed),
    }
    return found, document


def _horizon(recorded: Recorded, values: Mapping[str, Any]) -> Horizon:
    plan = recorded.plan
    until = plan.line.outcome.until
    rows: list[Row] = []
    if until is not None:
        keys = {key: values[key] for key in keys_of(until.by)}
        rows = rows_of_entity(until.source, keys, (until.column,), recorded.files(until.source.name))
    newest = plan.inputs[plan.line.outcome.source.name].newest
    return horizon_of(
        plan.line,
        at=values[DECISION_TIME],
        until=rows,
        as_of=to_micros(plan.as_of),
        covered=None if newest is None else to_micros(newest),
    )


def _rows(recorded: Recorded, values: Mapping[str, Any], horizon: Horizon) -> list[Row]:
    """The events of the decision's entities; objects far from the horizon are not fetched."""
    line = recorded.plan.line
    span = max(horizon.ends - horizon.begins, DAY)

    def touches(item: SnapshotObject) -> bool:
        if item.min_time is None or item.max_time is None:
            return True
        return item.max_time >= horizon.begins - span and item.min_time <= horizon.ends + span

    source, keys = line.outcome.source, keys_of(line.outcome.by)
    columns = tuple(dict.fromkeys((*keys, *outcome_reads(line))))
    return rows_of_entity(source, {key: values[key] for key in keys}, columns, recorded.files(source.name, touches))
