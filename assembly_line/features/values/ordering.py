"""Sorting rows by several integer keys: packed into one 64-bit number where they fit, which is many times faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assembly_line.features.values.columns import Integers

KEY_BITS = 62
FEW = 1 << 16
# So many times a key may step back and still count as nearly in order.
RUNS = 1 << 8
# Of so many values the common unit is looked for first.
SOME = 256


def order_of(keys: Sequence[Integers]) -> Integers:
    """Positions that sort rows by the keys, the most significant first; rows with equal keys in any order."""
    steps_back = int(np.count_nonzero(keys[-1][1:] < keys[-1][:-1]))
    order = None if steps_back else _by_digits(keys)
    if order is not None:
        return order
    packed = packed_keys(keys)
    placed = None if packed is None else _with_places(packed)
    if placed is not None:
        return placed[1]
    order = None if steps_back > RUNS else _by_digits(keys)
    if order is not None:
        return order
    if packed is None:
        widest = max(range(len(keys)), key=lambda place: int(keys[place].max()) - int(keys[place].min()))
        packed = packed_keys([_numbered(key) if place == widest else key for place, key in enumerate(keys)])
    return np.lexsort(list(reversed(keys))) if packed is None else np.argsort(packed)


def _by_digits(keys: Sequence[Integers]) -> Integers | None:
    """As `order_of`, by the few values that all keys but the last have; good where that one is nearly in order.

    Such are events by entity and time, and decisions: the last key is merged from its runs, the others numpy sorts
    stably by their digits.
    """
    *greater, last = keys
    packed = packed_keys(greater) if greater and len(last) else None
    if packed is None or packed.max() >= FEW:
        return None
    digits = packed.astype(np.uint16)
    order = np.argsort(last, kind="stable")
    return np.asarray(order[np.argsort(digits[order], kind="stable")])


def different_values(values: Integers) -> Integers:
    """The different values, in order. numpy 2 looks them up one by one, many times slower than sorting."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _numbered(key: Integers) -> Integers:
    """The key, or if it has few different values, such as times of day by day, their numbers in order."""
    values = different_values(key)
    return np.searchsorted(values, key) if len(values) < FEW else key


def packed_keys(keys: Sequence[Integers]) -> Integers | None:
    """One number a row that compares as the keys do, the most significant first; None if 62 bits do not hold it."""
    packed = np.zeros(len(keys[0]), np.int64)
    if not len(packed):
        return packed
    room = 1
    for key in keys:
        least, greatest = int(key.min()), int(key.max())
        if greatest - least >= 1 << KEY_BITS:
            return None
        steps = key - least
        unit = _unit(steps)
        width = (greatest - least) // unit + 1
        room *= width
        if room >= 1 << KEY_BITS:
            return None
        packed *= width
        packed += steps if unit == 1 else steps // unit
    return packed


def _unit(steps: Integers) -> int:
    """The greatest number that divides them all: of times in whole seconds a second."""
    some = int(np.gcd.reduce(steps[:: max(1, len(steps) // SOME)]))
    return some if some == 1 else max(1, int(np.gcd.reduce(steps)))


def sorted_with_places(keys: Sequence[Integers]) -> tuple[Integers, Integers] | None:
    """Packed keys in order and the position of each, equal keys by position; None if both do not fit in 62 bits."""
    packed = packed_keys(keys)
    return None if packed is None else _with_places(packed)


def _with_places(packed: Integers) -> tuple[Integers, Integers] | None:
    """As `sorted_with_places`. Numbers are sorted, not positions, which is six times faster."""
    bits = max(len(packed) - 1, 0).bit_length()
    if int(packed.max(initial=0)) >= 1 << (KEY_BITS - bits):
        return None
    placed = packed << bits
    placed |= np.arange(len(packed))
    placed.sort()
    return placed >> bits, placed & ((1 << bits) - 1)


def different_rows(keys: Sequence[Integers]) -> tuple[Integers, Integers]:
    """A row of each different combination of keys, in their order, and for each row the number of its combination."""
    packed = packed_keys(keys)
    if packed is not None:
        _, first, places = np.unique(packed, return_index=True, return_inverse=True)
        return first.astype(np.int64), places.astype(np.int64)
    order = np.lexsort(list(reversed(keys)))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(begins) - 1
    return order[begins], places
