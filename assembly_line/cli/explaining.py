"""`line dataset explain`: the very events behind one value of a recorded dataset, and those that did not count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.derived import Expression, Ratio, parts_of, with_parts
from assembly_line.declarations.features import Attribute, Timed
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features.assembly import DECISION_ID, DECISION_TIME
from assembly_line.features.entity_rows import Row, rows_of_entity
from assembly_line.features.explanation import Event, Explanation, explain, near_span
from assembly_line.features.plain_values import plain_values, rounds, same, shown, shown_instant
from assembly_line.features.semantics import SEMANTICS_VERSION
from assembly_line.features.wording import in_words
from assembly_line.features.workload import columns_of, kind_of

if TYPE_CHECKING:
    from assembly_line.cli.recorded import Recorded
    from assembly_line.declarations.lines import Line
    from assembly_line.features.columns import Column
    from assembly_line.features.snapshots import SnapshotObject

SHOWN = 5


def explained(recorded: Recorded, decision: str, feature: str, *, near: int) -> dict[str, Any]:
    """The explanation as JSON values.

    Args:
        decision: its id, or `key=value` for each key, separated by commas.
        near: how many of the events that did not count are listed for each reason, the nearest first.

    Raises:
        NotFound: the dataset has no such decision or feature.
        RequestRefused: the keys name no decision, or several.
    """
    plan, columns = recorded.plan, recorded.columns()
    if feature not in plan.features:
        raise NotFound(f"dataset {plan.dataset_id} has no feature {feature!r}; it has {', '.join(plan.features)}")
    place = _place(plan.line, columns, decision)
    values = {name: plain_values(column.slice(place, place + 1))[0] for name, column in columns.items()}
    at = values[DECISION_TIME]
    rows = _rows(recorded, feature, values, at)
    found = explain(plan.line, feature, at=at, rows=rows, scripts=recorded.scripts())
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
        **_described(plan.line, found, near),
    }


def _place(line: Line, columns: Mapping[str, Column], decision: str) -> int:
    """Where the decision stands in the dataset."""
    ids = columns[DECISION_ID].values.tolist()
    if "=" not in decision:
        if decision in ids:
            return int(ids.index(decision))
        raise NotFound(
            f"decision {decision!r} is not in this dataset; expected a decision_id of it, or its keys such as "
            f"{','.join(f'{name}=...' for name in line.decision.keys)}"
        )
    given = dict(part.partition("=")[::2] for part in decision.split(","))
    if set(given) != set(line.decision.keys):
        raise RequestRefused(f"decision {decision!r}: expected {', '.join(line.decision.keys)}, each as name=value")
    texts = [[_text(value) for value in plain_values(columns[name])] for name in given]
    found = [place for place, row in enumerate(zip(*texts, strict=True)) if row == tuple(given.values())]
    different = list(dict.fromkeys(ids[place] for place in found))
    if not different:
        raise NotFound(f"decision {decision!r} is not in this dataset")
    if len(different) > 1:
        raise RequestRefused(
            f"decision {decision!r}: {len(different)} decisions have these keys; say which by its id: "
            f"{', '.join(different[:SHOWN])}"
        )
    return found[0]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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
            keys = {key: values[key] for key in _over_rows(line, name).by.keys}
            found[name] = rows_of_entity(declared, keys, columns, files, inputs=inputs)
    return found


def _over_rows(line: Line, name: str) -> Timed | Attribute:
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
    timed = not isinstance(feature, Attribute)
    return {
        **document,
        "source": feature.source.name,
        "entity": feature.by.name,
        "counts_from": shown_instant(found.since) if found.since is not None else None,
        "counts_until": shown_instant(found.until) if found.until is not None else None,
        "counted": len(found.counted),
        "events": [_event(line, name, event, timed=timed) for event in found.counted],
        "left_out": {str(reason): number for reason, number in found.reasons.items()},
        "near": [
            {**_event(line, name, event, timed=timed), "reason": str(reason)}
            for reason in found.reasons
            for event in [event for event, why in found.left_out if why == reason][:near]
        ],
    }


def _event(line: Line, name: str, event: Event, *, timed: bool) -> dict[str, Any]:
    """A row without its keys; personal data only where the feature is about it."""
    feature = _over_rows(line, name)
    source = feature.source
    about = (feature.column,) if isinstance(feature, Attribute) else columns_of(feature)
    hidden = {*feature.by.keys, source.event_time, source.known_time, *source.personal} - {*about}
    others = [other for other in event.row if other not in hidden and other not in about]
    names = [*(column for column in about if column in event.row), *others]
    values = {other: shown(event.row[other], source.columns[other]) for other in names}
    if not timed:
        return {"values": values}
    return {
        "event_time": None if event.time is None else shown_instant(event.time),
        "known_time": None if event.known is None else shown_instant(event.known),
        "values": values,
    }
