"""A line as JSON and back, losslessly: what a release carries, so that runtime code never imports `lines/`.

Sources and entities are written once and referred to by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from assembly_line.declarations.checks import LEFT_OUT_AT_DEFAULT
from assembly_line.declarations.clock import Refresh
from assembly_line.declarations.decisions import Decision, Policy
from assembly_line.declarations.delivery.delivery import DecideNow, Delivery
from assembly_line.declarations.delivery.due import Due
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.entities import Entity
from assembly_line.declarations.explore.tables import AggregateTable, Measure
from assembly_line.declarations.explore.wide_tables import WideTable
from assembly_line.declarations.features import Aggregate, Latest, Share, SinceLast, StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.populations import CalendarCadence, FixedCadence, Generated
from assembly_line.declarations.predicates import AllOf, Among, AnyOf, Comparison, IsNull, Negation
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.declarations.quality import (
    AllowLeak,
    Between,
    Fresh,
    Nulls,
    OneOf,
    Predictive,
    Unique,
    Volume,
)
from assembly_line.declarations.sampling import Sampling
from assembly_line.declarations.sources import Source
from assembly_line.declarations.training.retention import Retention
from assembly_line.declarations.training.reviews import Review
from assembly_line.declarations.training.training import Training
from assembly_line.declarations.training.tuning import CategoricalRange, ContinuousRange, IntegerRange, Tuning
from assembly_line.declarations.training.validation import Validation
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.declarations.windows import CalendarWindow
from assembly_line.errors import DeclarationError
from assembly_line.instants import MICROSECOND, format_instant

# Releases and the ids of datasets keep the names that these classes had at first.
STORED_NAMES: dict[type[Any], str] = {StaticFeature: "Attribute", UdfFeature: "OwnFunction"}


def stored_name(kind: type[Any]) -> str:
    """The name of a declared class in JSON."""
    return STORED_NAMES.get(kind, kind.__name__)


VALUES: dict[str, type[Any]] = {
    stored_name(kind): kind
    for kind in (
        Aggregate,
        AggregateTable,
        AllOf,
        AllowLeak,
        Among,
        AnyOf,
        Between,
        CalendarCadence,
        CalendarWindow,
        CategoricalRange,
        Comparison,
        ContinuousRange,
        DecideNow,
        Decision,
        Delivery,
        Due,
        Expression,
        FixedCadence,
        Fresh,
        Generated,
        IntegerRange,
        IsNull,
        Latest,
        Line,
        Measure,
        Negation,
        Nulls,
        OneOf,
        Outcome,
        Policy,
        Predictive,
        Preprocessing,
        Ratio,
        Refresh,
        Retention,
        Review,
        Sampling,
        Share,
        SinceLast,
        StaticFeature,
        Subscriber,
        Training,
        Tuning,
        UdfFeature,
        Unique,
        Validation,
        Volume,
        WideTable,
    )
}


def line_to_json(line: Line) -> dict[str, Any]:
    """The line as plain JSON values; equal lines give equal JSON."""
    return {
        "entities": {name: {"keys": dict(entity.keys)} for name, entity in line.entities.items()},
        "sources": {name: _fields_of(source) for name, source in line.sources.items()},
        "line": _encode(line),
    }


def line_from_json(document: Mapping[str, Any]) -> Line:
    """The line that `line_to_json` wrote, with every check of the declarations run again.

    Raises:
        DeclarationError: the document is not of this form, or holds what only another version of this project knows.
    """
    try:
        entities = {name: Entity(name, content["keys"]) for name, content in document["entities"].items()}
        decoder = _Decoder(entities)
        for name, content in sorted(document["sources"].items(), key=_is_view):
            decoder.sources[name] = decoder.source(content)
        line = decoder.decode(document["line"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeclarationError(f"release: the line's JSON is damaged ({error!r}); publish the line again") from error
    if not isinstance(line, Line):
        raise DeclarationError(f"release: expected a Line, got {type(line).__name__}; publish the line again")
    return line


def subscriber_to_json(subscriber: Subscriber) -> dict[str, Any]:
    """A subscriber by itself, as in the JSON of a line."""
    encoded: dict[str, Any] = _encode(subscriber)
    return encoded


def subscriber_from_json(document: Any) -> Subscriber:
    """The subscriber that `subscriber_to_json` wrote.

    Raises:
        DeclarationError: the document is something else.
    """
    try:
        found = _Decoder({}).decode(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeclarationError(f"consumer: its JSON is damaged ({error!r}); add the consumer again") from error
    if not isinstance(found, Subscriber):
        raise DeclarationError(f"consumer: expected a Subscriber, got {type(found).__name__}; add the consumer again")
    return found


def _is_view(entry: tuple[str, Mapping[str, Any]]) -> bool:
    """A view refers to loaded sources, which are read before it."""
    return entry[1].get("sql") is not None


def _fields_of(value: Any) -> dict[str, Any]:
    found = {field: getattr(value, field.name) for field in fields(value)}
    return {
        field.name: _encode(content)
        for field, content in found.items()
        if not (field.metadata == LEFT_OUT_AT_DEFAULT and content == _default(field))
    }


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _encode(value: Any) -> Any:
    if isinstance(value, Entity):
        return {"$entity": value.name}
    if isinstance(value, Source):
        return {"$source": value.name}
    if isinstance(value, timedelta):
        return {"$microseconds": value // MICROSECOND}
    if isinstance(value, datetime):
        return {"$instant": format_instant(value)}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if is_dataclass(value):
        return {"$kind": stored_name(type(value)), **_fields_of(value)}
    if isinstance(value, Mapping):
        # A list of pairs: the order of features is the order of a dataset's columns.
        return {"$pairs": [[key, _encode(content)] for key, content in value.items()]}
    if isinstance(value, tuple):
        return [_encode(content) for content in value]
    return value


class _Decoder:
    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self.entities = entities
        self.sources: dict[str, Source] = {}

    def source(self, content: Mapping[str, Any]) -> Source:
        return Source(**self._known(Source, content))

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(self.decode(content) for content in value)
        if not isinstance(value, dict):
            return value
        match value:
            case {"$entity": name}:
                return self.entities[name]
            case {"$source": name}:
                return self.sources[name]
            case {"$microseconds": number}:
                return timedelta(microseconds=number)
            case {"$instant": text}:
                return datetime.fromisoformat(text)
            case {"$date": text}:
                return date.fromisoformat(text)
            case {"$decimal": text}:
                return Decimal(text)
            case {"$float": text}:
                return float(text)
            case {"$pairs": pairs}:
                return {key: self.decode(content) for key, content in pairs}
            case {"$kind": kind, **content}:
                if kind not in VALUES:
                    raise _of_another_version(kind)
                return VALUES[kind](**self._known(VALUES[kind], content))
        raise ValueError(f"unknown JSON form {sorted(value)}")

    def _known(self, kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
        unknown = content.keys() - {field.name for field in fields(kind)}
        if unknown:
            raise _of_another_version(f"{stored_name(kind)}.{min(unknown)}")
        return {name: self.decode(value) for name, value in content.items()}


def _of_another_version(what: str) -> DeclarationError:
    return DeclarationError(
        f"release: declares {what}, which is not known here: it was published by a newer version than the one that is "
        "deployed; run `line deploy` with that version, or publish the line again with the deployed one"
    )
