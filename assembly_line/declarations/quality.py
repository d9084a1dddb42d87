"""What a dataset must keep to before a model may learn of it. Built by the lower-case functions at the end.

What a line declares stands in the place of the default of the same subject; every other default goes on holding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import check_name, require
from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed

Severity = Literal["error", "warning"]
Value = str | int | float | bool


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The newest event of the source lies at most `within` before the latest decision."""

    source: Source
    within: timedelta
    severity: Severity = "error"

    def __post_init__(self) -> None:
        place = f"fresh({self.source.name})"
        require(not self.source.static, f"{place}: the source is static; its facts carry no time")
        require(self.within > timedelta(0), f"{place}: within {self.within} is not positive")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Nulls:
    """At most this share of a feature's values is null."""

    feature: str
    at_most: float
    severity: Severity = "error"

    def __post_init__(self) -> None:
        check_name("nulls: feature", self.feature)
        require(0 <= self.at_most <= 1, f"nulls({self.feature}): at_most {self.at_most} is outside [0, 1]")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Every value of a feature lies in [low, high]; None leaves a side open. Nulls do not count, NaN breaks it."""

    feature: str
    low: float | None
    high: float | None
    severity: Severity = "error"

    def __post_init__(self) -> None:
        check_name("between: feature", self.feature)
        place = f"between({self.feature})"
        require(self.low is not None or self.high is not None, f"{place}: give low, high, or both")
        for side in (self.low, self.high):
            require(
                side is None or not math.isnan(side),
                f"{place}: {side!r} is not a number that values can be compared with",
            )
        require(
            self.low is None or self.high is None or self.low <= self.high,
            f"{place}: low {self.low} is above high {self.high}",
        )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Every value of a feature is one of these. Nulls do not count."""

    feature: str
    values: tuple[Value, ...]
    severity: Severity = "error"

    def __post_init__(self) -> None:
        check_name("one_of: feature", self.feature)
        require(bool(self.values), f"one_of({self.feature}): values is empty")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """No two rows of a static source share the keys of one of its entities taken together (or these columns)."""

    source: Source
    columns: tuple[str, ...] = ()
    severity: Severity = "error"

    def __post_init__(self) -> None:
        place = f"unique({self.source.name})"
        require(self.source.static, f"{place}: the source has events, and an entity may have many")
        for column in self.columns:
            self.source.check_column(place, column)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that together name a row."""
        return self.columns or tuple(key_columns(self.source.entities))


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many decisions there are, and how far rows and share of positives may lie from earlier datasets.

    Args:
        at_least: fewer rows than this break the rule.
        change_at_most: largest relative change against the median of earlier datasets; None asks nothing of it.
    """

    at_least: int = 1
    change_at_most: float | None = 0.5
    severity: Severity = "error"

    def __post_init__(self) -> None:
        require(self.at_least >= 0, f"volume: at_least {self.at_least} is negative")
        require(
            self.change_at_most is None or self.change_at_most > 0,
            f"volume: change_at_most {self.change_at_most} is not positive",
        )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Predictive:
    """How well one feature may predict the outcome alone: AUC (either way), or |Spearman| for a number as outcome."""

    at_most: float = 0.95
    severity: Severity = "error"

    def __post_init__(self) -> None:
        require(0.5 < self.at_most <= 1, f"predictive: at_most {self.at_most} is outside (0.5, 1]")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class AllowLeak:
    """What the leakage audit finds in this feature does not stop a dataset; the reason stands beside the finding."""

    feature: str
    reason: str

    def __post_init__(self) -> None:
        check_name("allow_leak: feature", self.feature)
        require(
            len(self.reason.strip()) >= 10,
            f"allow_leak({self.feature}): reason {self.reason!r} says too little; write why this is no leak",
        )


QualityRule = Fresh | Nulls | Between | OneOf | Unique | Volume | Predictive | AllowLeak


def check_quality(
    place: str, rules: Iterable[QualityRule], *, features: Iterable[str], sources: Iterable[Source]
) -> None:
    """Refuse rules about what the line does not have, and two rules about one subject."""
    names, known = tuple(features), {source.name: source for source in sources}
    seen: set[tuple[str, ...]] = set()
    for rule in rules:
        kind = type(rule).__name__
        subject = (kind, *_subject(rule))
        require(subject not in seen, f"{place}: two quality rules are about {' '.join(subject)}; keep one")
        seen.add(subject)
        if isinstance(rule, Fresh | Unique):
            require(
                known.get(rule.source.name) == rule.source,
                f"{place}: {kind} is about source {rule.source.name}, which the line does not read; "
                f"it reads {', '.join(known)}",
            )
        elif not isinstance(rule, Volume | Predictive):
            require(
                rule.feature in names,
                f"{place}: {kind} is about {rule.feature!r}, which is not a feature; there are {', '.join(names)}",
            )


def _subject(rule: QualityRule) -> tuple[str, ...]:
    if isinstance(rule, Unique):
        return (rule.source.name, *rule.keys)
    if isinstance(rule, Fresh):
        return (rule.source.name,)
    return () if isinstance(rule, Volume | Predictive) else (rule.feature,)


@typed
def fresh(source: Source, *, within: timedelta, severity: Severity = "error") -> Fresh:
    """The latest event known at `as_of` became known at most `within` before the latest decision. The default is 45
    days for every source.
    Args:
        source: the source to judge.
        within: the longest time without an event.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Fresh(source=source, within=within, severity=severity)


@typed
def nulls(feature: str, *, at_most: float, severity: Severity = "error") -> Nulls:
    """At most this share of a feature's values is null.

    Args:
        feature: the name of a feature.
        at_most: the greatest share, from 0 to 1.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Nulls(feature=feature, at_most=at_most, severity=severity)


@typed
def between(
    feature: str, low: float | None = None, high: float | None = None, *, severity: Severity = "error"
) -> Between:
    """Every value of a feature lies between two bounds. Nulls do not count. NaN breaks the rule.

    Args:
        feature: the name of a feature.
        low: the least value that is allowed. None leaves that side open.
        high: the greatest value that is allowed. None leaves that side open.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Between(feature=feature, low=low, high=high, severity=severity)


@typed
def one_of(feature: str, values: Iterable[Value], *, severity: Severity = "error") -> OneOf:
    """Every value of a feature is one of these. Nulls do not count.

    Args:
        feature: the name of a feature.
        values: the values that are allowed. A set is taken in ascending order.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return OneOf(feature=feature, values=tuple(values), severity=severity)


@typed
def unique(source: Source, *columns: str, severity: Severity = "error") -> Unique:
    """No two rows of a static source share its keys.

    Args:
        source: a static source.
        columns: judge these columns in place of the keys.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Unique(source=source, columns=columns, severity=severity)


@typed
def volume(*, at_least: int = 1, change_at_most: float | None = 0.5, severity: Severity = "error") -> Volume:
    """There are enough decisions, and not many more or fewer than in earlier datasets.

    Args:
        at_least: the least number of rows.
        change_at_most: the greatest relative change against the median of earlier datasets, in rows and in the share of
            positives. None allows any.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Volume(at_least=at_least, change_at_most=change_at_most, severity=severity)


@typed
def predictive(*, at_most: float = 0.95, severity: Severity = "error") -> Predictive:
    """How well one feature alone may predict the outcome before the audit calls it a leak.

    Args:
        at_most: the greatest AUC, in either direction. For a number as outcome, the greatest absolute rank correlation.
        severity: `error` stops the dataset, `warning` only tells.
    """
    return Predictive(at_most=at_most, severity=severity)


@typed
def allow_leak(feature: str, *, reason: str) -> AllowLeak:
    """Let a feature pass that the leakage audit would stop.

    Args:
        feature: the name of a feature.
        reason: why this is no leak. Manifest and profile show it beside the finding.
    """
    return AllowLeak(feature=feature, reason=reason)
