"""A consumer of a line's predictions, as declared: who it is, what it gets, and how fresh that must be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from assembly_line.declarations.checks import check_finite, check_name, refuse
from assembly_line.declarations.typed import typed

Actor = Literal["human", "machine"]
Level = Literal["strategic", "tactical", "operational"]
Receives = Literal["predictions", "batches", "both"]
# What every message of a prediction says beside its body, for filters.
CONDITIONS = ("action", "arm", "model")
# The attribute of a probe, which holds the name of the consumer that it is for.
PROBE = "probe"
SCORE = "score"
SCHEMA = "schema"
# SNS compares numbers of this size with five digits behind the point.
GREATEST_SCORE = 1e9
# A filter policy of SNS has at most five attributes, two of which are the line's own; and so many combinations.
MOST_CONDITIONS = 3
MOST_COMBINATIONS = 150
# A queue keeps a message for two weeks. CloudWatch looks at its age every minute.
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=14)
# What a consumer of only one of both does not get.
NOT_RECEIVED: Mapping[str, tuple[str, ...]] = {
    "predictions": ("assembly-line/batch",),
    "batches": ("assembly-line/prediction", "assembly-line/prediction-pointer"),
    "both": (),
}
ABSENT: Mapping[str, Any] = {"exists": False}


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A consumer of the predictions: its filter, its owner, and the freshness that it promises.

    Args:
        name: 1 to 63 letters, digits, `_` or `-`, beginning with a letter. Its queue is found by this name.
        actor: `"human"` or `"machine"`: who acts on the predictions.
        level: `"operational"` for decisions of every day, `"tactical"` for those of weeks, `"strategic"` for those of
            quarters.
        freshness: how long a message may lie in the queue, 1 minute to 14 days. An alarm tells when one lies longer.
            None promises nothing.
        backlog: how many messages may lie in the queue. An alarm tells when there are more. None sets no limit.
        owner: who answers for the consumer, for people.
        where: `"action"`, `"arm"`, `"model"` (the run that trained it) or a column of `Delivery(segments=...)` -> the
            values that the consumer gets, such as `{"action": ("remind",)}`.
        score: the lowest and the highest score that the consumer gets, both included. None is no bound.
        receives: `"predictions"`, `"batches"` or `"both"`. A batch is announced by one message, once its files are
            whole.
    """

    name: str
    actor: Actor = "machine"
    level: Level = "operational"
    freshness: timedelta | None = None
    backlog: int | None = None
    owner: str | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    score: tuple[float | None, ...] = (None, None)
    receives: Receives = "predictions"

    def __post_init__(self) -> None:
        check_name("Subscriber", self.name)
        place = f"Subscriber {self.name}"
        if self.freshness is not None:
            whole = self.freshness == timedelta(seconds=self.freshness // timedelta(seconds=1))
            _expect(
                whole and SHORTEST <= self.freshness <= LONGEST,
                f"{place}: freshness",
                str(self.freshness),
                "whole seconds, 1 minute to 14 days",
            )
        if self.backlog is not None:
            _expect(self.backlog >= 1, f"{place}: backlog", str(self.backlog), "at least 1")
        for name, values in self.where.items():
            told = f"{place}: where[{name!r}]"
            _expect(bool(values) and all(values), told, repr(values), "at least one value, and none that is empty")
            _expect(len(set(values)) == len(values), told, repr(values), "each value once")
        self._check_score(f"{place}: score")
        conditions = len(self.where) + (self.score != (None, None))
        _expect(
            conditions <= MOST_CONDITIONS,
            f"{place}: where and score",
            f"{conditions} conditions",
            f"at most {MOST_CONDITIONS}, because SNS filters by no more",
        )
        combinations = math.prod(map(len, self.filter_policy().values()))
        _expect(
            combinations <= MOST_COMBINATIONS,
            f"{place}: where",
            f"{combinations} combinations of values",
            f"at most {MOST_COMBINATIONS}, because SNS filters by no more",
        )

    def _check_score(self, place: str) -> None:
        _expect(len(self.score) == 2, place, repr(self.score), "two bounds, such as (0.5, None)")
        for bound in self.score:
            if bound is not None:
                check_finite(place, bound)
                _expect(abs(bound) <= GREATEST_SCORE, place, repr(bound), f"at most {GREATEST_SCORE:.0e} in size")
                exact = round(bound, 5) == bound
                _expect(exact, place, repr(bound), "at most five digits behind the point, as SNS compares")
        low, high = self.score
        _expect(low is None or high is None or low <= high, place, repr(self.score), "the lower bound first")

    def filter_policy(self) -> dict[str, list[Any]]:
        """The filter policy of its subscription, by message attributes.

        Every condition lets a message through that lacks the attribute: a tombstone, or a probe of its own. Probes of
        others never come.
        """
        policy: dict[str, list[Any]] = {PROBE: [dict(ABSENT), self.name]}
        if unwanted := NOT_RECEIVED[self.receives]:
            policy[SCHEMA] = [dict(ABSENT), {"anything-but": list(unwanted)}]
        for name, values in sorted(self.where.items()):
            attribute = name if name in CONDITIONS else segment_attribute(name)
            policy[attribute] = [dict(ABSENT), *values]
        bounds = [part for sign, bound in zip((">=", "<="), self.score, strict=True) if bound is not None
                  for part in (sign, bound)]  # fmt: skip
        if bounds:
            policy[SCORE] = [dict(ABSENT), {"numeric": bounds}]
        return policy

    def takes(self, attributes: Mapping[str, str | bool | int | float]) -> bool:
        """Whether its subscription lets a message with these attributes through, as SNS compares them."""
        policy = self.filter_policy()
        return all(
            any(_matches(attributes[name], condition) for condition in conditions)
            for name, conditions in policy.items()
            if name in attributes
        )


def _matches(value: str | bool | float, condition: Any) -> bool:
    """Whether an attribute that is there fulfils one condition of a filter policy."""
    if isinstance(condition, str):
        return message_text(value) == condition
    if "anything-but" in condition:
        return message_text(value) not in condition["anything-but"]
    if "numeric" in condition:
        given = dict(zip(condition["numeric"][::2], condition["numeric"][1::2], strict=True))
        score = round(float(value), 5)
        return bool(given.get(">=", -math.inf) <= score <= given.get("<=", math.inf))
    return False


def message_text(value: str | bool | float) -> str:
    """The value of an attribute as a text."""
    return value if isinstance(value, str) else str(value).lower()


def segment_attribute(column: str) -> str:
    """The message attribute that holds the value of a key column."""
    return f"segment.{column}"


def _expect(condition: bool, place: str, value: str, expected: str) -> None:
    refuse(not condition, f"{place} is {value}; expected {expected}", where=place, value=value, expected=expected)
