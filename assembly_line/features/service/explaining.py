"""The very events behind one value of a recorded dataset, and those that did not count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.derived import Expression, Ratio, parts_of, with_parts
from assembly_line.declarations.entities import key_columns, names_of
from assembly_line.declarations.features import StaticFeature, Timed
from assembly_line.errors import NotFound
from assembly_line.features.explain.explanation import Event, Explanation, explain_value, near_span
from assembly_line.features.model.workload import columns_of, kind_of
from assembly_line.features.service.decision_places import place_of
from assembly_line.features.service.explained_events import event_in_json, events_in_json
from assembly_line.features.service.explaining_outcomes import outcome_explained
from assembly_line.features.sources.entity_rows import Row, rows_of_entity
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.plain_values import plain_values, rounds, same, shown, shown_instant
from assembly_line.features.values.semantics import SEMANTICS_VERSION
from assembly_line.features.wording.wording import in_words

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.features.model.snapshots import SnapshotObject
    from assembly_line.features.service.recorded import Recorded


def explained(
    recorded: Recorded, decision: str, feature: str, *, near: int, decided_at: str | None = None
) -> dict[str, Any]:
    """The explanation as JSON values.

    Args:
        decision: its id, or `key=value` for as many keys as name one decision, separated by commas.
        feature: a feature, or a column of the outcome.
        decided_at: the decision time, or the day of it, where the keys name several.
        near: how many of the events that did not count are listed for each reason, the nearest first.

    Raises:
        NotFound: the dataset has no such decision or feature.
        RequestRefused: the keys name no decision, or several.
    """
    plan, columns = recorded.plan, recorded.columns()
    if feature not in (*plan.features, *plan.outcome_columns):
        of_outcome = f", and of the outcome {', '.join(plan.outcome_columns)}" if plan.outcome_columns else ""
        raise NotFound(
            f"dataset {plan.dataset_id} has no feature {feature!r}; it has {', '.join(plan.features)}{of_outcome}",
            where="feature",
            value=repr(feature),
            expected=f"one of {', '.join([*plan.features, *plan.outcome_columns])}",
        )
    place = place_of(plan.line, columns, decision, decided_at)
    values = {name: plain_values(column.slice(place, place + 1))[0] for name, column in columns.items()}
    at = values[DECISION_TIME]
    if feature in plan.outcome_columns:
        found, told = outcome_explained(recorded, feature, values, near=near)
    else:
        rows = _rows(recorded, feature, values, at)
        found = explain_value(plan.line, feature, at=at, rows=rows, scripts=recorded.scripts())
        told = _described(plan.line, found, near)
    kind = columns[feature].kind
    return {
        "dataset_id": plan.dataset_id,
        "line": plan.line.name,
        "semantics": {"dataset": plan.semantics, "here": SEMANTICS_VERSION},
        "decision_id": values[DECISION_ID],
        "decision_time": shown_instant(at),
        "keys": {name: values[name] for name in plan.line.decision.keys},
        "value": shown(values[feature], kind),
        "equal": same(found.value, values[feature], rounded=rounds(plan.line, feature)),
        **told,
    }


def _rows(recorded: Recorded, feature: str, values: Mapping[str, Any], at: int) -> dict[str, Sequence[Row]]:
    """The rows that each part of the feature may rest on. Objects far from the decision are not fetched."""
    line = recorded.plan.line
    parts: dict[str, list[str]] = defaultdict(list)
    for name in with_parts(line.features, (feature,)):
        if parts_of(line.features[name]):
            continue
        parts[_over_rows(line, name).source.name].append(name)
    found: dict[str, Sequence[Row]] = {}
    for source, names in parts.items():
        spans = [near_span(line, name, at=at) for name in names]

        def touches(item: SnapshotObject, spans: Sequence[tuple[int | None, int]] = spans) -> bool:
            if item.min_time is None or item.max_time is None:
                return True
            return any((low is None or item.max_time >= low) and item.min_time <= high for low, high in spans)

        declared = line.sources[source]
        files = recorded.files(source, touches) if declared.sql is None else []
        inputs = {read.name: recorded.files(read.name) for read in declared.inputs}
        columns = tuple(recorded.plan.inputs[source].columns if declared.sql is None else declared.columns)
        for name in names:
            keys = {key: values[key] for key in key_columns(_over_rows(line, name).by)}
            found[name] = rows_of_entity(declared, keys, columns, files, inputs=inputs)
    return found


def _over_rows(line: Line, name: str) -> Timed | StaticFeature:
    """A feature that is made of rows, not of other features."""
    feature = line.features[name]
    if isinstance(feature, Ratio | Expression):
        raise ValueError(f"{name} is made of other features and has no rows of its own")
    return feature


def _described(line: Line, found: Explanation, near: int) -> dict[str, Any]:
    name = found.feature
    feature = line.features[name]
    document: dict[str, Any] = {
        "feature": name,
        "definition": in_words(line, name),
        "recomputed": shown(found.value, kind_of(line, name)),
    }
    if isinstance(feature, Ratio | Expression):
        return {**document, "parts": [_described(line, part, near) for part in found.parts]}
    timed = not isinstance(feature, StaticFeature)
    about = (feature.column,) if isinstance(feature, StaticFeature) else columns_of(feature)

    def listed(event: Event) -> dict[str, Any]:
        return event_in_json(feature.source, key_columns(feature.by), about, event, timed=timed)

    return {
        **document,
        "source": feature.source.name,
        "entity": names_of(feature.by),
        **events_in_json(found, near, listed),
    }
