"""Held-out decisions in parts: by the values of declared columns, and by time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from assembly_line.instants import from_micros
from assembly_line.metrics import METRICS, intervals
from assembly_line.outcome_kinds import Answer, Measure, OutcomeKind, Ranking, Truth
from assembly_line.training.validation.ranks import places_of

# Always there, beside the declared ones. No feature or key has this name.
TIME = "decision_time"
MISSING = "missing"
OTHERS = "others"
KNOWN = "known"
MOST_PARTS = 12
PARTS = 4
DRAWS = 400
# Of fewer a bootstrap's interval is far too narrow: parts would be worse or better by chance.
LEAST_CLUSTERS = 10

# Names of the parts in order, and the place of the one that each row is in.
Parts = tuple[list[str], list[int]]


@dataclass(frozen=True, slots=True)
class _Quarter:
    """The least and the greatest value as they are shown, and how many rows."""

    low: str
    high: str
    rows: int


@dataclass(frozen=True, slots=True)
class _Rows:
    answers: list[Answer]
    outcomes: list[Truth]
    clusters: list[object]


def parts_of(values: Sequence[Any], *, least_rows: int, by_value: bool) -> Parts:
    """The parts of a column, and the one that each row belongs to.

    Args:
        values: of one column, None where missing.
        least_rows: of a part that is named by its value. The lowest and the highest quarter have a name without their
            outer end, where they hold more than one value or fewer rows.
        by_value: each value is a part, the commonest ones first, and the rest together are `others`; else quarters of
            about equally many rows in ascending order, where equal values stand together.
    """
    return _common(values, least_rows) if by_value else _quarters(values, partial(_inner, least_rows=least_rows))


def parts_of_time(micros: Sequence[int]) -> Parts:
    """Quarters of the held-out decisions in order of time, by the days of their first and last one."""
    return _quarters([from_micros(at) for at in micros], _ranges)


def _common(values: Sequence[Any], least_rows: int) -> Parts:
    texts = [MISSING if value is None else _told(str(value)) for value in values]
    kept = [text for text, rows in Counter(texts).most_common(MOST_PARTS) if rows >= least_rows]
    places = {text: place for place, text in enumerate(kept)}
    return _named([places.get(text, len(kept)) for text in texts], [*kept, OTHERS])


def _told(text: str) -> str:
    """A value as a part's name: in quotes where a part that is made up has this name."""
    return f"'{text}'" if text.strip("'") in (MISSING, OTHERS) else text


def _quarters(values: Sequence[Any], names: Callable[[Sequence[_Quarter]], list[str]]) -> Parts:
    numbers = np.array([_number(value) for value in values], np.float64)
    known = np.isfinite(numbers)
    places = np.full(numbers.size, PARTS)
    places[known] = places_of(numbers[known], PARTS)
    there = np.unique(places[known])
    quarters = [_quarter(values, numbers, np.flatnonzero(places == place)) for place in there]
    # Those that no row is in need no name.
    named = dict(zip(there.tolist(), names(quarters), strict=True))
    return _named(places.tolist(), [*(named.get(place, "") for place in range(PARTS)), MISSING])


def _quarter(values: Sequence[Any], numbers: NDArray[np.float64], rows: NDArray[np.intp]) -> _Quarter:
    low, high = (_shown(values[int(rows[pick(numbers[rows])])]) for pick in (np.argmin, np.argmax))
    return _Quarter(low, high, int(rows.size))


def _ranges(quarters: Sequence[_Quarter]) -> list[str]:
    return [one.low if one.low == one.high else f"{one.low} to {one.high}" for one in quarters]


def _inner(quarters: Sequence[_Quarter], *, least_rows: int) -> list[str]:
    """The edges between quarters alone: the least and the greatest value may be those of one person."""
    names = _ranges(quarters)
    for place, one in enumerate(quarters):
        if one.low == one.high and one.rows >= least_rows:
            continue
        if len(quarters) == 1:
            names[place] = KNOWN
        elif place == 0:
            names[place] = f"up to {one.high}"
        elif place == len(quarters) - 1:
            names[place] = f"{one.low} and above"
    return names


def _named(places: Sequence[int], names: Sequence[str]) -> Parts:
    """Without the parts that no row is in."""
    there = sorted(set(places))
    return [names[place] for place in there], [there.index(place) for place in places]


def _number(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return float(value.toordinal())
    return float("nan") if value is None else float(value)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    return f"{value:.4g}" if isinstance(value, float | Decimal) else str(value)


def by_segment(
    kind: OutcomeKind,
    answers: Sequence[Answer],
    outcomes: Sequence[Truth],
    clusters: Sequence[object],
    segments: Mapping[str, Parts],
    *,
    least_rows: int,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Each measure for each part of each segment.

    Args:
        kind: of the outcome.
        answers, outcomes, clusters: of the held-out decisions, in one order.
        segments: name -> its parts, as `parts_of` finds them.
        least_rows: parts with fewer rows have no figures. Nor has a ranking's segment that cuts groups apart: an order
            of some of a group is another task than that of all.

    Returns:
        segment -> parts. Each has `part`, `rows` and `measures`: measure -> `figure`, `interval`
        (95 %, over the clusters; None of fewer than 10) and `says`, how the interval lies beside the whole holdout's
        figure: `worse`, `better` or `alike`. A figure is None where it is not computable.
    """
    whole = {measure: METRICS[measure.name](answers, outcomes, kind.levels) for measure in kind.measures}
    found: dict[str, list[dict[str, Any]]] = {}
    for name, (parts, of) in segments.items():
        found[name], whole_groups = [], not _cuts_groups(kind, outcomes, of)
        for place, part in enumerate(parts):
            rows = [row for row, there in enumerate(of) if there == place]
            one = _Rows(
                [answers[row] for row in rows], [outcomes[row] for row in rows], [clusters[row] for row in rows]
            )
            told = whole_groups and len(rows) >= least_rows
            measures = _measured(kind, one, whole=whole, seed=seed) if told else {}
            found[name].append({"part": part, "rows": len(rows), "measures": measures})
    return found


def _cuts_groups(kind: OutcomeKind, outcomes: Sequence[Truth], of: Sequence[int]) -> bool:
    if not isinstance(kind, Ranking):
        return False
    pairs = {(group, place) for (_, group), place in zip(cast(Any, outcomes), of, strict=True)}
    return len(pairs) > len({group for group, _ in pairs})


def _measured(
    kind: OutcomeKind,
    rows: _Rows,
    *,
    whole: Mapping[Measure, float | None],
    seed: int,
) -> dict[str, dict[str, Any]]:
    metrics = {measure: METRICS[measure.name] for measure in kind.measures}
    figures = {measure: metric(rows.answers, rows.outcomes, kind.levels) for measure, metric in metrics.items()}
    known = {
        measure.name: metrics[measure].of(rows.answers, rows.outcomes, kind.levels)
        for measure, figure in figures.items()
        if figure is not None
    }
    enough = len(set(rows.clusters)) >= LEAST_CLUSTERS
    limits = intervals(known, rows.clusters, rows=len(rows.outcomes), draws=DRAWS, seed=seed) if enough else {}
    return {
        measure.name: {
            "figure": figure,
            "interval": None if (interval := limits.get(measure.name)) is None else list(interval),
            "says": _beside(measure, interval, whole[measure]),
        }
        for measure, figure in figures.items()
    }


def _beside(measure: Measure, interval: Sequence[float] | None, whole: float | None) -> str:
    if interval is None or whole is None or interval[0] <= whole <= interval[1]:
        return "alike"
    return "better" if (interval[0] > whole) == measure.higher else "worse"
