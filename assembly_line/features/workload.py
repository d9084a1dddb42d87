"""What a dataset asks of each source: which features, by which keys, over which columns, how far back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assembly_line.declarations.features import Aggregate, Attribute, Latest, Ratio, SinceLast
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Entity, Source
from assembly_line.features.columns import decimal_scale
from assembly_line.features.semantics import micros_of

Timed = Aggregate | Latest | SinceLast
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimedGroup:
    """Features over the events of one source by one entity: they share one sorted history."""

    source: Source
    keys: Keys
    features: Mapping[str, Timed]

    @property
    def ties(self) -> tuple[str, ...]:
        """Columns that make the order of rows total; needed only where a latest value is asked for."""
        if not any(isinstance(feature, Latest) for feature in self.features.values()):
            return ()
        used = {*self.keys, self.source.event_time, self.source.known_time}
        return tuple(column for column in self.source.columns if column not in used)

    @property
    def columns(self) -> tuple[str, ...]:
        """Value columns to read, in declared order."""
        asked = {getattr(feature, "column", None) for feature in self.features.values()} | set(self.ties)
        return tuple(column for column in self.source.columns if column in asked)

    @property
    def reach(self) -> int | None:
        """Microseconds before a decision that its oldest event may lie; None where there is no bound."""
        spans = [
            feature.window if isinstance(feature, Aggregate) else feature.max_age for feature in self.features.values()
        ]
        bounded = [micros_of(span) for span in spans if span is not None]
        return max(bounded) + 1 if len(bounded) == len(spans) else None


@dataclass(frozen=True, slots=True)
class StaticGroup:
    """Attributes from one static source by one entity."""

    source: Source
    keys: Keys
    features: Mapping[str, Attribute]

    @property
    def columns(self) -> tuple[str, ...]:
        asked = {feature.column for feature in self.features.values()}
        return tuple(column for column in self.source.columns if column in asked)


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything to compute for the features asked, parts of ratios included."""

    features: tuple[str, ...]
    timed: tuple[TimedGroup, ...]
    static: tuple[StaticGroup, ...]
    ratios: Mapping[str, Ratio]


def workload_of(line: Line, features: Iterable[str]) -> Workload:
    """Group the features (names of the line's, in the order of the dataset's columns) by what they read."""
    asked = tuple(features)
    parts = [part for name in asked for part in _parts(line, name)]
    timed: dict[tuple[str, Keys], dict[str, Timed]] = {}
    static: dict[tuple[str, Keys], dict[str, Attribute]] = {}
    ratios: dict[str, Ratio] = {}
    for name in dict.fromkeys((*asked, *parts)):
        feature = line.features[name]
        if isinstance(feature, Ratio):
            ratios[name] = feature
        elif isinstance(feature, Attribute):
            static.setdefault((feature.source.name, keys_of(feature.by)), {})[name] = feature
        else:
            timed.setdefault((feature.source.name, keys_of(feature.by)), {})[name] = feature
    return Workload(
        asked,
        tuple(TimedGroup(line.sources[source], keys, group) for (source, keys), group in timed.items()),
        tuple(StaticGroup(line.sources[source], keys, group) for (source, keys), group in static.items()),
        ratios,
    )


def keys_of(*entities: Entity) -> Keys:
    """Key columns of the entities, in order."""
    return tuple(key for entity in entities for key in entity.keys)


def kind_of(line: Line, name: str) -> str:
    """The type of a feature's values."""
    feature = line.features[name]
    if isinstance(feature, Latest | Attribute):
        return feature.source.columns[feature.column]
    if not isinstance(feature, Aggregate) or feature.kind in ("mean", "stddev"):
        return "float64"
    if feature.column is None or feature.kind == "distinct":
        return "int64"
    kind = feature.source.columns[feature.column]
    scale = decimal_scale(kind)
    return f"decimal(38,{scale})" if feature.kind == "sum" and scale is not None else kind


def source_columns(line: Line, workload: Workload, *, with_outcome: bool) -> dict[str, tuple[str, ...]]:
    """Source -> columns that are read of it, keys and times included, in declared order."""
    needed: dict[str, set[str | None]] = {}

    def need(source: Source, *columns: str | None) -> None:
        needed.setdefault(source.name, set()).update(columns)

    need(line.decision.spine, *line.decision.keys)
    need(line.decision.time.source, line.decision.time.column, *line.decision.time.by.keys)
    for timed in workload.timed:
        need(timed.source, *timed.keys, *timed.columns, timed.source.event_time, timed.source.known_time)
    for static in workload.static:
        need(static.source, *static.keys, *static.columns)
    if with_outcome:
        need(line.outcome.source, *keys_of(*line.outcome.by), line.outcome.source.event_time)
        if line.outcome.until:
            need(line.outcome.until.source, line.outcome.until.column, *line.outcome.until.by.keys)
    return {
        name: tuple(column for column in line.sources[name].columns if column in columns)
        for name, columns in sorted(needed.items())
    }


def _parts(line: Line, name: str) -> tuple[str, ...]:
    feature = line.features[name]
    return (feature.numerator, feature.denominator) if isinstance(feature, Ratio) else ()
