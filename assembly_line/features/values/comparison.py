"""Two datasets held against each other, decision by decision and column by column, by the rule of equality."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assembly_line.features.values.columns import Column, Floats, Integers, decimal_scale
from assembly_line.features.values.dataset_columns import DECISION_ID
from assembly_line.features.values.plain_values import plain_values, shown, unequal

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs; values are ready for JSON."""

    decision_id: str | None
    column: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDifference:
    """How one column differs over the decisions that both have.

    Args:
        differing: how many values differ, nulls on one side included.
        only_first_null, only_second_null: how many of them are null on that side alone.
        largest: the largest absolute difference of two numbers; None if no two numbers differ.
    """

    differing: int
    only_first_null: int
    only_second_null: int
    largest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two datasets.

    Args:
        common: decisions that both have; of a repeated decision the nth is compared with the nth.
        only_first, only_second: ids of decisions that one of them lacks, in its order.
        columns: compared columns that differ.
        examples: the first differences, by decision.
    """

    common: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    columns: Mapping[str, ColumnDifference]
    examples: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        return not (self.only_first or self.only_second or self.columns)


def compare(
    first: Mapping[str, Column],
    second: Mapping[str, Column],
    columns: Sequence[str],
    *,
    rounded: Collection[str] = (),
    examples: int = EXAMPLES,
) -> Comparison:
    """Compare columns of two datasets that both have.

    Args:
        first, second: columns by name, `decision_id` among them.
        columns: names to compare.
        rounded: those of them that may differ by a relative 1e-9: floating sums, means, deviations, ratios.
        examples: how many differing values to keep.
    """
    here, there = _ids(first), _ids(second)
    ours, theirs = _aligned(here, there)
    found: dict[str, ColumnDifference] = {}
    kept: list[tuple[int, Difference]] = []
    for name in columns:
        one, other = first[name].take(ours), second[name].take(theirs)
        places = _differing(one, other, rounded=name in rounded)
        if not len(places):
            continue
        one, other = one.take(places), other.take(places)
        found[name] = _summary(one, other)
        values = ([shown(value, side.kind) for value in plain_values(side.slice(0, examples))] for side in (one, other))
        kept += [
            (int(place), Difference(here[ours[place]][0] or None, name, was, now))
            for place, was, now in zip(places[:examples].tolist(), *values, strict=True)
        ]
    kept.sort(key=lambda pair: pair[0])
    return Comparison(
        common=len(ours),
        only_first=_left(here, ours),
        only_second=_left(there, theirs),
        columns=found,
        examples=tuple(difference for _, difference in kept[:examples]),
    )


Id = tuple[str, int]


def _ids(columns: Mapping[str, Column]) -> list[Id]:
    """Each decision's id with how often it came before."""
    seen: dict[str, int] = {}
    ids = []
    for value in columns[DECISION_ID].values.tolist():
        number = seen.get(value, 0)
        seen[value] = number + 1
        ids.append((value, number))
    return ids


def _aligned(here: Sequence[Id], there: Sequence[Id]) -> tuple[Integers, Integers]:
    """Positions of the decisions that both have, in the order of the first."""
    if here == there:
        return np.arange(len(here)), np.arange(len(here))
    places = {identifier: place for place, identifier in enumerate(there)}
    pairs = [(place, places[identifier]) for place, identifier in enumerate(here) if identifier in places]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _left(ids: Sequence[Id], taken: Integers) -> tuple[str, ...]:
    rest = np.ones(len(ids), np.bool_)
    rest[taken] = False
    return tuple(ids[place][0] for place in np.flatnonzero(rest).tolist())


def _differing(one: Column, other: Column, *, rounded: bool) -> Integers:
    if one.kind == other.kind:
        return np.flatnonzero(unequal(one, other, rounded=rounded))
    # The column was declared otherwise in between: only two nulls are still the same.
    return np.flatnonzero(one.valid | other.valid)


def _summary(one: Column, other: Column) -> ColumnDifference:
    both = one.valid & other.valid
    largest = None
    numbers = _numbers(one), _numbers(other)
    if numbers[0] is not None and numbers[1] is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(numbers[0] - numbers[1])[both]
        apart = apart[np.isfinite(apart)]
        largest = float(apart.max()) if len(apart) else None
    return ColumnDifference(
        differing=len(one),
        only_first_null=int((~one.valid & other.valid).sum()),
        only_second_null=int((one.valid & ~other.valid).sum()),
        largest=largest,
    )


def _numbers(column: Column) -> Floats | None:
    scale = decimal_scale(column.kind)
    if column.kind in ("int64", "float64"):
        return np.asarray(column.values, np.float64)
    return None if scale is None else np.asarray(column.values, np.float64) / 10.0**scale
