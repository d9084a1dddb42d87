"""Why two datasets differ: what was asked, what was declared, and what the sources held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.features.model.plans import Input, Plan
from assembly_line.features.wording.wording import in_words

REQUEST = ("purpose", "as_of", "from", "to", "sampling", "release", "semantics")
# What of a line decides about rows and values; its features are told apart one by one.
SECTIONS = ("decision", "outcome")


def changes(first: Plan, second: Plan) -> dict[str, Any]:
    """What changed from the first dataset's plan to the second's, as JSON values; empty where nothing did."""
    return {
        "request": _request(first, second),
        "features": _features(first, second),
        "declarations": {path: pair for path, *pair in _apart("", _declared(first.line), _declared(second.line))},
        "snapshots": _snapshots(first, second),
    }


def _request(first: Plan, second: Plan) -> dict[str, list[Any]]:
    one, other = first.to_json(), second.to_json()
    return {name: [one[name], other[name]] for name in REQUEST if one[name] != other[name]}


def _features(first: Plan, second: Plan) -> dict[str, Any]:
    definitions = [dict(line_to_json(plan.line)["line"]["features"]["$pairs"]) for plan in (first, second)]
    both = [name for name in first.features if name in second.features]
    return {
        "added": [name for name in second.features if name not in first.features],
        "removed": [name for name in first.features if name not in second.features],
        "redefined": {
            name: [in_words(first.line, name), in_words(second.line, name)]
            for name in both
            if definitions[0][name] != definitions[1][name]
        },
    }


def _declared(line: Line) -> dict[str, Any]:
    document = line_to_json(line)
    return {
        **{section: document["line"][section] for section in SECTIONS},
        "sources": document["sources"],
        "entities": document["entities"],
    }


def _snapshots(first: Plan, second: Plan) -> dict[str, Any]:
    found = {}
    for name in sorted({*first.inputs, *second.inputs}):
        one, other = first.inputs.get(name), second.inputs.get(name)
        if one is not None and other is not None and one.snapshot == other.snapshot:
            continue
        before, after = _objects(one), _objects(other)
        found[name] = {
            "first": one.snapshot if one else None,
            "second": other.snapshot if other else None,
            "objects_added": len(after - before),
            "objects_removed": len(before - after),
        }
    return found


def _objects(part: Input | None) -> set[tuple[str, str]]:
    return set() if part is None else {(item.key, item.version) for item in part.objects}


def _apart(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON values differ: dotted path and both values."""
    if one == other:
        return
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        yield path, one, other
        return
    for name in dict.fromkeys((*one, *other)):
        yield from _apart(f"{path}.{name}" if path else name, one.get(name), other.get(name))
