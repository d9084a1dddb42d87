"""Who is decided on at each occasion of a generated spine. In numpy, for both engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assembly_line.declarations.populations import Generated
from assembly_line.errors import RequestRefused
from assembly_line.features.kernel.window_queries import Rows
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.semantics import NEVER, Sight, ends_of, instants_of

MOST_DECISIONS = 100_000_000


@dataclass(frozen=True, slots=True)
class Stays:
    """For how long each row keeps its entity in the population.

    Args:
        first: the earliest decision time at which it does, microseconds; NEVER if there is none.
        end: the decision time, exclusive, until which it does.
    """

    first: Integers
    end: Integers


def stays_of_events(rows: Rows, lookback: int, sight: Sight) -> Stays:
    """An event counts at the decisions that see it, at most `lookback` microseconds old, as a latest value does."""
    return Stays(sight.seen_from(rows.times, rows.known), rows.times + lookback + 1)


def stays_of_facts(generated: Generated, columns: Mapping[str, Column], rows: int) -> Stays:
    """A static row counts from `active_from` until before `active_until`; null leaves a side open."""

    zone = generated.population.zone
    first, end = np.full(rows, -NEVER), np.full(rows, NEVER)
    if generated.active_from is not None:
        begins = instants_of(columns[generated.active_from], zone=zone, edge="end")
        first = np.where(begins.valid, begins.values, first)
    if generated.active_until is not None:
        ends = ends_of(columns[generated.active_until], zone=zone)
        end = np.where(ends.valid, ends.values, end)
    return Stays(first, end)


def members(keys: Mapping[str, Column], stays: Stays, occasions: Integers) -> tuple[dict[str, Column], Integers]:
    """Everybody at every occasion at which a row keeps them in the population, each once.

    Args:
        keys: key columns of the population's rows; a row with a null key is nobody's.
        occasions: decision times, ascending.

    Returns:
        Keys and times of the decisions.

    Raises:
        RequestRefused: they are more than are built.
    """
    low, high = (np.searchsorted(occasions, edge, "left") for edge in (stays.first, stays.end))
    whole = np.logical_and.reduce([column.valid for column in keys.values()])
    rows = np.flatnonzero(whole & (low < high))
    codes, first = _numbered({name: column.take(rows) for name, column in keys.items()})
    span = len(occasions) + 1
    starts, sizes = _united(codes * span + low[rows], codes * span + high[rows])
    total = int(sizes.sum())
    if total > MOST_DECISIONS:
        raise RequestRefused(
            f"from, to: {len(first):,} members of the population at {len(occasions):,} occasions give {total:,} "
            f"decisions, at most {MOST_DECISIONS:,} are built; ask for a shorter period",
            where="from, to",
            value=f"{total:,} decisions",
            expected=f"at most {MOST_DECISIONS:,} decisions",
        )
    places = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(total)
    chosen = rows[first[places // span]]
    return {name: column.take(chosen) for name, column in keys.items()}, occasions[places % span]


def _united(low: Integers, high: Integers) -> tuple[Integers, Integers]:
    """Ranges [low, high) in any order, overlapping, as disjoint ones: where they start and how long they are."""
    if not len(low):
        return low, high
    order = np.argsort(low, kind="stable")
    low, reach = low[order], np.maximum.accumulate(high[order])
    begins = np.flatnonzero(np.append(True, low[1:] > reach[:-1]))
    ends = reach[np.append(begins[1:] - 1, len(low) - 1)]
    return low[begins], ends - low[begins]


def _numbered(keys: Mapping[str, Column]) -> tuple[Integers, Integers]:
    """A number for the keys of each row, and a row of each number."""
    codes = np.zeros(len(next(iter(keys.values()))), np.int64)
    for column in keys.values():
        ranks = column.ranks()
        codes = np.unique(codes * (int(ranks.max(initial=0)) + 1) + ranks, return_inverse=True)[1].reshape(-1)
    return codes, np.unique(codes, return_index=True)[1]
