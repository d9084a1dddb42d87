"""One question to the online table: checked, answered, and rendered for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.online.answering import Items, features_of, needed_keys, sources_read, timed_sources
from assembly_line.features.online.generations import Generation, PublishedSource, known_until
from assembly_line.features.online.serving import served
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.plain_values import plain_values, shown, shown_instant
from assembly_line.features.values.semantics import EPOCH_DAY
from assembly_line.instants import format_instant, from_micros, to_micros
from assembly_line.requests import FeaturesRequest

KEY_TYPES = {"int64": int, "string": str, "boolean": bool}
INT64 = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineRow:
    """The features of one entity at an instant.

    Args:
        values: feature -> a column of one row.
        sources: what was published of each source behind them.
        empty: names of those that have events, of which none was published.
    """

    at: datetime
    values: Mapping[str, Column]
    sources: Mapping[str, PublishedSource]
    empty: Sequence[str]
    generation: Generation

    @property
    def known_until(self) -> datetime | None:
        """The newest event of the source that lags most; None where no source has any."""
        until = known_until(self.generation, self.sources)
        return None if until is None else from_micros(until)

    def plain(self) -> dict[str, list[Any]]:
        """The values as `read_columns` reads them of a dataset: feature -> one value."""
        return {
            name: [_as_read(value, column.kind) for value in plain_values(column)]
            for name, column in self.values.items()
        }


def row_of(line: Line, generation: Generation, items: Items, request: FeaturesRequest, *, now: datetime) -> OnlineRow:
    """The row that a question is about; arguments and errors as of `answer`."""
    features = _features(line, request)
    keys = key_columns(line, features, request.keys)
    at = now if request.at is None else request.at
    found = features_of(
        line, generation, items, keys=keys, times=np.array([to_micros(at)], np.int64), features=features
    )
    sources = {name: generation.sources[name] for name in sources_read(line, features)}
    empty = [name for name in timed_sources(line, features) if sources[name].newest is None]
    return OnlineRow(at=at, values=found, sources=sources, empty=empty, generation=generation)


def answer(line: Line, generation: Generation, items: Items, request: FeaturesRequest, *, now: datetime) -> Any:
    """What the API answers: values by feature, and how far they know the world.

    Args:
        line: as the generation's release declares it.
        now: the instant meant if the request names none.

    Raises:
        RequestRefused: an unknown feature or key, a key of another type, or an instant that is not served.
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    row = row_of(line, generation, items, request, now=now)
    until = known_until(generation, row.sources)
    return {
        "line": line.name,
        "keys": dict(request.keys),
        "at": format_instant(row.at),
        "values": {name: shown(plain_values(column)[0], column.kind) for name, column in row.values.items()},
        "known_until": None if until is None else shown_instant(until),
        "generation": generation.id,
        "release": generation.release,
        "sources": {
            name: {"snapshot": one.snapshot, "newest_event": None if one.newest is None else shown_instant(one.newest)}
            for name, one in row.sources.items()
        },
    }


def _as_read(value: Any, kind: str) -> Any:
    return EPOCH_DAY + timedelta(days=value) if kind == "date" and value is not None else value


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
