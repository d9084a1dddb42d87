"""The kernel where small worlds do not reach: huge spans, many entities, huge numbers, memory in slices."""

from __future__ import annotations

import math
import random
import statistics
from fractions import Fraction

import numpy as np
import pytest

from assembly_line.errors import ValueOutOfRange
from assembly_line.features.kernel import reductions
from assembly_line.features.kernel.point_in_time import DistinctItems, History, TimeIndex, WindowQuery
from assembly_line.features.kernel.reductions import (
    Windows,
    float_sums,
    integer_sums,
    maxima,
    minima,
    stddevs,
)
from assembly_line.features.values.semantics import Sight

ROWS = 200


def windows(seed: int, count: int = 60) -> Windows:
    chance = np.random.default_rng(seed)
    ends = np.sort(chance.integers(0, ROWS + 1, (2, count)), axis=0)
    return Windows(ends[0], ends[1])


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_integers_are_exact_to_the_last_of_64_bits(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    values = [chance.choice([2**62, -(2**62), 2**63 - 1, -(2**63), chance.randint(-9, 9)]) for _ in range(ROWS)]
    asked = windows(seed)
    exact = [sum(values[low:high]) for low, high in zip(asked.low, asked.high, strict=True)]
    fitting = np.array([-(2**63) <= total < 2**63 for total in exact])

    found = integer_sums(np.array(values, np.int64), asked.take(fitting)).as_int64("feature x")

    assert found.tolist() == [total for total, fits in zip(exact, fitting, strict=True) if fits]
    assert not fitting.all()
    with pytest.raises(ValueOutOfRange, match=r"^feature x: a sum exceeds the range of int64"):
        integer_sums(np.array(values, np.int64), asked).as_int64("feature x")


@pytest.mark.parametrize("size", [1.0, 1e300, 1.7e308, 5e-324])
def test_sums_and_means_of_floats_do_not_cancel(size: float) -> None:
    chance = random.Random(1)  # noqa: S311
    values = [chance.choice([size, -size, size / 3, 1.0, 1e-8]) for _ in range(ROWS)]
    asked = windows(1)

    sums, means = float_sums(np.array(values), asked)

    for total, mean, low, high in zip(sums, means, asked.low, asked.high, strict=True):
        exact = sum((Fraction(value) for value in values[low:high]), Fraction(0))
        assert math.isclose(total, as_float(exact), rel_tol=1e-9)
        assert low == high or math.isclose(mean, as_float(exact / int(high - low)), rel_tol=1e-9)


MAGNITUDES = [5e-324, 1e-310, 1e-300, 1e-20, 1.0, 3e17, 1e160, 1e300, 1.7e308]


def whole_range(seed: int) -> list[float]:
    """Numbers of every magnitude; beside each other they are of like magnitude, as those of one entity are, or not."""
    chance = random.Random(seed)  # noqa: S311
    runs = [(chance.choice(MAGNITUDES), chance.choice([1, 3, 10])) for _ in range(ROWS)]
    values = [size * chance.choice([1.0, -1.0, chance.random()]) for size, count in runs for _ in range(count)]
    return values[:ROWS]


@pytest.mark.parametrize("seed", range(8))
def test_sums_and_means_hold_beside_numbers_of_any_magnitude(seed: int) -> None:
    values, asked = whole_range(seed), windows(seed, 100)

    sums, means = float_sums(np.array(values), asked)

    for total, mean, low, high in zip(sums, means, asked.low, asked.high, strict=True):
        exact = sum((Fraction(value) for value in values[low:high]), Fraction(0))
        assert near(total, as_float(exact))
        assert low == high or near(mean, as_float(exact / int(high - low)))
        alone = float_sums(np.array(values[low:high]), Windows(np.array([0]), np.array([high - low])))
        assert (total, mean) == (alone[0][0], alone[1][0])


def near(found: float, exact: float) -> bool:
    return found == exact or abs(found - exact) <= math.ulp(exact)


@pytest.mark.parametrize("rows", [1, 3, 1025, 1029, 5000])
def test_a_mean_of_the_largest_numbers_does_not_overflow(rows: int) -> None:
    largest = float(np.finfo(np.float64).max)

    _, means = float_sums(np.full(rows, -largest), Windows(np.array([0]), np.array([rows])))

    assert near(float(means[0]), -largest)


@pytest.mark.parametrize("seed", range(8))
def test_stddevs_hold_beside_numbers_of_any_magnitude(seed: int) -> None:
    values, asked = whole_range(seed), windows(seed, 30)

    found = stddevs(np.array(values), asked)

    for value, low, high in zip(found, asked.low, asked.high, strict=True):
        if high - low >= 2:
            exact = stddev_of(values[low:high])
            assert near(value, exact) or math.isclose(value, exact, rel_tol=1e-9)


def stddev_of(values: list[float]) -> float:
    """By fractions of the largest of them, so that the root fits in a float."""
    unit = max(map(abs, map(Fraction, values))) or Fraction(1)
    return as_float(Fraction(statistics.stdev(Fraction(value) / unit for value in values)) * unit)


def test_stddevs_do_not_overflow_on_the_way() -> None:
    values, whole = np.array([1.7e308, -1.7e308, -1.7e308, -1.7e308]), Windows(np.array([0]), np.array([4]))

    assert stddevs(values, whole)[0] == pytest.approx(1.7e308, rel=1e-12)


def as_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@pytest.mark.parametrize(("center", "spread"), [(0.0, 1.0), (1e9, 1e-3), (1e200, 1e190), (1e-200, 1e-210), (7.0, 0.0)])
def test_stddevs_hold_far_from_zero(monkeypatch: pytest.MonkeyPatch, center: float, spread: float) -> None:
    monkeypatch.setattr(reductions, "PAIRS_AT_ONCE", 500)
    chance = random.Random(2)  # noqa: S311
    values = [center + spread * chance.gauss(0, 1) for _ in range(ROWS)]
    asked = windows(2)

    found = stddevs(np.array(values), asked)

    for value, low, high in zip(found, asked.low, asked.high, strict=True):
        if high - low < 2:
            assert math.isnan(value)
        else:
            scale = center or 1.0
            exact = statistics.stdev(Fraction(one) / Fraction(scale) for one in values[low:high])
            assert math.isclose(value, float(exact) * scale, rel_tol=1e-9)


def test_extremes_put_nan_above_all() -> None:
    values = np.array([math.nan, 1.0, math.inf, math.nan])
    asked = Windows(np.array([0, 0, 0, 1, 3]), np.array([1, 2, 4, 3, 4]))

    np.testing.assert_array_equal(minima(values, asked), [math.nan, 1.0, 1.0, 1.0, math.nan])
    np.testing.assert_array_equal(maxima(values, asked), [math.nan, math.nan, math.nan, math.inf, math.nan])


@pytest.mark.parametrize("span", [10, 10**9, 2**61])
def test_positions_are_right_when_entities_and_times_do_not_fit_into_one_key(span: int) -> None:
    chance = np.random.default_rng(3)
    entities, times = chance.integers(0, 50, ROWS), chance.integers(-span, span, ROWS)
    order = np.lexsort((times, entities))
    entities, times = entities[order], times[order]
    asked, at = chance.integers(0, 60, 500), chance.integers(-2 * span, 2 * span, 500)

    for ordered in (True, False):
        shuffled = np.arange(ROWS) if ordered else chance.permutation(ROWS)
        index = TimeIndex(entities[shuffled], times[shuffled], ordered=ordered)
        low, high = index.upto(asked, at - span), index.upto(asked, at)
        for entity, moment, count in zip(asked, at, high - low, strict=True):
            inside = (entities == entity) & (times <= moment) & (times > moment - span)
            assert count == inside.sum()


def test_rows_of_entities_that_nobody_asked_for_are_not_borrowed() -> None:
    """Only a spine that lacks entities shows a leak from the neighbour."""
    codes = np.array([-1, 0, -1, 1, -1])
    times = np.full(5, 5)
    history = History(codes, times)
    query = WindowQuery(np.array([0, 1, 2, -1]), np.full(4, 0), np.full(4, 9), np.full(4, 9))
    sight = Sight(before=0, hold=0)

    assert history.windows(query).sizes.tolist() == [1, 1, 0, 0]
    for rows in (history, History(codes, times, times)):
        assert rows.last_visible(query.entities, query.known_by, sight).tolist() == [0, 1, -1, -1]


def test_distinct_items_at_the_edges_of_time() -> None:
    history = History(np.zeros(4, np.int64), np.array([0, 0, 5, 10]))
    items = DistinctItems(history, np.array([7, 7, 7, 8]), np.array([True, True, True, True]))
    at = np.array([0, 4, 5, 9, 10, 14, 15, 20])
    query = WindowQuery(np.zeros(8, np.int64), at - 5, at, at)

    assert items.count(query, 5).tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert items.count(query, 0).tolist() == [0] * 8
