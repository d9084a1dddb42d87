"""The figures of a dataset's profile: of the whole, and of each feature alone, over time and against the outcome.

Of personal features there are counts only: no value, range, category or mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.lines import Line
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.quality.audit_of_outcome import binary, separation
from assembly_line.features.quality.value_rules import is_number
from assembly_line.features.values.columns import Column, Flags, Floats, Integers
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.plain_values import shown
from assembly_line.features.wording.personal_data import personal_features
from assembly_line.features.wording.wording import in_words
from assembly_line.instants import EPOCH, from_micros

BINS = 20
DECILES = 10
CATEGORIES = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NULL = "no value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Some rows: a bin, a decile, a category or a month. `rate`: share or mean of the outcome, None without one."""

    label: str
    rows: int
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A feature in the decisions of one month (UTC): share of nulls, and mean of its finite numbers."""

    label: str
    rows: int
    nulls: float
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureProfile:
    """One feature.

    Args:
        distinct: how many different values, without null.
        low, high, quantiles, mean: of the finite numbers; None or empty for other types and personal features.
        distribution: bins of a number, or the most frequent values of another type.
        relation: rows and outcome by decile or value, null as a level of its own.
        separation: AUC of the feature alone, either way; None if it cannot be said.
    """

    name: str
    kind: str
    meaning: str
    personal: bool
    rows: int
    nulls: int
    distinct: int
    low: float | None
    high: float | None
    mean: float | None
    quantiles: Mapping[float, float]
    distribution: tuple[Level, ...]
    relation: tuple[Level, ...]
    separation: float | None
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A dataset. `rate`: share of positives, or mean of a numeric outcome; `is_share` tells which of the two."""

    rows: int
    first: str | None
    last: str | None
    outcome: str | None
    rate: float | None
    is_share: bool
    months: tuple[Level, ...]
    features: tuple[FeatureProfile, ...]


def profile_of(line: Line, columns: Mapping[str, Column]) -> Profile:
    """The figures of a dataset as it was written, its features in order."""
    times = columns[DECISION_TIME]
    names = [name for name in line.features if name in columns]
    personal = personal_features(line, names)
    months, labels = months_of(times)
    target, is_share = _target(line, columns)
    beside = _Beside(months, labels, target)
    features = tuple(_feature(line, name, columns[name], beside, personal=name in personal) for name in names)
    seen = times.values[times.valid]
    return Profile(
        rows=len(times),
        first=None if not len(seen) else from_micros(int(seen.min())).date().isoformat(),
        last=None if not len(seen) else from_micros(int(seen.max())).date().isoformat(),
        outcome=None if target is None else line.outcome.name,
        rate=None if target is None else _mean(target.values),
        is_share=is_share,
        months=tuple(_levels(months, labels, target)),
        features=features,
    )


@dataclass(frozen=True, slots=True)
class _Target:
    values: Floats  # NaN where there is none
    positive: Flags | None


@dataclass(frozen=True, slots=True)
class _Beside:
    """What every feature is held against: the month of each decision, and the outcome."""

    months: Integers
    labels: list[str]
    target: _Target | None


def _target(line: Line, columns: Mapping[str, Column]) -> tuple[_Target | None, bool]:
    column = columns.get(line.outcome.name)
    if column is None or not (is_number(column) or column.kind == "boolean"):
        return None, False
    positive = binary(line, column) if column.valid.all() else None
    values = as_float(column) if positive is None else positive.astype(np.float64)
    return _Target(np.where(column.valid, values, np.nan), positive), positive is not None


def months_of(times: Column) -> tuple[Integers, list[str]]:
    """The month of each decision as a place among the labels; labels such as `2017-03`, gaps included."""
    months = times.values.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    if not len(months):
        return months, []
    first = int(months.min())
    labels = [_month(number) for number in range(first, int(months.max()) + 1)]
    return months - first, labels


def _month(number: int) -> str:
    return f"{EPOCH.year + number // 12}-{number % 12 + 1:02}"


def _feature(line: Line, name: str, column: Column, beside: _Beside, *, personal: bool) -> FeatureProfile:
    target = beside.target
    ranks = column.ranks()
    places, level_labels = (ranks, []) if personal else levels_of(column, ranks)
    numbers = _finite(column) if is_number(column) and not personal else np.array([])
    return FeatureProfile(
        name=name,
        kind=column.kind,
        meaning=in_words(line, name),
        personal=personal,
        rows=len(column),
        nulls=int((~column.valid).sum()),
        distinct=len(different_values(ranks[column.valid])),
        low=float(numbers.min()) if len(numbers) else None,
        high=float(numbers.max()) if len(numbers) else None,
        mean=_mean(numbers),
        quantiles=dict(zip(QUANTILES, np.quantile(numbers, QUANTILES).tolist(), strict=True)) if len(numbers) else {},
        distribution=() if personal else _distribution(column, numbers, places, level_labels),
        relation=() if personal or target is None else tuple(_levels(places, level_labels, target)),
        separation=None if target is None or target.positive is None else _separation(column, target.positive),
        months=tuple(_by_month(column, beside, with_mean=is_number(column) and not personal)),
    )


def levels_of(column: Column, ranks: Integers) -> tuple[Integers, list[str]]:
    """Each row's level and the levels' names: deciles of a number with many values, else the most frequent values.

    Null is the last level where there is any.
    """
    valid = np.flatnonzero(column.valid)
    places = np.full(len(column), -1, np.int64)
    different, codes, counts = np.unique(ranks[valid], return_inverse=True, return_counts=True)
    if is_number(column) and len(different) > CATEGORIES:
        places[valid], labels = _deciles(column.take(valid))
    else:
        order = np.argsort(-counts, kind="stable")[:CATEGORIES]
        if is_number(column):
            order = np.sort(order)
        position = np.full(len(different), len(order), np.int64)
        position[order] = np.arange(len(order))
        places[valid] = position[codes]
        firsts = [int(valid[np.argmax(codes == place)]) for place in order.tolist()]
        labels = [_label(column, row) for row in firsts]
        if len(different) > len(order):
            labels.append(f"{len(different) - len(order)} other values")
    if len(valid) < len(column):
        places[places < 0] = len(labels)
        labels.append(NULL)
    return places, labels


def _deciles(column: Column) -> tuple[Integers, list[str]]:
    values = as_float(column)
    with np.errstate(invalid="ignore"):
        edges = np.unique(np.quantile(values[np.isfinite(values)], np.arange(1, DECILES) / DECILES))
    places = np.searchsorted(edges, values, side="left")
    bounds = ["", *(f"{edge:.4g}" for edge in edges)]
    labels = [f"to {bounds[1]}", *(f"to {high}" for high in bounds[2:]), f"above {bounds[-1]}"]
    return places, labels


def _label(column: Column, row: int) -> str:
    value = shown(column.values[row].item() if hasattr(column.values[row], "item") else column.values[row], column.kind)
    if is_number(column):
        return f"{as_float(column)[row]:.6g}"
    return str(value)


def _levels(places: Integers, labels: list[str], target: _Target | None) -> list[Level]:
    found = []
    for place, label in enumerate(labels):
        rows = places == place
        rate = None if target is None else _mean(target.values[rows])
        found.append(Level(label=label, rows=int(rows.sum()), rate=rate))
    return found


def _distribution(column: Column, numbers: Floats, places: Integers, labels: list[str]) -> tuple[Level, ...]:
    if is_number(column) and len(np.unique(numbers)) > CATEGORIES:
        if column.kind == "int64" and np.ptp(numbers) < BINS:  # narrower bins would stand empty between the values
            whole = np.arange(numbers.min(), numbers.max() + 1)
            return tuple(Level(label=f"{one:.4g}", rows=int((numbers == one).sum())) for one in whole)
        counts, edges = np.histogram(numbers, bins=BINS)
        return tuple(
            Level(label=f"{low:.4g} to {high:.4g}", rows=int(rows))
            for rows, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
        )
    return tuple(level for level in _levels(places, labels, None) if level.label != NULL)


def _by_month(column: Column, beside: _Beside, *, with_mean: bool) -> list[Month]:
    found = []
    for place, label in enumerate(beside.labels):
        rows = np.flatnonzero(beside.months == place)
        part = column.take(rows)
        found.append(
            Month(
                label=label,
                rows=len(rows),
                nulls=float((~part.valid).mean()) if len(rows) else 0.0,
                mean=_mean(_finite(part)) if with_mean else None,
            )
        )
    return found


def _finite(column: Column) -> Floats:
    values = as_float(column)[column.valid]
    return np.asarray(values[np.isfinite(values)], np.float64)


def _separation(column: Column, positive: Flags) -> float | None:
    return separation(column, positive) if positive.any() and not positive.all() else None


def _mean(values: NDArray[Any]) -> float | None:
    known = values[~np.isnan(values)] if len(values) else values
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the greatest, or infinite ones of both signs
        return float(known.mean()) if len(known) else None
