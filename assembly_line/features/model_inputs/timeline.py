"""When each row was decided and its outcome known, and which rows belong together: all that splitting looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.features.values.columns import Column, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Every array has one entry a row; instants are microseconds since 1970.

    Args:
        times: decision times.
        known: when the outcome was known.
        placed: by which instant a row finds its part: the decision time, or that of the latest row of its unit.
        together: group of each row that must not stand in two parts; None where nothing is kept together.
    """

    times: Integers
    known: Integers
    placed: Integers
    together: Integers | None = None


def timeline_of(
    times: Integers, known: Integers, *, units: Integers | None = None, together: Integers | None = None
) -> Timeline:
    """A timeline in which the rows of a unit go as one: by its latest decision, known when all of it is.

    Args:
        units: code of each row's unit, such as its ranking group.
    """
    if units is None:
        return Timeline(times=times, known=known, placed=times, together=together)
    return Timeline(times=times, known=_latest(units, known), placed=_latest(units, times), together=together)


def codes_of(columns: Sequence[Column]) -> Integers:
    """One code for each combination of values, from 0 on in order of first appearance. A null is like no other row."""
    rows = len(columns[0])
    ranks = np.stack([column.ranks() for column in columns], axis=1)
    absent = ~np.logical_and.reduce([column.valid for column in columns])
    ranks = np.concatenate([ranks, np.where(absent, np.arange(1, rows + 1), 0)[:, np.newaxis]], axis=1)
    _, first, codes = np.unique(ranks, axis=0, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(len(first))
    return place[codes.reshape(rows)]


def named(columns: Mapping[str, Column], names: Sequence[str]) -> list[Column]:
    return [columns[name] for name in names]


def _latest(units: Integers, instants: Integers) -> Integers:
    latest = np.full(int(units.max()) + 1 if len(units) else 0, np.iinfo(np.int64).min, np.int64)
    np.maximum.at(latest, units, instants)
    return latest[units]
