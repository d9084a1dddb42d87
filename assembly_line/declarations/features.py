"""Features: values known at the decision time. Built by the lower-case functions at the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import NUMERIC, require
from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.entities import By, check_entities, entities_of, in_order
from assembly_line.declarations.formulas import parsed
from assembly_line.declarations.predicates import Predicate, checked
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.declarations.windows import Window, check_window

AggregateKind = Literal["count", "sum", "mean", "min", "max", "stddev", "distinct", "first", "last"]
KINDS_OF_NUMBERS = ("sum", "mean", "stddev")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregate over the events of an entity in the trailing window `[t - window, t)` (before the decision).

    With `where`, over those events alone for which it is true. `first` and `last` are the values of the earliest and of
    the latest known event, null included; the others ignore nulls.
    """

    kind: AggregateKind
    source: Source
    column: str | None
    window: Window
    by: By
    where: Predicate | None = None

    def __post_init__(self) -> None:
        place = f"{self.kind} over {self.source.name}"
        require(not self.source.static, f"{place}: static facts have no events; use static(...)")
        check_window(place, self.window)
        _set_where(self, place)
        require((self.kind == "count") == (self.column is None), f"{place}: count takes no column, all others take one")
        if self.column is not None:
            kind = self.source.check_column(place, self.column)
            require(
                self.kind not in KINDS_OF_NUMBERS or kind.startswith(NUMERIC),
                f"{place}: column {self.column} is {kind}; {self.kind} needs a number",
            )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The value of a column in the entity's latest known event; null if that is null, or older than `max_age`.

    With `where`, the latest of those events for which it is true. Of a source of facts (`valid_until`), null too where
    the latest is no longer in force at the decision: an older one is not borrowed.
    """

    source: Source
    column: str
    by: By
    max_age: timedelta | None = None
    where: Predicate | None = None

    def __post_init__(self) -> None:
        place = f"latest of {self.source.name}"
        require(not self.source.static, f"{place}: static facts have no events; use static(...)")
        require(self.max_age is None or self.max_age > timedelta(0), f"{place}: max_age {self.max_age} is not positive")
        _set_where(self, place)
        self.source.check_column(place, self.column)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class SinceLast:
    """Days (a float64) since the entity's latest known event; null if there is none within `max_age`.

    With `where`, since the latest of those events for which it is true.
    """

    source: Source
    by: By
    max_age: timedelta | None = None
    where: Predicate | None = None

    def __post_init__(self) -> None:
        place = f"since_last of {self.source.name}"
        require(not self.source.static, f"{place}: static facts have no events")
        require(self.max_age is None or self.max_age > timedelta(0), f"{place}: max_age {self.max_age} is not positive")
        _set_where(self, place)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which share of the events in a trailing window `where` is true for: a float64, null without events.

    With a column, which share of its sum they carry; null where that sum is 0 or of nothing.
    """

    source: Source
    column: str | None = None
    window: Window
    by: By
    where: Predicate

    def __post_init__(self) -> None:
        place = f"share over {self.source.name}"
        require(not self.source.static, f"{place}: static facts have no events; use static(...)")
        check_window(place, self.window)
        _set_where(self, place)
        if self.column is not None:
            kind = self.source.check_column(place, self.column)
            require(
                kind.startswith(NUMERIC), f"{place}: column {self.column} is {kind}; a share of a sum needs a number"
            )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFeature:
    """A fact about an entity from a static source: the same at every decision time."""

    source: Source
    column: str
    by: By

    def __post_init__(self) -> None:
        place = f"static feature of {self.source.name}"
        require(self.source.static, f"{place}: the source has events; use latest(...)")
        self.source.check_column(place, self.column)


# Features of events, whose values depend on the decision time: of one row, or of those in a window.
OfLatest = Latest | SinceLast
Windowed = Aggregate | Share | UdfFeature
Timed = OfLatest | Windowed
Selecting = Aggregate | Share | OfLatest
Feature = Timed | StaticFeature | Ratio | Expression
"""Any feature: the type of the values of `Line(features=...)`, for annotations."""


@typed
def count(source: Source, *, window: Window, where: Predicate | None = None, by: By | None = None) -> Aggregate:
    """How many events. 0 without any."""
    return Aggregate(kind="count", source=source, column=None, window=window, by=_owner(source, by), where=where)


@typed
def distinct(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """How many different values that are not null. 0 without any."""
    return Aggregate(kind="distinct", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def total(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The sum of a column. Null without events."""
    return Aggregate(kind="sum", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def mean(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The arithmetic mean of a column, as float64. Null without events."""
    return Aggregate(kind="mean", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def minimum(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The least value of a column. Null without events."""
    return Aggregate(kind="min", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def maximum(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The greatest value of a column. Null without events. NaN is greater than every other value."""
    return Aggregate(kind="max", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def stddev(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The standard deviation of the sample. Null with fewer than two values."""
    return Aggregate(kind="stddev", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def first(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The value in the earliest known event of the window, even if it is null. Null without events."""
    return Aggregate(kind="first", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def last(
    source: Source, column: str, *, window: Window, where: Predicate | None = None, by: By | None = None
) -> Aggregate:
    """The value in the latest known event of the window, even if it is null. Null without events."""
    return Aggregate(kind="last", source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def share(
    source: Source, *, where: Predicate, window: Window, column: str | None = None, by: By | None = None
) -> Share:
    """The share of the events in the window for which the predicate is true. With a column, their share of its sum."""
    return Share(source=source, column=column, window=window, by=_owner(source, by), where=where)


@typed
def latest(
    source: Source,
    column: str,
    *,
    max_age: timedelta | None = None,
    where: Predicate | None = None,
    by: By | None = None,
) -> Latest:
    """The value in the latest known event.

    Args:
        max_age: an older event does not count. None means any age.
    """
    return Latest(source=source, column=column, by=_owner(source, by), max_age=max_age, where=where)


@typed
def slowly_changing(source: Source, column: str, *, where: Predicate | None = None, by: By | None = None) -> Latest:
    """The value that is in force at the decision, as far as it was known then. Null where none is.

    It is the value of the latest row that began before the decision. If the source declares `valid_until` and that has
    passed, the value is null.
    """
    return Latest(source=source, column=column, by=_owner(source, by), where=where)


@typed
def since_last(
    source: Source, *, max_age: timedelta | None = None, where: Predicate | None = None, by: By | None = None
) -> SinceLast:
    """Days since the latest known event.

    Args:
        max_age: an older event does not count. None means any age.
    """
    return SinceLast(source=source, by=_owner(source, by), max_age=max_age, where=where)


@typed
def static(source: Source, column: str, *, by: By | None = None) -> StaticFeature:
    """A fact without a time: the same at every decision.

    Args:
        source: a `static` source.
        column: the column with the value.
        by: the entity whose row counts, if the source carries several.
    """
    return StaticFeature(source=source, column=column, by=_owner(source, by))


@typed
def udf(
    source: Source,
    function: str,
    *,
    columns: tuple[str, ...],
    returns: str,
    window: timedelta,
    script: str = "features.py",
    by: By | None = None,
) -> UdfFeature:
    """A value that a Python function of your own computes from the events in the window. Null without events. See
    docs/udfs.md.

    Args:
        function: the name of a function in `script`, such as `def basket_entropy(events: pa.Table) -> pa.Array`.
        columns: the columns of the source that the function gets, in this order.
        returns: the type of its values, such as `float64`.
        script: a file in the folder of the line. Its content is part of the release.
    """
    return UdfFeature(
        source=source,
        columns=columns,
        function=function,
        script=script,
        returns=returns,
        window=window,
        by=_owner(source, by),
    )


@typed
def ratio(numerator: str, denominator: str) -> Ratio:
    """One feature divided by another. Null where the denominator is 0, or where either is null.

    Args:
        numerator: the name of a feature of the line.
        denominator: the name of a feature of the line.
    """
    return Ratio(numerator=numerator, denominator=denominator)


@typed
def expression(formula: str) -> Expression:
    """A formula over features of the line.

    Args:
        formula: such as `(spend_30d - spend_90d / 3) / visits_90d`. See docs/udfs.md for the language.
    """
    return Expression(formula=str(parsed(formula)))


def _set_where(feature: Selecting, place: str) -> None:
    """Keep the predicate with values of the columns' types, so that equal features are equal whatever was written."""
    object.__setattr__(feature, "where", checked(place, feature.source, feature.where))


def _owner(source: Source, by: By | None) -> By:
    names = ", ".join(entity.name for entity in source.entities)
    if by is None:
        require(
            len(source.entities) == 1,
            f"Source {source.name} carries {names}: say by= whose events count, one entity or a tuple of several",
        )
        return source.entities[0]
    chosen = entities_of(by)
    check_entities(f"Source {source.name}: by", chosen)
    require(bool(chosen), f"Source {source.name}: by is empty; name one of {names}, or several in a tuple")
    for entity in chosen:
        require(entity in source.entities, f"Source {source.name} carries {names}, not {entity.name}")
    return in_order(chosen, source.entities)
