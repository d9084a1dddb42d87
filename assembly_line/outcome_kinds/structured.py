"""Kinds of which one number does not tell all: an order within groups, numbers of several steps, a time to an event."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assembly_line.outcome_kinds.kinds import (
    DECISION_TIME,
    MAE,
    Answer,
    Measure,
    OutcomeKind,
    Prior,
    Truth,
    Value,
    quantile,
)

NDCG = Measure("ndcg", "NDCG", higher=True, constant="mean", ranks=True)
NDCG_AT_CAPACITY = Measure("ndcg_at_capacity", "NDCG at capacity", higher=True, constant="mean", ranks=True)
MASE = Measure("mase", "MASE", higher=False, constant="median")
CONCORDANCE = Measure("concordance", "concordance", higher=True, ranks=True)
INTEGRATED_BRIER = Measure("integrated_brier", "integrated Brier score", higher=False, constant="curve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(OutcomeKind):
    """How relevant each of some decisions is that are ranked against each other.

    Args:
        within: key columns; decisions of one instant with equal values are ranked against each other.
        capacity: share of them that can be acted on.
        present, absent: the two values of an outcome that is there or not; None for a number.
    """

    name = "ranking"
    label_words = "the relevance, a number of at least 0, and the number of the group"
    answer_words = "a number that is higher for the more relevant one of a group"
    needs = "a group whose outcomes differ"
    calibrated = False
    measures = (NDCG, NDCG_AT_CAPACITY)

    within: tuple[str, ...]
    capacity: float
    present: int | None = None
    absent: int | float | None = None

    @property
    def levels(self) -> tuple[float, ...]:
        return (self.capacity,)

    @property
    def targets(self) -> tuple[str, ...]:
        return ("label", "group")

    @property
    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "targets": list(self.targets), "within": list(self.within)}

    def label(self, value: Value, *_beside: Value) -> Any:
        if self.present is not None:
            return int(value == self.present)
        number = float(value)
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"is {value}; expected a relevance, a number of at least 0")
        return number

    @property
    def unit_keys(self) -> tuple[str, ...]:
        return self.within

    def unit(self, decision_time: object, keys: Mapping[str, Any], /) -> tuple[Any, ...]:
        return (decision_time, *(keys[name] for name in self.within))

    def cluster(self, keys: Sequence[str]) -> str:
        del keys
        return self.clusters[0]

    @property
    def clusters(self) -> tuple[str, ...]:
        """No draw parts a group: a part of it has another NDCG than the whole."""
        return (*self.within, DECISION_TIME)

    def truths(
        self, labels: Sequence[Any], units: Sequence[tuple[Any, ...]], _scales: Sequence[float | None], /
    ) -> Sequence[Truth]:
        numbers: dict[tuple[Any, ...], int] = {}
        groups = [numbers.setdefault(unit, len(numbers)) for unit in units]
        return list(zip(labels, groups, strict=True))

    def fields(self, truth: Any) -> str:
        return ",".join(map(str, truth))

    def learnt(self, truths: Sequence[Any], rows: Sequence[int]) -> list[int]:
        return sorted(rows, key=lambda row: truths[row][1])

    def constant(self, truths: Sequence[Any]) -> str | None:
        relevances: dict[float, set[float]] = {}
        for relevance, group in truths:
            relevances.setdefault(group, set()).add(relevance)
        if any(len(found) > 1 for found in relevances.values()):
            return None
        return f"none of {len(relevances)} groups has decisions that differ"

    def prior(self, truths: Sequence[Any]) -> Prior:
        return {"mean": [sum(relevance for relevance, _ in truths) / len(truths)]}

    def told(self, value: int, /) -> str | None:
        if self.present is None:
            return None if value >= 0 else "a whole number of at least 0"
        return None if value in (self.present, self.absent) else f"{self.present} or {self.absent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival(OutcomeKind):
    """How long it takes until something happens, as far as it was observed.

    Args:
        days: by when the probabilities are that it happened; the last is the horizon.
    """

    name = "survival"
    label_words = "the days that were observed, and 1 where the event ended them, else 0"
    answer_words = "the probability that it happened by each quarter of the horizon, which the line puts in order"
    needs = "an event, and a decision that was observed to the end of its horizon"
    calibrated = False
    measures = (CONCORDANCE, INTEGRATED_BRIER)
    ascending = True

    lowest: float | None = 0.0
    highest: float | None = 1.0
    days: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.days)

    @property
    def levels(self) -> tuple[float, ...]:
        return self.days

    @property
    def states(self) -> int:
        return 2

    @property
    def targets(self) -> tuple[str, ...]:
        return ("days", "event")

    @property
    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "targets": list(self.targets), "days": list(self.days)}

    def label(self, value: Value, *beside: Value) -> Any:
        days, event = float(beside[0]), int(value)
        if not (0 < days < math.inf and event in (0, 1)):
            raise ValueError(f"is {value} after {beside[0]} days; expected 0 or 1 after a positive number of days")
        return (days, event)

    def fields(self, truth: Any) -> str:
        return ",".join(map(str, truth))

    def constant(self, truths: Sequence[Any]) -> str | None:
        if not any(event for _, event in truths):
            return f"none of {len(truths)} decisions saw the event"
        longest = max(days for days, _ in truths)
        if longest >= self.days[-1] or all(event for _, event in truths):
            return None
        return f"no decision was observed for longer than {longest:.4g} days, the horizon has {self.days[-1]:g}"

    def counts(self, truths: Sequence[Any], /) -> dict[str, int]:
        return {"events": sum(event for _, event in truths)}

    def prior(self, truths: Sequence[Any]) -> Prior:
        return {"curve": incidence(truths, self.days)}

    def score(self, answer: Answer) -> float:
        return answer[-1]

    def detail(self, answer: Answer, /) -> dict[str, Any] | None:
        return {
            "kind": "survival",
            "score_of": f"{self.days[-1]:g}",
            "survival": {f"{day:g}": 1 - number for day, number in zip(self.days, answer, strict=True)},
        }

    def answer_of(self, prediction: Mapping[str, Any]) -> Answer:
        return tuple(1 - float(prediction["detail"]["survival"][f"{day:g}"]) for day in self.days)

    def told(self, _value: int, /) -> str | None:
        return "an outcome from the source alone, as feedback version 1 says nothing of days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(OutcomeKind):
    """A number of each of some spans that follow one another, such as the sales of the next seven days.

    Args:
        steps: how many spans.
        season: after how many spans a number is likely to come again.
        span: of one step, microseconds.
        keys: key columns; decisions with equal values are one series.
        cut: the step whose number is the score.
    """

    name = "forecasting"
    label_words = "the number of each step, in order"
    answer_words = "one number for each step, in order"
    needs = "outcomes that differ, of series with decisions a season apart"
    calibrated = False
    measures = (MASE, MAE)

    steps: int
    season: int
    span: int
    keys: tuple[str, ...]
    cut: int = 1

    @property
    def width(self) -> int:
        return self.steps

    @property
    def states(self) -> int:
        return self.steps

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(f"step_{step}" for step in range(1, self.steps + 1))

    @property
    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "targets": list(self.targets), "steps": self.steps, "season": self.season}

    @property
    def question(self) -> dict[str, Any]:
        """Without the season, which judges an answer and is no part of it."""
        seconds = self.span / 1e6
        return {"kind": self.name, "steps": self.steps, "step_seconds": seconds, "keys": list(self.keys)}

    def label(self, value: Value, *beside: Value) -> Any:
        numbers = tuple(map(float, (value, *beside)))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"is {', '.join(map(str, (value, *beside)))}; expected finite numbers")
        return numbers

    @property
    def unit_keys(self) -> tuple[str, ...]:
        return self.keys

    def unit(self, decision_time: object, keys: Mapping[str, Any], /) -> tuple[Any, ...]:
        return (decision_time, *(keys[name] for name in self.keys))

    def scales(
        self, labels: Sequence[Any], units: Sequence[tuple[Any, ...]], rows: Sequence[int], /
    ) -> dict[str, float]:
        """The mean distance of a first step from that of a season before."""
        known = {units[row]: labels[row][0] for row in rows}
        found: dict[str, list[float]] = {}
        for (at, *keys), number in known.items():
            before = known.get((at - self.season * self.span, *keys))
            if before is not None:
                found.setdefault(json.dumps(keys), []).append(abs(number - before))
        return {series: sum(apart) / len(apart) for series, apart in found.items() if any(apart)}

    def series(self, keys: Mapping[str, Any], /) -> str:
        return json.dumps([keys[name] for name in self.keys])

    def truths(
        self, labels: Sequence[Any], _units: Sequence[tuple[Any, ...]], scales: Sequence[float | None], /
    ) -> Sequence[Truth]:
        return [(*label, scale or 0.0) for label, scale in zip(labels, scales, strict=True)]

    def fields(self, truth: Any) -> str:
        return ",".join(map(str, truth[:-1]))

    def constant(self, truths: Sequence[Any]) -> str | None:
        if not any(truth[-1] for truth in truths):
            return f"no series of {len(truths)} decisions has learnt ones that are a season apart, and differ"
        return OutcomeKind.constant(self, [truth[0] for truth in truths])

    def prior(self, truths: Sequence[Any]) -> Prior:
        return {"median": [quantile(numbers, 0.5) for numbers in list(zip(*truths, strict=True))[:-1]]}

    def score(self, answer: Answer) -> float:
        return answer[self.cut - 1]

    def detail(self, answer: Answer, /) -> dict[str, Any] | None:
        return {
            "kind": "forecast",
            "score_of": str(self.cut),
            "step_seconds": self.span / 1e6,
            "steps": {str(step): number for step, number in enumerate(answer, 1)},
        }

    def answer_of(self, prediction: Mapping[str, Any]) -> Answer:
        return tuple(float(prediction["detail"]["steps"][str(step)]) for step in range(1, self.steps + 1))

    def judges(self, prediction: Mapping[str, Any], outcome: Sequence[Value]) -> bool:
        """Steps of another length are another question, and have the same names."""
        seconds = self.span / 1e6
        like = OutcomeKind.judges(self, prediction, outcome)
        return like and float(prediction["detail"].get("step_seconds", seconds)) == seconds

    def told(self, _value: int, /) -> str | None:
        return "an outcome from the source alone, as feedback version 1 carries one number only"


def incidence(truths: Sequence[tuple[float, int]], days: Sequence[float]) -> list[float]:
    """The share that saw the event by each of these days, of observations that may end without it.

    Source: Kaplan and Meier (1958), "Nonparametric Estimation from Incomplete Observations", JASA 53.
    """
    ordered = sorted(truths, key=lambda truth: (truth[0], -truth[1]))
    left, survives, curve = len(ordered), 1.0, []
    place = 0
    for day in days:
        while place < len(ordered) and ordered[place][0] <= day:
            survives *= 1 - ordered[place][1] / left
            left, place = left - 1, place + 1
        curve.append(1 - survives)
    return curve
