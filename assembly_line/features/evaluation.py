"""Feature values of decisions from the rows of one source for one entity. Both engines call this; it knows neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assembly_line.declarations.features import Aggregate, AggregateKind, Latest, SinceLast
from assembly_line.errors import QualityGateFailed
from assembly_line.features.columns import (
    Column,
    Flags,
    Floats,
    Integers,
    concatenated,
    decimal_scale,
    null_column,
)
from assembly_line.features.kernel import Ask, DistinctItems, History, distinct_in
from assembly_line.features.reductions import (
    Windows,
    chunks,
    deviations,
    float_sums,
    integer_sums,
    maxima,
    minima,
)
from assembly_line.features.semantics import Sight, micros_of

Timed = Aggregate | Latest | SinceLast
DAY = 86_400_000_000
SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one source, matched to entities.

    Args:
        entities: code of each row's entity; negative if no decision is about it.
        times: event times in microseconds; rows without one are not here.
        known: known times, NEVER where null; None if the source declares a delay.
        columns: the columns asked for, by name.
        ties: names of columns that break ties between rows of one event and known time, in order.
    """

    entities: Integers
    times: Integers
    known: Integers | None
    columns: Mapping[str, Column]
    ties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions as the kernel sees them: code of the entity (negative for a null key) and decision time."""

    entities: Integers
    times: Integers

    def take(self, chosen: Integers) -> Decisions:
        return Decisions(self.entities[chosen], self.times[chosen])


def evaluate(features: Mapping[str, Timed], decisions: Decisions, rows: Rows, sight: Sight) -> dict[str, Column]:
    """Value of each feature for each decision.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    history = History(rows.entities, rows.times, rows.known, [rows.columns[name].ranks() for name in rows.ties])
    columns = {name: column.take(history.order) for name, column in rows.columns.items()}
    evaluation = _Evaluation(decisions, history, columns, sight)
    return {name: evaluation.feature(name, feature) for name, feature in features.items()}


def attribute_values(
    entities: Integers, codes: Integers, columns: Mapping[str, Column], *, place: str
) -> dict[str, Column]:
    """Facts of static rows for decisions: null where the entity has no row.

    Args:
        entities: code of each decision's entity, negative for a null key.
        codes: code of each static row's entity.
        place: names the source in errors.

    Raises:
        QualityGateFailed: an entity has several rows that disagree, so the fact is ambiguous.
    """
    known = codes >= 0
    rows_of = np.full(max(int(codes.max(initial=-1)), int(entities.max(initial=-1))) + 2, -1, np.int64)
    rows_of[codes[known]] = np.flatnonzero(known)
    for name, column in columns.items():
        ranks = column.ranks()
        clashing = known & (ranks != ranks[rows_of[codes]])
        if clashing.any():
            raise QualityGateFailed(
                f"{place}: column {name}: {len(np.unique(codes[clashing]))} entities have several rows with different "
                "values; a static source states a fact once: load it with one row for each entity"
            )
    # Code -1 looks up the last place, which no entity has.
    found = rows_of[np.where(entities >= 0, entities, len(rows_of) - 1)]
    return {name: column.take(found) for name, column in columns.items()}


def ratio_of(numerator: Column, denominator: Column) -> Column:
    """One number divided by another as float64; null where the denominator is 0 or either is null."""
    above, below = as_float(numerator), as_float(denominator)
    valid = numerator.valid & denominator.valid & (below != 0)
    with np.errstate(all="ignore"):
        values = np.where(valid, above, 0.0) / np.where(valid, below, 1.0)
    return Column("float64", values, valid)


def as_float(column: Column) -> Floats:
    """Numbers as float64; a decimal in its own unit."""
    scale = decimal_scale(column.kind)
    values: Floats = column.values.astype(np.float64)
    return values if not scale else values / 10.0**scale


def happened(decisions: Decisions, until: Integers, rows: Rows) -> Flags:
    """Whether an event lies in (decision time, until], for each decision, known or not."""
    history = History(rows.entities, rows.times)
    ask = Ask(decisions.entities, decisions.times, until, until)
    return np.asarray(history.windows(ask).sizes > 0)


class _Evaluation:
    """The features of one group over one history."""

    def __init__(self, decisions: Decisions, history: History, columns: Mapping[str, Column], sight: Sight) -> None:
        self._decisions = decisions
        self._history = history
        self._columns = columns
        self._sight = sight
        self._distinct: dict[str, DistinctItems] = {}

    def feature(self, name: str, feature: Timed) -> Column:
        if isinstance(feature, Aggregate):
            return self._aggregate(f"feature {name}", feature)
        times = self._decisions.times
        lower = np.full(len(times), np.iinfo(np.int64).min)
        if feature.max_age is not None:
            lower = self._sight.age_lower(times, micros_of(feature.max_age))
        ask = self._ask(lower)
        last = self._history.last_known(self._history.windows(ask), ask.known_by)
        if isinstance(feature, Latest):
            return self._columns[feature.column].take(last)
        if not len(self._history.times):
            return null_column("float64", len(last))
        age = (times - self._history.times[np.maximum(last, 0)]) / DAY
        return Column("float64", age, last >= 0)

    def _ask(self, lower: Integers) -> Ask:
        times = self._decisions.times
        return Ask(self._decisions.entities, lower, self._sight.upper(times), times)

    def _aggregate(self, place: str, feature: Aggregate) -> Column:
        """Windows whose rows are all known are answered from the sorted rows; the others row by row."""
        window = micros_of(feature.window)
        ask = self._ask(self._sight.window_lower(self._decisions.times, window))
        windows = self._history.windows(ask)
        late = self._history.unknown_inside(windows, ask.known_by)
        on_time, held = np.flatnonzero(~late), np.flatnonzero(late)
        column = self._columns[feature.column] if feature.column else None
        width = window + self._sight.before - self._sight.hold

        def trailing(_: Column) -> Integers:
            return self._items(feature.column or "").count(ask.take(on_time), width)

        parts = [_reduce(place, feature.kind, column, windows.take(on_time), trailing)]
        places = [on_time]
        for chosen in chunks(windows.sizes[held]):
            some = held[chosen]
            parts.append(self._listed(place, feature.kind, column, windows.take(some), ask.take(some)))
            places.append(some)
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate(places), kind="stable")
        return concatenated(parts[0].kind, parts).take(order)

    def _listed(self, place: str, kind: AggregateKind, column: Column | None, windows: Windows, ask: Ask) -> Column:
        positions, owner = self._history.known_rows(windows, ask.known_by)
        owners = np.arange(len(windows.low))
        rows = Windows(*(np.searchsorted(owner, owners, side).astype(np.int64) for side in SIDES))

        def listed(items: Column) -> Integers:
            return distinct_in(items.ranks()[items.valid], owner[items.valid], len(owners))

        return _reduce(place, kind, column.take(positions) if column else None, rows, listed)

    def _items(self, name: str) -> DistinctItems:
        if name not in self._distinct:
            column = self._columns[name]
            self._distinct[name] = DistinctItems(self._history, column.ranks(), column.valid)
        return self._distinct[name]


def _reduce(
    place: str, kind: AggregateKind, column: Column | None, windows: Windows, distinct: Callable[[Column], Integers]
) -> Column:
    """One aggregate of each window of rows that count."""
    if column is None or kind == "distinct":
        counts = windows.sizes if column is None else distinct(column)
        return Column("int64", counts, np.ones(len(counts), np.bool_))
    # Nulls are ignored: leave them out, and move the windows accordingly.
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(column.valid, dtype=np.int64)))
    windows = Windows(before[windows.low], before[windows.high])
    column = column.take(np.flatnonzero(column.valid))
    some = windows.sizes > 0
    if kind in ("min", "max"):
        return _extreme(kind, column, windows, some)
    if kind == "stddev":
        return Column("float64", deviations(as_float(column), windows), windows.sizes >= 2)
    if column.kind == "float64":
        sums, means = float_sums(column.values, windows)
        return Column("float64", sums if kind == "sum" else means, some)
    exact = integer_sums(column.values, windows)
    if kind == "sum":
        scale = decimal_scale(column.kind)
        return Column("int64" if scale is None else f"decimal(38,{scale})", exact.as_int64(place), some)
    unit = 10.0 ** (decimal_scale(column.kind) or 0)
    return Column("float64", exact.as_float() / np.maximum(windows.sizes, 1) / unit, some)


def _extreme(kind: AggregateKind, column: Column, windows: Windows, some: Flags) -> Column:
    reduce = minima if kind == "min" else maxima
    if column.kind == "float64":
        return Column("float64", reduce(column.values + 0.0, windows), some)
    if column.kind not in ("string", "boolean"):
        return Column(column.kind, reduce(column.values, windows), some)
    # Strings and booleans are compared by rank, then looked up.
    ranks = column.ranks()
    values = column.take(np.unique(ranks, return_index=True)[1])
    place = np.searchsorted(np.unique(ranks), reduce(ranks, windows))
    return values.take(np.where(some, place, -1))
