"""What a dataset asks of each source: which features, by which keys, over which columns, how far back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from assembly_line.declarations.derived import Derived, Expression, Ratio, with_parts
from assembly_line.declarations.entities import By, key_columns
from assembly_line.declarations.features import (
    Aggregate,
    AggregateKind,
    Latest,
    SinceLast,
    StaticFeature,
    Timed,
    Windowed,
)
from assembly_line.declarations.kinds import kinds_of
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.declarations.udfs import UdfFeature

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimedGroup:
    """Features over the events of one source by the same keys: they share one sorted history."""

    source: Source
    keys: Keys
    features: Mapping[str, Timed]

    @property
    def name(self) -> str:
        """Such as `purchases by household_id`."""
        return f"{self.source.name} by {', '.join(self.keys)}"

    @property
    def ties(self) -> tuple[str, ...]:
        """Columns that make the order of rows total; needed only where single rows or their order matter."""
        if not any(_needs_an_order(feature) for feature in self.features.values()):
            return ()
        used = {*self.keys, self.source.event_time, self.source.known_time}
        return tuple(column for column in self.source.columns if column not in used)

    @property
    def columns(self) -> tuple[str, ...]:
        """Value columns to read, in declared order."""
        asked = {column for feature in self.features.values() for column in columns_of(feature)} | set(self.ties)
        return tuple(column for column in self.source.columns if column in asked)

    @property
    def only_latest(self) -> bool:
        """Whether no feature looks at more than one row for a decision."""
        return not any(isinstance(feature, Windowed) for feature in self.features.values())

    @property
    def reach(self) -> int | None:
        """Microseconds before a decision that its oldest event may lie; None where there is no bound."""
        spans = [_reach_of(feature) for feature in self.features.values()]
        bounded = [span for span in spans if span is not None]
        return max(bounded) + 1 if len(bounded) == len(spans) else None


@dataclass(frozen=True, slots=True)
class StaticGroup:
    """Static features from one source by the same keys."""

    source: Source
    keys: Keys
    features: Mapping[str, StaticFeature]

    @property
    def columns(self) -> tuple[str, ...]:
        asked = {feature.column for feature in self.features.values()}
        return tuple(column for column in self.source.columns if column in asked)


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything to compute for the features asked, parts of ratios and expressions included.

    Args:
        derived: features made of others, each after its parts.
    """

    features: tuple[str, ...]
    timed: tuple[TimedGroup, ...]
    static: tuple[StaticGroup, ...]
    derived: Mapping[str, Derived]

    @property
    def sources(self) -> dict[str, Source]:
        """The sources of the features that are made of rows, by name."""
        timed, static = [group.source for group in self.timed], [group.source for group in self.static]
        return {source.name: source for source in (*timed, *static)}

    @property
    def scripts(self) -> tuple[str, ...]:
        """Scripts of the UDFs among the features, in order of name."""
        features = [feature for group in self.timed for feature in group.features.values()]
        return tuple(sorted({feature.script for feature in features if isinstance(feature, UdfFeature)}))


def workload_of(line: Line, features: Iterable[str]) -> Workload:
    """Group the features (names of the line's, in the order of the dataset's columns) by what they read."""
    asked = tuple(features)
    timed: dict[tuple[str, Keys], dict[str, Timed]] = {}
    static: dict[tuple[str, Keys], dict[str, StaticFeature]] = {}
    derived: dict[str, Derived] = {}
    for name, feature in with_parts(line.features, asked).items():
        if isinstance(feature, Ratio | Expression):
            derived[name] = feature
        elif isinstance(feature, StaticFeature):
            static.setdefault((feature.source.name, keys_of(feature.by)), {})[name] = feature
        else:
            timed.setdefault((feature.source.name, keys_of(feature.by)), {})[name] = feature
    return Workload(
        asked,
        tuple(TimedGroup(line.sources[source], keys, group) for (source, keys), group in timed.items()),
        tuple(StaticGroup(line.sources[source], keys, group) for (source, keys), group in static.items()),
        derived,
    )


def columns_of(feature: Timed) -> tuple[str, ...]:
    """Columns whose values a feature of events rests on, each once: its own, its predicate's, the end of facts."""
    if isinstance(feature, UdfFeature):
        return feature.columns
    own = () if isinstance(feature, SinceLast) or feature.column is None else (feature.column,)
    chosen_by = () if feature.where is None else feature.where.columns
    end = feature.source.valid_until if isinstance(feature, Latest) else None
    return tuple(dict.fromkeys((*own, *chosen_by, *(() if end is None else (end,)))))


def _needs_an_order(feature: Timed) -> bool:
    return isinstance(feature, Latest | UdfFeature) or (
        isinstance(feature, Aggregate) and feature.kind in ("first", "last")
    )


def _reach_of(feature: Timed) -> int | None:
    # Whoever only asks which columns are read starts without numpy.
    from assembly_line.features.values.semantics import micros_of
    from assembly_line.features.values.window_starts import widest

    if isinstance(feature, Windowed):
        return widest(feature.window)
    return None if feature.max_age is None else micros_of(feature.max_age)


def keys_of(by: By) -> Keys:
    """Key columns of the entities, in order, each once."""
    return tuple(key_columns(by))


def kind_of(line: Line, name: str) -> str:
    """The type of a feature's values."""
    return kinds_of(line.features, (name,))[name]


def outcome_group(line: Line, longest: int = 1) -> TimedGroup:
    """The events that outcomes rest on, as features would ask for them at the end of the longest horizon.

    So they are counted, read by parts and cut in time as those of features are; what is computed of them is another
    matter. A decision's own moment here is `longest` microseconds after its horizon begins.
    """
    outcome = line.outcome
    # Whether a decision has an outcome by now is decided before: an event counts by when it happened.
    source = replace(outcome.source, delay=timedelta(0))
    window = timedelta(microseconds=max(longest, 1))
    kind: AggregateKind = "count" if outcome.column is None else "max"
    events = Aggregate(kind=kind, source=source, column=outcome.column, window=window, by=outcome.by[0])
    return TimedGroup(source, keys_of(outcome.by), {outcome.name: events})


def source_columns(line: Line, workload: Workload, *, with_outcome: bool) -> dict[str, tuple[str, ...]]:
    """Loaded source -> columns that are read of it, keys and times included, in declared order."""
    needed: dict[str, set[str | None]] = {}

    def need(source: Source, *columns: str | None) -> None:
        if source.sql is None:
            needed.setdefault(source.name, set()).update(columns)
        # What a SELECT makes of a column only an engine could tell: all of them are read.
        for read in source.inputs:
            needed.setdefault(read.name, set()).update(read.columns)

    need(line.decision.source, *line.decision.keys, *line.decision.columns)
    if isinstance(line.decision.time, StaticFeature):
        need(line.decision.time.source, line.decision.time.column, *keys_of(line.decision.time.by))
    for timed in workload.timed:
        need(timed.source, *timed.keys, *timed.columns, timed.source.event_time, timed.source.known_time)
    for static in workload.static:
        need(static.source, *static.keys, *static.columns)
    if with_outcome and line.outcome.value is not None:
        need(line.outcome.source, *line.outcome.own_columns)
    elif with_outcome:
        need(line.outcome.source, *keys_of(line.outcome.by), line.outcome.source.event_time, line.outcome.column)
        if line.outcome.until:
            need(line.outcome.until.source, line.outcome.until.column, *keys_of(line.outcome.until.by))
    return {
        name: tuple(column for column in line.sources[name].columns if column in columns)
        for name, columns in sorted(needed.items())
    }
