"""Features of decisions from the events of one source for one entity. Both engines call this; it knows neither."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assembly_line.declarations.features import Aggregate, AggregateKind, Latest, SinceLast
from assembly_line.declarations.own_functions import OwnFunction
from assembly_line.features.aggregates import Values, aggregate_of
from assembly_line.features.columns import Column, Integers, null_column
from assembly_line.features.kernel import Ask, DistinctItems, History, distinct_in
from assembly_line.features.ordering import order_of
from assembly_line.features.own_values import Asked, own_values
from assembly_line.features.reductions import Windows, chunks
from assembly_line.features.released_scripts import Scripts
from assembly_line.features.semantics import Sight, micros_of

Timed = Aggregate | Latest | SinceLast | OwnFunction
DAY = 86_400_000_000
# Rows of a part: its arrays of 1 MiB each are worked on within the processor's cache.
PART_ROWS = 1 << 17
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


def evaluate(
    features: Mapping[str, Timed],
    decisions: Decisions,
    rows: Rows,
    sight: Sight,
    *,
    threads: int = 1,
    scripts: Scripts | None = None,
) -> dict[str, Column]:
    """Value of each feature for each decision.

    Rows and decisions are sorted by entity and time and cut into parts of whole entities: a part's arrays stay in the
    processor's cache, and parts are independent.

    Args:
        threads: how many parts are worked on at once.
        scripts: of the line's own functions among the features.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
        FeatureFunctionFailed: an own function does not keep its contract.
    """
    history = History(rows.entities, rows.times, rows.known, [rows.columns[name] for name in rows.ties])
    columns = {name: column.take(history.order) for name, column in rows.columns.items()}
    order = order_of([decisions.entities, decisions.times])
    asked = decisions.take(order)

    def answer(part: Part) -> dict[str, Column]:
        some = Decisions(asked.entities[part.asked] - part.first, asked.times[part.asked])
        held = {name: column.slice(part.rows.start, part.rows.stop) for name, column in columns.items()}
        known = history.part(part.rows.start, part.rows.stop, first=part.first)
        evaluation = _Evaluation(some, known, held, sight, scripts or {})
        return {name: evaluation.feature(name, feature) for name, feature in features.items()}

    first, *others = _parts(history.entities, asked.entities)
    found = answer(first)
    whole = {name: column.of_length(len(order)) for name, column in found.items()}

    def put_back(part: Part, answers: Mapping[str, Column]) -> None:
        """Answers in the order of the decisions as they were asked."""
        places = order[part.asked]
        for name, column in answers.items():
            whole[name].values[places] = column.values
            whole[name].valid[places] = column.valid

    put_back(first, found)
    if others:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: put_back(part, answer(part)), others))
    return whole


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive entities: their sorted rows and decisions, and the code of the first."""

    rows: slice
    asked: slice
    first: int


def _parts(entities: Integers, asked: Integers) -> list[Part]:
    """Cut sorted rows and decisions between entities, into parts of about PART_ROWS of the larger of the two."""
    larger = entities if len(entities) >= len(asked) else asked
    number = max(1, len(larger) // PART_ROWS)
    starts = np.unique(larger[[place * len(larger) // number for place in range(1, number)]])
    # A decision without an entity has a negative code: it belongs to the first part.
    starts = starts[starts > 0]
    row_cuts = [0, *np.searchsorted(entities, starts).tolist(), len(entities)]
    asked_cuts = [0, *np.searchsorted(asked, starts).tolist(), len(asked)]
    return [
        Part(slice(*row_cuts[n : n + 2]), slice(*asked_cuts[n : n + 2]), first)
        for n, first in enumerate([0, *starts.tolist()])
    ]


class _Evaluation:
    """The features of one group over one history. Decisions are sorted by entity and time."""

    def __init__(
        self, decisions: Decisions, history: History, columns: Mapping[str, Column], sight: Sight, scripts: Scripts
    ) -> None:
        self._decisions = decisions
        self._history = history
        self._columns = columns
        self._sight = sight
        self._scripts = scripts
        self._upper = sight.upper(decisions.times)
        self._seen = history.upto(decisions.entities, self._upper)
        self._windows: dict[int, Windows] = {}
        self._values: dict[str, Values] = {}
        self._distinct: dict[str, DistinctItems] = {}

    def feature(self, name: str, feature: Timed) -> Column:
        if isinstance(feature, Aggregate):
            return self._aggregate(f"feature {name}", feature)
        if isinstance(feature, OwnFunction):
            windows = self._window(micros_of(feature.window))
            asked = Asked(self._history, self._columns, windows, self._decisions.times)
            return own_values(name, feature, asked, self._scripts)
        times = self._decisions.times
        lower = np.full(len(times), np.iinfo(np.int64).min)
        if feature.max_age is not None:
            lower = self._sight.age_lower(times, micros_of(feature.max_age))
        ask = self._ask(lower)
        last = self._history.last_known(self._history.between(ask, self._seen), ask.known_by)
        if isinstance(feature, Latest):
            return self._columns[feature.column].take(last)
        if not len(self._history.times):
            return null_column("float64", len(last))
        age = (times - self._history.times[np.maximum(last, 0)]) / DAY
        return Column("float64", age, last >= 0)

    def _ask(self, lower: Integers) -> Ask:
        return Ask(self._decisions.entities, lower, self._upper, self._decisions.times)

    def _window(self, window: int) -> Windows:
        """Rows of each decision's trailing window of so many microseconds, known or not."""
        if window not in self._windows:
            ask = self._ask(self._sight.window_lower(self._decisions.times, window))
            self._windows[window] = self._history.between(ask, self._seen)
        return self._windows[window]

    def _aggregate(self, place: str, feature: Aggregate) -> Column:
        """Windows whose rows are all known are answered from the sorted rows; the others row by row."""
        window = micros_of(feature.window)
        ask = self._ask(self._sight.window_lower(self._decisions.times, window))
        windows, name = self._window(window), feature.column
        values = None if name is None else self._values_of(name)
        width = window + self._sight.before - self._sight.hold

        def trailing() -> Integers:
            return self._items(name or "").count(ask, width, self._seen)

        held = np.flatnonzero(self._history.unknown_inside(windows, ask.known_by))
        # What a window holds that is not yet known must not even be summed: it could exceed its range.
        whole = aggregate_of(place, feature.kind, values, windows.emptied(held), trailing)
        column = None if name is None else self._columns[name]
        for chosen in chunks(windows.sizes[held]):
            some = held[chosen]
            listed = self._listed(place, feature.kind, column, windows.take(some), ask.take(some))
            whole.values[some], whole.valid[some] = listed.values, listed.valid
        return whole

    def _listed(self, place: str, kind: AggregateKind, column: Column | None, windows: Windows, ask: Ask) -> Column:
        positions, owner = self._history.known_rows(windows, ask.known_by)
        owners = np.arange(len(windows.low))
        rows = Windows(*(np.searchsorted(owner, owners, side).astype(np.int64) for side in SIDES))
        items = None if column is None else column.take(positions)

        def listed() -> Integers:
            if items is None:
                raise ValueError("distinct takes a column")
            return distinct_in(items.ranks()[items.valid], owner[items.valid], len(owners))

        return aggregate_of(place, kind, None if items is None else Values(items), rows, listed)

    def _values_of(self, name: str) -> Values:
        if name not in self._values:
            self._values[name] = Values(self._columns[name])
        return self._values[name]

    def _items(self, name: str) -> DistinctItems:
        if name not in self._distinct:
            column = self._columns[name]
            self._distinct[name] = DistinctItems(self._history, column.sort_keys(), column.valid)
        return self._distinct[name]
