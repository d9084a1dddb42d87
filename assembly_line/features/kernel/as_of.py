"""As-of joins: for a latest value a decision needs one row of the source, not a window of them.

Rows and decisions are sorted once and each decision's row is found by binary search, as the kernel does. What follows
is less: values are gathered from the rows as they were read, once for each column, and neither sorted nor cut first.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from assembly_line.declarations.features import Latest, OfLatest, SinceLast
from assembly_line.declarations.predicates import Predicate
from assembly_line.features.kernel.facts import in_force
from assembly_line.features.kernel.point_in_time import History
from assembly_line.features.kernel.window_queries import Decisions, Rows, WindowQueries
from assembly_line.features.values.columns import Column, Flags, Integers, null_column
from assembly_line.features.values.predicate_flags import rows_where
from assembly_line.features.values.semantics import Sight, ends_of
from assembly_line.instants import DAY_MICROS


def latest_values(
    features: Mapping[str, OfLatest],
    history: History,
    decisions: Decisions,
    rows: Rows,
    sight: Sight,
    *,
    threads: int,
) -> dict[str, Column]:
    """Value of each feature for each decision.

    Args:
        history: of these rows.
        threads: how many columns are gathered at once.
    """
    join = _Join(history, decisions, rows, sight)
    # Found one after the other, since features share what is found; gathered side by side.
    found = {name: join.latest(feature) for name, feature in features.items()}
    with ThreadPoolExecutor(threads) as pool:
        values = pool.map(lambda name: join.value(features[name], found[name]), found)
        return dict(zip(found, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Found:
    """A row for each decision: its position, or 0 where `valid` says that there is none."""

    rows: Integers
    valid: Flags


class _Join:
    """Decisions beside the latest row that each of them sees."""

    def __init__(self, history: History, decisions: Decisions, rows: Rows, sight: Sight) -> None:
        self._history = history
        self._places, self._times = decisions.places, decisions.times
        self._queries = WindowQueries(decisions.in_order, sight)
        self._rows = rows
        self._histories: dict[Predicate | None, History] = {None: history}
        self._latest: dict[tuple[Predicate | None, timedelta | None], Integers] = {}
        self._found: dict[tuple[Predicate | None, timedelta | None, str | None], _Found] = {}

    def latest(self, feature: OfLatest) -> _Found:
        """The row that a feature's value stands in."""
        end = feature.source.valid_until if isinstance(feature, Latest) else None
        key = (feature.where, feature.max_age, end)
        if key not in self._found:
            rows = self._seen(feature)
            if end is not None:
                ends = ends_of(self._rows.columns[end], zone=feature.source.zone)
                rows = in_force(rows, ends, self._times)
            self._found[key] = _Found(np.maximum(rows, 0), rows >= 0)
        return self._found[key]

    def value(self, feature: OfLatest, found: _Found) -> Column:
        """What the feature says of the row found."""
        if not len(self._rows.times):
            kind = feature.source.columns[feature.column] if isinstance(feature, Latest) else "float64"
            return null_column(kind, len(found.rows))
        if isinstance(feature, SinceLast):
            return Column("float64", (self._times - self._rows.times[found.rows]) / DAY_MICROS, found.valid)
        column = self._rows.columns[feature.column]
        valid = found.valid if column.valid.all() else found.valid & column.valid[found.rows]
        return Column(column.kind, np.take(column.values, found.rows), valid)

    def _seen(self, feature: OfLatest) -> Integers:
        """Position of the latest row that is seen, -1 where there is none, in the order of the decisions."""
        key = (feature.where, feature.max_age)
        if key not in self._latest:
            history = self._about(feature.where)
            last = self._last(history, feature.max_age)
            rows = np.full(len(last), -1)
            there = last >= 0
            rows[self._places[there]] = history.order[last[there]]
            self._latest[key] = rows
        return self._latest[key]

    def _last(self, history: History, max_age: timedelta | None) -> Integers:
        """Place of the latest row in its history, -1 where there is none, in the order of the sorted decisions."""
        query = self._queries.within(max_age)
        last = history.last_visible(query.entities, query.known_by, self._queries.sight)
        if max_age is None or not len(history.times):
            return last
        # Any other row that is visible is older still.
        return np.where(np.take(history.times, np.maximum(last, 0)) > query.lower, last, -1)

    def _about(self, where: Predicate | None) -> History:
        """The rows that the predicate is true for."""
        if where is not None and where not in self._histories:
            chosen = rows_where(where, self._rows.columns)[self._history.order]
            self._histories[where] = self._history.subset(np.flatnonzero(chosen))
        return self._histories[where]
