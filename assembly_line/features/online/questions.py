"""One question to the online table: checked, answered, and rendered for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.online.answering import Items, features_of, needed_keys, sources_read
from assembly_line.features.online.generations import Generation, known_until
from assembly_line.features.online.serving import served
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.plain_values import plain_values, shown, shown_instant
from assembly_line.instants import format_instant, to_micros
from assembly_line.requests import FeaturesRequest

KEY_TYPES = {"int64": int, "string": str, "boolean": bool}
INT64 = np.iinfo(np.int64)


def answer(line: Line, generation: Generation, items: Items, request: FeaturesRequest, *, now: datetime) -> Any:
    """What the API answers: values by feature, and how far they know the world.

    Args:
        line: as the generation's release declares it.
        now: the instant meant if the request names none.

    Raises:
        RequestRefused: an unknown feature or key, a key of another type, or an instant that is not served.
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    features = _features(line, request)
    keys = key_columns(line, features, request.keys)
    at = now if request.at is None else request.at
    times = np.array([to_micros(at)], np.int64)
    found = features_of(line, generation, items, keys=keys, times=times, features=features)
    sources = {name: generation.sources[name] for name in sources_read(line, features)}
    until = known_until(generation, sources)
    return {
        "line": line.name,
        "keys": dict(request.keys),
        "at": format_instant(at),
        "values": {name: shown(plain_values(column)[0], column.kind) for name, column in found.items()},
        "known_until": None if until is None else shown_instant(until),
        "generation": generation.id,
        "release": generation.release,
        "sources": {
            name: {"snapshot": one.snapshot, "newest_event": None if one.newest is None else shown_instant(one.newest)}
            for name, one in sources.items()
        },
    }


def key_columns(line: Line, features: tuple[str, ...], keys: Mapping[str, Any]) -> dict[str, Column]:
    """The keys of one question as columns of one row.

    Raises:
        RequestRefused: a key that the features need is missing, is of another type, or is not the decision's.
    """
    needed = needed_keys(line, features)
    unknown = sorted(keys.keys() - line.decision.keys.keys())
    if unknown:
        raise RequestRefused(
            f"keys: line {line.name} decides by {', '.join(line.decision.keys)}, not by {', '.join(unknown)}",
            where="keys",
            value=", ".join(map(repr, unknown)),
            expected=f"keys of line {line.name}: {', '.join(line.decision.keys)}",
        )
    missing = [name for name in needed if name not in keys]
    if missing:
        raise RequestRefused(
            f"keys: {', '.join(missing)} is missing; these features need {', '.join(needed)}",
            where=f"keys: {', '.join(missing)}",
            value="missing",
            expected=", ".join(needed),
        )
    for name, value in keys.items():
        kind = line.decision.keys[name]
        if value is not None and (type(value) is not KEY_TYPES[kind] or not _fits(value)):
            raise RequestRefused(
                f"keys.{name}: {value!r} is not of type {kind}", where=f"keys.{name}", value=repr(value), expected=kind
            )
    return {name: column_of(kind, [keys[name]]) for name, kind in needed.items()}


def _fits(value: Any) -> bool:
    """Whether an integer has 64 bits, and a text a form in UTF-8."""
    if isinstance(value, str):
        return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
    return bool(INT64.min <= value <= INT64.max)


def _features(line: Line, request: FeaturesRequest) -> tuple[str, ...]:
    offered = served(line)
    asked = offered if request.features is None else tuple(dict.fromkeys(request.features))
    unknown = [repr(name) for name in asked if name not in line.features]
    if unknown:
        raise RequestRefused(
            f"features: line {line.name} has no feature {', '.join(unknown)}; it has {', '.join(line.features)}",
            where="features",
            value=", ".join(map(repr, unknown)),
            expected=f"features of line {line.name}: {', '.join(line.features)}",
        )
    offline = [name for name in asked if name not in offered]
    if offline:
        raise RequestRefused(
            f"features: {', '.join(offline)} cannot be served online, being or resting on a UDF or a view; "
            "a dataset has them",
            where="features",
            value=", ".join(map(repr, offline)),
            expected="features that rest on no UDF or view",
        )
    return asked
