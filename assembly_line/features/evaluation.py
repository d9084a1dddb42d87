"""Features of decisions from the events of one source for one entity. Both engines call this; it knows neither."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from assembly_line.declarations.features import Aggregate, AggregateKind, Latest, Share, SinceLast, Timed
from assembly_line.declarations.own_functions import OwnFunction
from assembly_line.declarations.predicates import Predicate
from assembly_line.declarations.windows import Window
from assembly_line.features.aggregates import Values, aggregate_of
from assembly_line.features.columns import Column, Integers, null_column
from assembly_line.features.earlier_items import EarlierItems
from assembly_line.features.facts import in_force, share_of
from assembly_line.features.kernel import Ask, DistinctItems, History, distinct_in
from assembly_line.features.ordering import order_of
from assembly_line.features.own_values import Asked, own_values
from assembly_line.features.predicate_flags import rows_where
from assembly_line.features.reductions import Windows, chunks
from assembly_line.features.released_scripts import Scripts
from assembly_line.features.semantics import Sight, instants_of, micros_of
from assembly_line.features.window_starts import starts_of

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
        selections = _Selections(known, held, _Asks(some, sight), scripts or {})
        return {name: selections.feature(name, feature) for name, feature in features.items()}

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


class _Asks:
    """The questions that the features of one part ask, whichever events they are about."""

    def __init__(self, decisions: Decisions, sight: Sight) -> None:
        self.decisions = decisions
        self.sight = sight
        self.upper = sight.upper(decisions.times)
        self._over: dict[Window, Ask] = {}

    def over(self, window: Window) -> Ask:
        """Events in the window before each decision."""
        if window not in self._over:
            self._over[window] = self._ask(self.sight.window_lower(starts_of(window, self.decisions.times)))
        return self._over[window]

    def within(self, max_age: timedelta | None) -> Ask:
        """Events that are at most so old; all that are seen without a limit."""
        times = self.decisions.times
        if max_age is None:
            return self._ask(np.full(len(times), np.iinfo(np.int64).min))
        return self._ask(self.sight.age_lower(times, micros_of(max_age)))

    def _ask(self, lower: Integers) -> Ask:
        return Ask(self.decisions.entities, lower, self.upper, self.decisions.times)


class _Selections:
    """The features of one part: those about the same events share one history of these events."""

    def __init__(self, history: History, columns: Mapping[str, Column], asks: _Asks, scripts: Scripts) -> None:
        self._history = history
        self._columns = columns
        self._asks = asks
        self._scripts = scripts
        self._evaluations: dict[Predicate | None, _Evaluation] = {}

    def feature(self, name: str, feature: Timed) -> Column:
        place = f"feature {name}"
        if isinstance(feature, OwnFunction):
            windows = self._about(None).windows(feature.window)
            asked = Asked(self._history, self._columns, windows, self._asks.decisions.times)
            return own_values(name, feature, asked, self._scripts)
        if not isinstance(feature, Share):
            return self._about(feature.where).feature(place, feature)
        kind: AggregateKind = "count" if feature.column is None else "sum"
        part, whole = (
            self._about(where).aggregate(place, kind, feature.column, feature.window) for where in (feature.where, None)
        )
        return share_of(part, whole)

    def _about(self, where: Predicate | None) -> _Evaluation:
        """The evaluation over the events that the predicate is true for; of other events nothing is known to it."""
        if where not in self._evaluations:
            chosen = None if where is None else np.flatnonzero(rows_where(where, self._columns))
            history = self._history if chosen is None else self._history.subset(chosen)
            self._evaluations[where] = _Evaluation(history, self._columns, chosen, self._asks)
        return self._evaluations[where]


class _Evaluation:
    """Features about one history. Decisions are sorted by entity and time.

    Args:
        columns: of all rows of the part.
        chosen: which of them the history has; None for all.
    """

    def __init__(self, history: History, columns: Mapping[str, Column], chosen: Integers | None, asks: _Asks) -> None:
        self._history = history
        self._all_columns = columns
        self._chosen = chosen
        self._columns: dict[str, Column] = {}
        self._asks = asks
        self._seen = history.upto(asks.decisions.entities, asks.upper)
        self._windows: dict[Window, Windows] = {}
        self._values: dict[str, Values] = {}
        self._distinct: dict[str, DistinctItems] = {}
        self._earlier: dict[str, EarlierItems] = {}

    def feature(self, place: str, feature: Aggregate | Latest | SinceLast) -> Column:
        if isinstance(feature, Aggregate):
            return self.aggregate(place, feature.kind, feature.column, feature.window)
        ask, times = self._asks.within(feature.max_age), self._asks.decisions.times
        last = self._history.last_known(self._history.between(ask, self._seen), ask.known_by)
        if isinstance(feature, Latest):
            return self._column(feature.column).take(self._in_force(feature, last))
        if not len(self._history.times):
            return null_column("float64", len(last))
        age = (times - self._history.times[np.maximum(last, 0)]) / DAY
        return Column("float64", age, last >= 0)

    def _in_force(self, feature: Latest, last: Integers) -> Integers:
        source = feature.source
        if source.valid_until is None:
            return last
        ends = instants_of(self._column(source.valid_until), zone=source.zone, edge="end")
        return in_force(last, ends, self._asks.decisions.times)

    def windows(self, window: Window) -> Windows:
        """Rows of each decision's trailing window, known or not."""
        if window not in self._windows:
            self._windows[window] = self._history.between(self._asks.over(window), self._seen)
        return self._windows[window]

    def aggregate(self, place: str, kind: AggregateKind, name: str | None, window: Window) -> Column:
        """Windows whose rows are all known are answered from the sorted rows; the others row by row."""
        ask = self._asks.over(window)
        windows = self.windows(window)
        column = None if name is None else self._column(name)
        if column is not None and kind in ("first", "last"):
            find = self._history.first_known if kind == "first" else self._history.last_known
            return column.take(find(windows, ask.known_by))
        values = None if name is None else self._values_of(name)
        held = np.flatnonzero(self._history.unknown_inside(windows, ask.known_by))
        # What a window holds that is not yet known must not even be summed: it could exceed its range.
        known = windows.emptied(held)
        whole = aggregate_of(place, kind, values, known, lambda: self._different(name or "", window, ask, known))
        for chosen in chunks(windows.sizes[held]):
            some = held[chosen]
            listed = self._listed(place, kind, column, windows.take(some), ask.take(some))
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

    def _different(self, name: str, window: Window, ask: Ask, windows: Windows) -> Integers:
        """How many different values each window holds: windows of one width faster than those of the calendar."""
        column = self._column(name)
        if isinstance(window, timedelta):
            if name not in self._distinct:
                self._distinct[name] = DistinctItems(self._history, column.sort_keys(), column.valid)
            width = micros_of(window) + self._asks.sight.before - self._asks.sight.hold
            return self._distinct[name].count(ask, width, self._seen)
        if name not in self._earlier:
            self._earlier[name] = EarlierItems(self._history, column)
        return self._earlier[name].count(windows)

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            whole = self._all_columns[name]
            self._columns[name] = whole if self._chosen is None else whole.take(self._chosen)
        return self._columns[name]

    def _values_of(self, name: str) -> Values:
        if name not in self._values:
            self._values[name] = Values(self._column(name))
        return self._values[name]
