"""Sorting rows by several integer keys: packed into one 64-bit number where they fit, which is many times faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assembly_line.features.columns import Integers

KEY_BITS = 62
FEW = 1 << 16


def order_of(keys: Sequence[Integers]) -> Integers:
    """Positions that sort rows by the keys, the most significant first; rows with equal keys in any order."""
    *greater, last = keys
    if greater and len(last) and (last[1:] >= last[:-1]).all():
        # Such as decisions in order of time: few different keys are left, which numpy sorts stably by their digits.
        packed = packed_keys(greater)
        if packed is not None and packed.max() < FEW:
            return np.argsort(packed.astype(np.uint16), kind="stable")
    packed = packed_keys(keys)
    if packed is None:
        widest = max(range(len(keys)), key=lambda place: int(keys[place].max()) - int(keys[place].min()))
        packed = packed_keys([_numbered(key) if place == widest else key for place, key in enumerate(keys)])
    return np.lexsort(list(reversed(keys))) if packed is None else np.argsort(packed)


def _numbered(key: Integers) -> Integers:
    """The key, or if it has few different values, such as times of day by day, their numbers in order."""
    different = np.unique(key)
    return np.searchsorted(different, key) if len(different) < FEW else key


def packed_keys(keys: Sequence[Integers]) -> Integers | None:
    """One number a row that compares as the keys do, the most significant first; None if 62 bits do not hold it."""
    packed = np.zeros(len(keys[0]), np.int64)
    if not len(packed):
        return packed
    room = 1
    for key in keys:
        least, greatest = int(key.min()), int(key.max())
        width = greatest - least + 1
        room *= width
        if room >= 1 << KEY_BITS:
            return None
        packed *= width
        packed += key - least
    return packed


def sorted_with_places(keys: Sequence[Integers]) -> tuple[Integers, Integers] | None:
    """Packed keys in order and the position of each, equal keys by position; None if both do not fit in 62 bits.

    Faster than `order_of`: numbers are sorted, not positions.
    """
    packed = packed_keys(keys)
    bits = max(len(keys[0]) - 1, 0).bit_length()
    if packed is None or int(packed.max(initial=0)) >= 1 << (KEY_BITS - bits):
        return None
    packed <<= bits
    packed |= np.arange(len(packed))
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


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
