"""Exact sums of many numbers over many windows, from nothing but differences of sums of integers, which are exact.

A number is cut into parts that are small enough for sums of 64 bits; how parts are summed over windows, the caller
says. So a window's sum does not depend on rows outside it, nor on their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assembly_line.errors import ValueOutOfRange
from assembly_line.features.values.columns import Floats, Integers

# Integers of all rows -> their sum over each window.
Totals = Callable[[Integers], Integers]

HALF = 32
LOW_HALF = (1 << HALF) - 1
# Bits of a float64 that are not its exponent or sign.
DIGITS = 53
LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, slots=True)
class IntegerSums:
    """Exact sums as `high * 2**32 + low`, with 0 <= low < 2**32."""

    high: Integers
    low: Integers

    def as_int64(self, place: str) -> Integers:
        """The sums.

        Raises:
            ValueOutOfRange: one does not fit in 64 bits.
        """
        limit = 1 << (HALF - 1)
        if ((self.high < -limit) | (self.high >= limit)).any():
            raise ValueOutOfRange(
                f"{place}: a sum exceeds the range of int64; declare the column as float64, or sum a smaller unit less"
            )
        return self.high * (1 << HALF) + self.low

    def as_float(self) -> Floats:
        return self.high.astype(np.float64) * float(1 << HALF) + self.low.astype(np.float64)


def halves(values: Integers) -> tuple[Integers, ...]:
    """The numbers, or their upper and lower halves where a sum of all of them might leave 64 bits."""
    largest = max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0))))
    return (values >> HALF, values & LOW_HALF) if largest * len(values) >= 1 << 63 else (values,)


def together(sums: tuple[Integers, ...]) -> IntegerSums:
    """Sums of `halves` as one."""
    if len(sums) == 1:
        return IntegerSums(sums[0] >> HALF, sums[0] & LOW_HALF)
    upper, lower = sums
    return IntegerSums(upper + (lower >> HALF), lower & LOW_HALF)


def integer_sums(values: Integers, totals: Totals) -> IntegerSums:
    """The sum of each window."""
    return together(tuple(totals(part) for part in halves(values)))


def float_sums(values: Floats, totals: Totals, sizes: Integers) -> tuple[Floats, Floats]:
    """Sums and means of each window; both 0 where it is empty. NaN and opposite infinities give NaN.

    Args:
        sizes: how many values each window has.
    """
    finite = np.isfinite(values)
    total, exponents = _finite_sums(np.where(finite, values, 0.0), totals, len(sizes))
    with np.errstate(over="ignore"):
        sums, means = np.ldexp(total, exponents), np.ldexp(total / np.maximum(sizes, 1), exponents)
    # A mean lies among its values: only rounding can take it beyond the largest float.
    np.clip(means, -LARGEST, LARGEST, out=means)
    if not finite.all():
        mark_not_finite(values, totals, sums, means)
    return sums, means


def mark_not_finite(values: Floats, totals: Totals, *results: Floats) -> None:
    """Set the results of windows that hold NaN or an infinity."""
    nan, up, down = (
        totals(flags.astype(np.int64)) > 0 for flags in (np.isnan(values), values == np.inf, values == -np.inf)
    )
    for result in results:
        result[up] = np.inf
        result[down] = -np.inf
        result[nan | (up & down)] = np.nan


def _finite_sums(values: Floats, totals: Totals, windows: int) -> tuple[Floats, Integers]:
    """The sum of each window as a float and the power of two that it is multiplied by.

    Each value is an integer times the same power of two. Their digits to the base 2**32 are summed, lowest first.
    Digits of a sum lie around 0, so that those below one that is not 0 weigh half of it at most: added as floats they
    cannot cancel it. Each window has an exponent of its own, so that its sum neither overflows nor underflows on the
    way. Digits begin at multiples of 32 bits, so that values outside a window do not move its digits.
    """
    found, at, carry = np.zeros(windows), np.zeros(windows, np.int64), np.zeros(windows, np.int64)
    fractions, exponents = np.frexp(values)
    there = fractions != 0
    if not there.any():
        return found, at
    whole = np.ldexp(fractions, DIGITS).astype(np.int64)
    lowest = int(exponents[there].min()) // HALF * HALF
    shifts = np.where(there, exponents.astype(np.int64) - lowest, 0)
    # One digit more takes the carry.
    for place in range((int(shifts.max()) + DIGITS) // HALF + 2):
        carry += totals(_digit(whole, shifts - HALF * place))
        digit = ((carry + (1 << (HALF - 1))) & LOW_HALF) - (1 << (HALF - 1))
        carry = (carry - digit) >> HALF
        some = np.flatnonzero(digit)
        found[some] = np.ldexp(found[some], HALF * (at[some] - place)) + digit[some]
        at[some] = place
    return found, at * HALF + (lowest - DIGITS)


def _digit(whole: Integers, shifts: Integers) -> Integers:
    """The lowest 32 bits of each number after it was shifted to the left, with its sign."""
    magnitude = np.abs(whole)
    left, right = np.clip(shifts, 0, HALF), np.clip(-shifts, 0, 63)
    return np.sign(whole) * np.where(
        shifts >= 0, (magnitude & (LOW_HALF >> left)) << left, magnitude >> right & LOW_HALF
    )
