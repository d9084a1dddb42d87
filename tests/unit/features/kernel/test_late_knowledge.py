"""Rows that become known at times of their own, however late: the rules decide, and no row is listed for a decision."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import calendar_days, days, distinct, hours, mean, months, total, weeks
from assembly_line.declarations.lines import Line
from assembly_line.errors import ValueOutOfRange
from assembly_line.features.kernel import point_in_time as kernel
from assembly_line.features.kernel.evaluation import evaluate
from assembly_line.features.kernel.exact_sums import float_sums
from assembly_line.features.kernel.point_in_time import History, TimeIndex
from assembly_line.features.kernel.sightings import Sightings, items_of
from assembly_line.features.kernel.watching import Watch, in_order
from assembly_line.features.kernel.window_queries import Decisions, Rows, WindowQueries
from assembly_line.features.values.columns import Column, Flags, Integers
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.semantics import NEVER, Sight
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import DELAYS, random_world
from tests.unit.features.small_world import LATE, NEW_YORK, USER, SmallLake, Tables, a_line, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
# A world is named by its seed: nothing about it would become simpler by shrinking.
PHASES = (Phase.explicit, Phase.generate)
LINES = st.fixed_dictionaries(
    {
        "calendar": st.sampled_from([calendar_days(2, zone=NEW_YORK), weeks(1, zone="UTC"), months(1, zone=NEW_YORK)]),
        "window": st.sampled_from([hours(1), hours(24), days(3)]),
        "boundary": st.sampled_from(["before", "at_or_before"]),
    }
)


def about_late_rows(line: Line) -> list[str]:
    return [name for name in line.features if name.startswith(("late_", "plan"))]


@pytest.mark.parametrize("delays", DELAYS)
@settings(max_examples=4, phases=PHASES)
@given(parts=LINES, seed=st.integers(0, 10**6), wide=st.booleans())
def test_delays_of_every_kind_give_what_the_rules_say(
    delays: str, parts: dict[str, Any], seed: int, wide: bool
) -> None:
    line, world = a_line(**parts), random_world(seed, wide=wide, delays=delays)
    names = about_late_rows(line)

    assert_equal(line, build(line, world, names), reference.dataset(line, world, names))


def build(line: Line, world: Tables, names: list[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        columns = SmallLake(line, world, Path(place)).build({**ALL, "features": names}, Path(place) / "data.parquet")
        return rows_of(columns)


class Crowd:
    """Rows of a few entities and decisions about them, and by brute force which decision sees which row.

    Args:
        back: windows begin in the order of their decisions, or not.
    """

    def __init__(self, seed: int, *, back: bool) -> None:
        chance = self.chance = np.random.default_rng(seed)
        size = int(chance.choice([0, 1, 40, 400]))
        of_whom, times = np.sort(chance.integers(0, 4, size)), chance.integers(0, 100, size)
        late = chance.choice([-5, 0, 0, 3, 60, 1000], size)
        known = np.where(chance.random(size) < 0.1, NEVER, times + late)
        self.history = History(of_whom, times, known)
        asked = int(chance.choice([1, 30, 300]))
        who, when = chance.integers(-1, 5, asked), chance.integers(-3, 140, asked)
        self.queries = WindowQueries(Decisions(who, when).in_order, Sight(before=1, hold=1))
        decisions = self.queries.decisions
        width = chance.integers(0, 40, asked) if back else 20
        self.lower = decisions.times - width
        happened, entities = self.history.times, self.history.entities
        visible = Sight(before=1, hold=1).seen_from(self.history.times, self.history.known)
        self.sees: Flags = (
            (decisions.entities[:, None] == entities)
            & (visible <= decisions.times[:, None])
            & (happened > self.lower[:, None])
        )

    def sightings(self) -> Sightings:
        return Watch(self.history, self.queries).sightings(self.lower)

    def values(self, choices: list[Any]) -> Any:
        return self.chance.choice(np.array(choices), len(self.history.times))


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_sightings_are_those_of_brute_force(seed: int, back: bool) -> None:
    crowd = Crowd(seed, back=back)
    found, sees = crowd.sightings(), crowd.sees
    flags: Flags = np.asarray(crowd.chance.random(sees.shape[1]) < 0.8)
    seen = [np.flatnonzero(row & flags) for row in sees]
    numbers = crowd.values([2**62, -(2**62), 3, -3, 0])
    items = crowd.values([1, 2, 3, 10**15])
    rows = np.flatnonzero(flags)

    assert found.counts().tolist() == sees.sum(1).tolist()
    assert found.counts(flags).tolist() == [len(some) for some in seen]
    sums = found.integer_sums(numbers, flags)
    exact = [high * 2**32 + low for high, low in zip(sums.high.tolist(), sums.low.tolist(), strict=True)]
    assert exact == [sum(numbers[some].tolist()) for some in seen]
    for greatest, pick in ((True, max), (False, min)):
        extremes = found.extremes(numbers, flags, greatest=greatest).tolist()
        assert [value for value, some in zip(extremes, seen, strict=True) if len(some)] == [
            pick(numbers[some].tolist()) for some in seen if len(some)
        ]
    assert found.first().tolist() == [int(np.flatnonzero(row)[0]) if row.any() else -1 for row in sees]
    assert found.last().tolist() == [int(np.flatnonzero(row)[-1]) if row.any() else -1 for row in sees]
    listed = items_of(crowd.history.entities[rows], items[rows], rows)
    assert found.distinct(listed).tolist() == [len(set(items[some].tolist())) for some in seen]


@pytest.mark.parametrize("size", [1.0, 1e300, 1.7e308, 5e-324])
@pytest.mark.parametrize("seed", range(4))
def test_sums_of_floats_that_become_known_late_do_not_cancel(seed: int, size: float) -> None:
    crowd = Crowd(seed, back=seed % 2 == 0)
    values = crowd.values([size, -size, size / 3, 1.0, 1e-8, 0.1])
    flags = np.ones(len(values), np.bool_)

    sums, means = crowd.sightings().float_sums(values, flags)

    for found, average, row in zip(sums, means, crowd.sees, strict=True):
        exact = sum((Fraction(value) for value in values[row].tolist()), Fraction(0))
        assert math.isclose(found, as_float(exact), rel_tol=1e-12)
        assert not row.any() or math.isclose(average, as_float(exact / int(row.sum())), rel_tol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_sums_of_late_floats_hold_beside_entities_of_any_magnitude(seed: int) -> None:
    crowd = Crowd(seed, back=seed % 2 == 0)
    sizes = np.array([5e-324, 1e-300, 1.0, 1.7e308])[crowd.history.entities]
    values = sizes * crowd.values([1.0, -1.0, 0.7])
    flags = np.ones(len(values), np.bool_)

    sums, means = crowd.sightings().float_sums(values, flags)

    for found, average, row in zip(sums, means, crowd.sees, strict=True):
        exact = sum((Fraction(value) for value in values[row].tolist()), Fraction(0))
        assert near(found, as_float(exact))
        assert not row.any() or near(average, as_float(exact / int(row.sum())))


def near(found: float, exact: float) -> bool:
    return found == exact or abs(found - exact) <= math.ulp(exact)


def as_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_a_sum_of_floats_is_the_nearest_number_to_it_or_the_next(values: list[float]) -> None:
    whole = np.array([len(values)])

    sums, _ = float_sums(np.array(values, np.float64), lambda part: np.array([part.sum()], np.int64), whole)

    assert near(float(sums[0]), as_float(sum(map(Fraction, values), Fraction(0))))


def test_what_is_not_known_yet_is_not_even_summed() -> None:
    """Two sums fit in 64 bits where the decision that saw both rows would not."""
    most = 2**63 - 1
    asked = Decisions(np.zeros(2, np.int64), np.array([hours_in_micros(5), hours_in_micros(30)]))
    rows = rows_known(times=[1, 27], known=[2, 29], n=[most, most])

    found = evaluate({"sum": total(LATE, "n", window=hours(24))}, asked, rows, Sight(before=1, hold=1))

    assert found["sum"].values.tolist() == [most, most]
    seeing_both = Decisions(np.zeros(1, np.int64), np.array([hours_in_micros(30)]))
    with pytest.raises(ValueOutOfRange, match=r"^feature sum: a sum exceeds the range of int64"):
        evaluate({"sum": total(LATE, "n", window=days(3))}, seeing_both, rows, Sight(before=1, hold=1))


def rows_known(*, times: list[int], known: list[int], n: list[int]) -> Rows:
    """Rows of one entity; times in hours."""
    column = Column("int64", np.array(n, np.int64), np.ones(len(n), np.bool_))
    at, later = (np.array(list(map(hours_in_micros, moments)), np.int64) for moments in (times, known))
    return Rows(np.zeros(len(n), np.int64), at, later, {"n": column})


def hours_in_micros(number: int) -> int:
    return number * 3_600_000_000


def test_no_row_is_listed_for_a_decision_however_late_rows_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a busy entity would take its rows times its decisions."""

    def listing(*_: Any) -> Any:
        raise AssertionError("rows were listed")

    monkeypatch.setattr(kernel, "expanded", listing)
    line, world = a_line(), random_world(4, delays="tail")
    names = [name for name in about_late_rows(line) if "deviation" not in name]

    assert_equal(line, build(line, world, names), reference.dataset(line, world, names))


@pytest.mark.parametrize("kind", [distinct, mean])
def test_a_row_known_when_it_happens_is_a_row_without_a_delay(kind: Callable[..., Any]) -> None:
    chance = np.random.default_rng(5)
    entities, times = chance.integers(0, 3, 500), chance.integers(0, 10**6, 500)
    columns = {"n": Column("int64", chance.integers(0, 50, 500), chance.random(500) < 0.9)}
    asked = Decisions(chance.integers(0, 4, 200), chance.integers(0, 10**6, 200))
    features = {"found": kind(LATE, "n", window=hours(1) / 36000, by=USER)}

    late, plain = (
        evaluate(features, asked, Rows(entities, times, known, columns), Sight(before=1, hold=1))["found"]
        for known in (times, None)
    )

    assert late.valid.tolist() == plain.valid.tolist()
    assert late.values[late.valid].tolist() == plain.values[plain.valid].tolist()


def test_entities_between_slices_have_all_rows_of_lesser_ones_before_them() -> None:
    """Codes far apart, times so wide that each entity is searched by itself."""
    entities = np.array([0, 0, 5, 9])
    index = TimeIndex(entities, np.array([0, 2**61, 0, 2**61]), ordered=True)

    assert index.upto(np.array([0, 3, 5, 7, 9, 11]), np.full(6, 1)).tolist() == [1, 2, 3, 3, 3, 4]
    alone = TimeIndex(np.array([7, 7]), np.array([0, 2**61]), ordered=True)
    assert alone.upto(np.array([3, 7, 8]), np.full(3, 1)).tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=40))
def test_rounds_put_windows_in_order_and_leave_out_no_decision(asked: list[tuple[int, int]]) -> None:
    asked.sort(key=lambda one: one[0])
    entities, lower = (np.array([one[place] for one in asked], np.int64) for place in (0, 1))

    rounds = in_order(entities, lower)

    assert sorted(np.concatenate(rounds).tolist()) == list(range(len(asked)))
    for chosen in rounds:
        pairs: Integers = np.stack([entities[chosen], lower[chosen]])
        assert [tuple(pair) for pair in pairs.T.tolist()] == sorted(tuple(pair) for pair in pairs.T.tolist())


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)))
def test_different_values_are_found_in_order(values: list[int]) -> None:
    assert different_values(np.array(values, np.int64)).tolist() == sorted(set(values))
