"""Long series: for each series and origin the outcomes of the steps after it. The steps are the spine's cadence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.features.model_inputs.numbers import numbers_of
from assembly_line.features.model_inputs.targets import Targets, filled, label_targets
from assembly_line.features.model_inputs.timeline import codes_of, named
from assembly_line.features.values.columns import Column, Flags, Floats, Integers
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.instants import DAY_MICROS, format_instant, from_micros
from assembly_line.model_types import Forecasting

HOUR = 3_600_000_000


def forecasting_targets(columns: Mapping[str, Column], facts: Facts, known: Integers, spec: Forecasting) -> Targets:
    """Target k of an origin is the outcome of the decision of its series `gap + k - 1` steps later.

    Origins without any of their steps are left out; so are those that lack some, unless they are kept with nulls.

    Raises:
        RequestRefused: the decisions have no regular cadence, or a series has two at one instant.
    """
    own = label_targets(columns, facts, known)
    keys = named(columns, spec.series or facts.keys)
    times = columns[DECISION_TIME].take(own.rows)
    places = _later_places(codes_of([key.take(own.rows) for key in keys]), steps_of(times.values), spec)
    outcomes = numbers_of(facts.outcome, own.columns[facts.outcome])
    found = places >= 0
    kept = np.flatnonzero(found.all(axis=1) if spec.incomplete == "drop" else found.any(axis=1))
    places, found = places[kept], found[kept]
    values = np.where(found, outcomes[places], np.nan)
    names = [f"{facts.outcome}.{spec.gap + step}" for step in range(1, spec.horizon + 1)]
    rows = own.rows[kept]
    series = {name: column.take(rows) for name, column in zip(spec.series or facts.keys, keys, strict=True)}
    leading = {**series, DECISION_TIME: columns[DECISION_TIME].take(rows)}
    return Targets(
        rows=rows,
        columns={**leading, **_targets(names, values)},
        meanings={
            **dict.fromkeys(series, "key of the series"),
            DECISION_TIME: "the origin: nothing later is in the features",
            **{name: f"the outcome of step {spec.gap + step}" for step, name in enumerate(names, start=1)},
        },
        known=np.where(found, own.known[places], np.iinfo(np.int64).min).max(axis=1),
        positive=None,
        left_out={**own.left_out, "incomplete": len(own.rows) - len(kept)},
    )


def steps_of(times: Integers) -> Integers:
    """The number of each instant in a regular cadence: equal spans, days or months of a zone with its clock changes.

    Raises:
        RequestRefused: there is no such cadence; names the instants where it breaks.
    """
    instants, places = np.unique(times, return_inverse=True)
    if len(instants) < 2:
        return np.zeros(len(times), np.int64)
    spans = np.diff(instants)
    for steps in (_equal(spans), _days(instants), _months(instants)):
        if steps is not None:
            return np.asarray(steps[places.reshape(-1)], np.int64)
    odd = int(np.argmax(spans % spans.min() != 0))
    raise RequestRefused(
        f"model.type: forecasting needs decisions at a regular cadence, but after "
        f"{format_instant(from_micros(int(instants[odd])))} the next are at "
        f"{format_instant(from_micros(int(instants[odd + 1])))}; the shortest span is "
        f"{int(spans.min()) / DAY_MICROS:g} days; "
        "declare a spine with a cadence",
        where="model.type",
        value=repr("forecasting"),
        expected="decisions at a regular cadence",
    )


def _equal(spans: Integers) -> Integers | None:
    base = spans.min()
    return None if (spans % base).any() else np.concatenate([[0], np.cumsum(spans // base)])


def _days(instants: Integers) -> Integers | None:
    """Whole days, give or take the hour by which a zone's clock changes."""
    passed = instants - instants[0]
    days = (passed + DAY_MICROS // 2) // DAY_MICROS
    return _in_units(days) if bool((np.abs(passed - days * DAY_MICROS) <= HOUR).all()) else None


def _months(instants: Integers) -> Integers | None:
    """The same moment of the same day of each month, give or take that hour; a day that a month lacks is its last.

    A moment's day is that of the nearest midnight, so that the midnights of a zone west or east of Greenwich lie in one
    month with their days.
    """
    days = (instants + DAY_MICROS // 2) // DAY_MICROS
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day_of_month = (dates - months).astype(np.int64)
    last_day = ((months + 1).astype("datetime64[D]") - months).astype(np.int64) - 1
    moment = instants - days * DAY_MICROS
    same_day = day_of_month == np.minimum(day_of_month.max(), last_day)
    regular = bool(same_day.all() and (np.abs(moment - moment[0]) <= HOUR).all())
    return _in_units(months.astype(np.int64)) if regular else None


def _in_units(numbers: Integers) -> Integers | None:
    spans = np.diff(numbers)
    base = spans.min()
    return None if base <= 0 or (spans % base).any() else np.asarray((numbers - numbers[0]) // base, np.int64)


def _later_places(series: Integers, steps: Integers, spec: Forecasting) -> NDArray[np.int64]:
    """Row x step of the horizon -> the row that holds its outcome, -1 where there is none."""
    if not len(steps):
        return np.empty((0, spec.horizon), np.int64)
    # Beyond the last step of one series lies room for every step that is asked for, so that no series meets the next.
    width = int(steps.max()) + spec.gap + spec.horizon + 1
    codes = series * width + steps
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    _require_distinct(ordered)
    wanted = codes[:, np.newaxis] + np.arange(spec.gap, spec.gap + spec.horizon)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[place] == wanted, order[place], -1)


def _require_distinct(ordered: Integers) -> None:
    doubled: Flags = ordered[1:] == ordered[:-1]
    if doubled.any():
        raise RequestRefused(
            f"model.series: {int(doubled.sum())} decisions are of the same series at the same instant as another; name "
            "more of the decision's keys, so that a series has one decision at a time",
            where="model.series",
            value=f"{int(doubled.sum())} decisions at the same instant as another of their series",
            expected="one decision of a series at a time",
        )


def _targets(names: list[str], values: Floats) -> dict[str, Column]:
    return {name: filled("float64", values[:, step]) for step, name in enumerate(names)}
