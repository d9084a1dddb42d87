"""Features of decisions from the events of one source for one entity. Both engines call this; it knows neither."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

import numpy as np

from assembly_line.declarations.features import AggregateKind, OfLatest, Share, Timed, Windowed
from assembly_line.declarations.predicates import Predicate
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.declarations.windows import Window
from assembly_line.features.kernel.aggregates import Values, aggregate_of, counts_column, reduced_column, stddev_of
from assembly_line.features.kernel.as_of import latest_values
from assembly_line.features.kernel.facts import share_of
from assembly_line.features.kernel.point_in_time import DistinctItems, History
from assembly_line.features.kernel.reductions import Windows, chunks
from assembly_line.features.kernel.sightings import Items, items_of
from assembly_line.features.kernel.udf_values import Asked, udf_values
from assembly_line.features.kernel.watching import ValuesSeen, Watch
from assembly_line.features.kernel.window_queries import Decisions, Rows, WindowQueries
from assembly_line.features.model.workload import columns_of
from assembly_line.features.values.columns import Column, Integers, concatenated, null_column
from assembly_line.features.values.predicate_flags import rows_where
from assembly_line.features.values.released_scripts import Scripts
from assembly_line.features.values.semantics import Sight, micros_of

# Rows of a part: its arrays of 1 MiB each are worked on within the processor's cache.
PART_ROWS = 1 << 17


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

    Args:
        threads: how many parts, or columns, are worked on at once.
        scripts: of the line's UDFs among the features.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
        FeatureFunctionFailed: a UDF does not keep its contract.
    """
    history = History.of(rows)
    latest = {name: feature for name, feature in features.items() if isinstance(feature, OfLatest)}
    others = {name: feature for name, feature in features.items() if not isinstance(feature, OfLatest)}
    found = latest_values(latest, history, decisions, rows, sight, threads=threads) if latest else {}
    if others:
        found |= _over_windows(others, history, decisions, rows, sight, threads=threads, scripts=scripts or {})
    return {name: found[name] for name in features}


def _over_windows(
    features: Mapping[str, Windowed],
    history: History,
    asked: Decisions,
    rows: Rows,
    sight: Sight,
    *,
    threads: int,
    scripts: Scripts,
) -> dict[str, Column]:
    """Value of each feature for each decision.

    Sorted rows and decisions are cut into parts of whole entities: a part's arrays stay in the processor's cache, and
    parts are independent.
    """
    names = {name for feature in features.values() for name in columns_of(feature)}
    columns = {name: rows.columns[name].take(history.order) for name in names}
    decisions = asked.in_order

    def answer(part: Part) -> dict[str, Column]:
        some = Decisions(decisions.entities[part.asked] - part.first, decisions.times[part.asked])
        held = {name: column.slice(part.rows.start, part.rows.stop) for name, column in columns.items()}
        known = history.part(part.rows.start, part.rows.stop, first=part.first)
        selections = _Selections(known, held, WindowQueries(some, sight), scripts)
        return {name: selections.feature(name, feature) for name, feature in features.items()}

    first, *others = _parts(history.entities, decisions.entities)
    found = answer(first)
    whole = {name: column.of_length(len(asked.places)) for name, column in found.items()}

    def put_back(part: Part, answers: Mapping[str, Column]) -> None:
        """Answers in the order of the decisions as they were asked."""
        places = asked.places[part.asked]
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


class _Selections:
    """The features of one part: those about the same events share one history of these events."""

    def __init__(
        self, history: History, columns: Mapping[str, Column], queries: WindowQueries, scripts: Scripts
    ) -> None:
        self._history = history
        self._columns = columns
        self._queries = queries
        self._scripts = scripts
        self._evaluations: dict[Predicate | None, _Evaluation] = {}

    def feature(self, name: str, feature: Windowed) -> Column:
        place = f"feature {name}"
        if isinstance(feature, UdfFeature):
            windows = self._about(None).windows(feature.window)
            asked = Asked(self._history, self._columns, windows, self._queries.decisions.times)
            return udf_values(name, feature, asked, self._scripts)
        if not isinstance(feature, Share):
            about = self._about(feature.where)
            return about.aggregate(place, feature.kind, feature.column, feature.window)
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
            self._evaluations[where] = _Evaluation(history, self._columns, chosen, self._queries)
        return self._evaluations[where]


class _Evaluation:
    """Features about one history. Decisions are sorted by entity and time.

    Args:
        columns: of all rows of the part.
        chosen: which of them the history has; None for all.
    """

    def __init__(
        self, history: History, columns: Mapping[str, Column], chosen: Integers | None, queries: WindowQueries
    ) -> None:
        self._history = history
        self._all_columns = columns
        self._chosen = chosen
        self._columns: dict[str, Column] = {}
        self._queries = queries
        self._seen = history.upto(queries.decisions.entities, queries.upper)
        self._windows: dict[Window, Windows] = {}
        self._values: dict[str, Values] = {}
        self._watch = Watch(history, queries)
        self._items: dict[str, Items] = {}
        self._distinct: dict[str, DistinctItems] = {}

    def windows(self, window: Window) -> Windows:
        """Rows of each decision's trailing window, known or not."""
        if window not in self._windows:
            self._windows[window] = self._history.between(self._queries.over(window), self._seen)
        return self._windows[window]

    def aggregate(self, place: str, kind: AggregateKind, name: str | None, window: Window) -> Column:
        if self._history.known is not None:
            return self._seen_of(place, kind, name, window)
        windows = self.windows(window)
        if name is not None and kind in ("first", "last"):
            edge = {"first": windows.low, "last": windows.high - 1}[kind]
            return self._column(name).take(np.where(windows.sizes > 0, edge, -1))
        values = None if name is None else self._values_of(name)
        return aggregate_of(place, kind, values, windows, lambda: self._different(name or "", window))

    def _seen_of(self, place: str, kind: AggregateKind, name: str | None, window: Window) -> Column:
        """Where rows become known at times of their own."""
        sightings = self._watch.over(window)
        if name is None:
            return counts_column(sightings.counts())
        match kind:
            case "distinct":
                return counts_column(sightings.distinct(self._items_of(name)))
            case "stddev":
                return self._stddevs(name, window)
            case "first":
                return self._column(name).take(sightings.first())
            case "last":
                return self._column(name).take(sightings.last())
            case "count" | "sum" | "mean" | "min" | "max":
                return reduced_column(place, kind, ValuesSeen(self._column(name), sightings))
            case _:
                assert_never(kind)

    def _stddevs(self, name: str, window: Window) -> Column:
        """Deviations take the values of a window together: known rows are listed, of so many windows at once."""
        windows, known_by = self.windows(window), self._queries.decisions.times
        parts = [null_column("float64", 0)]
        for chosen in chunks(windows.sizes):
            some = Windows(windows.low[chosen], windows.high[chosen])
            positions, owner = self._history.known_rows(some, known_by[chosen])
            ends = np.cumsum(np.bincount(owner, minlength=len(some.low)))
            rows = Windows(np.concatenate((np.zeros(1, np.int64), ends[:-1])), ends)
            parts.append(stddev_of(Values(self._column(name).take(positions)).over(rows)))
        return concatenated("float64", parts)

    def _different(self, name: str, window: Window) -> Integers:
        """How many different values each window holds: windows of one width faster than those of the calendar."""
        column = self._column(name)
        if isinstance(window, timedelta):
            if name not in self._distinct:
                self._distinct[name] = DistinctItems(self._history, column.sort_keys(), column.valid)
            width = micros_of(window) + self._queries.sight.before - self._queries.sight.hold
            return self._distinct[name].count(self._queries.over(window), width, self._seen)
        return self._watch.over(window).distinct(self._items_of(name))

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            whole = self._all_columns[name]
            self._columns[name] = whole if self._chosen is None else whole.take(self._chosen)
        return self._columns[name]

    def _items_of(self, name: str) -> Items:
        """The items of a column, beside the entities that they are of."""
        if name not in self._items:
            column = self._column(name)
            rows = np.flatnonzero(column.valid)
            self._items[name] = items_of(self._history.entities[rows], column.take(rows).sort_keys(), rows)
        return self._items[name]

    def _values_of(self, name: str) -> Values:
        if name not in self._values:
            self._values[name] = Values(self._column(name))
        return self._values[name]
