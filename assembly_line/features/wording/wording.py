"""Features in words: what a declaration means, in one sentence that needs no knowledge of the code."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.entities import names_of
from assembly_line.declarations.features import Aggregate, AggregateKind, Latest, Share, StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.predicates import AllOf, Among, AnyOf, Comparison, IsNull, Negation, Predicate
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.declarations.windows import Window

OF_VALUES: dict[AggregateKind, str] = {
    "sum": "the sum",
    "mean": "the mean",
    "min": "the least value",
    "max": "the greatest value",
    "stddev": "the sample's standard deviation",
    "distinct": "how many different values",
    "first": "the earliest value",
    "last": "the latest value",
}
UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))
COMPARED = {"==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least"}


def in_words(line: Line, name: str) -> str:
    """Such as `the sum of sales_value of the household's transactions in the 30 days before the decision`."""
    feature = line.features[name]
    if isinstance(feature, Ratio):
        return f"{feature.numerator} divided by {feature.denominator}; null where that is 0 or either is null"
    if isinstance(feature, Expression):
        return feature.formula
    if isinstance(feature, StaticFeature):
        return f"{feature.column} of the {names_of(feature.by)}, as {feature.source.name} states it without a time"
    events = f"the {names_of(feature.by)}'s {feature.source.name}"
    if isinstance(feature, UdfFeature):
        within = trailing(feature.window)
        return f"{feature.function}() of {feature.script} over {', '.join(feature.columns)} of {events} {within}"
    where = "" if feature.where is None else f", where {predicate_in_words(feature.where)}"
    if isinstance(feature, Aggregate):
        what = "how many" if feature.column is None else f"{OF_VALUES[feature.kind]} of {feature.column}"
        return f"{what} of {events} {trailing(feature.window)}{where}"
    if isinstance(feature, Share):
        whole = events if feature.column is None else f"{feature.column} of {events}"
        return f"the share, in {whole} {trailing(feature.window)}, of those{where.removeprefix(',')}"
    oldest = "" if feature.max_age is None else f", if that is at most {duration(feature.max_age)} old"
    if not isinstance(feature, Latest):
        return f"days between the decision and the latest of {events} known then{where}{oldest}"
    if feature.source.valid_until is not None:
        return (
            f"{feature.column} in that of {events} in force at the decision, until its {feature.source.valid_until}, "
            f"as known then{where}{oldest}"
        )
    return f"{feature.column} in the latest of {events} known at the decision{where}{oldest}"


def trailing(window: Window) -> str:
    """Such as `in the 3 months before the decision by the calendar of America/New_York`."""
    if isinstance(window, timedelta):
        return f"in the {duration(window)} before the decision"
    return f"in the {_number(window.number, window.unit)} before the decision by the calendar of {window.zone}"


def length(window: Window) -> str:
    """Such as `30 days`, or `3 months in America/New_York`."""
    if isinstance(window, timedelta):
        return duration(window)
    return f"{_number(window.number, f'calendar {window.unit}')} in {window.zone}"


def duration(length: timedelta) -> str:
    """Such as `30 days`, `36 hours`, `90 minutes`, or seconds."""
    for unit, word in UNITS:
        if length >= unit and not length % unit:
            return _number(length // unit, word)
    return f"{length.total_seconds():g} seconds"


def predicate_in_words(predicate: Predicate, *, inside: bool = False) -> str:
    """Such as `department is 'DRUG GM' and quantity is above 1`; in parentheses where it stands `inside` another."""
    match predicate:
        case Comparison(column=column, operator=operator, value=value):
            return f"{column} {COMPARED[operator]} {_value(value)}"
        case Among(column=column, values=values):
            return f"{column} is one of {', '.join(map(_value, values))}"
        case IsNull(column=column):
            return f"{column} is null"
        case Negation(part=IsNull(column=column)):
            return f"{column} is not null"
        case Negation(part=part):
            return f"not ({predicate_in_words(part)})"
        case AllOf(parts=parts) | AnyOf(parts=parts):
            word = " and " if isinstance(predicate, AllOf) else " or "
            said = word.join(predicate_in_words(part, inside=True) for part in parts)
            return f"({said})" if inside else said
    raise TypeError(f"expected a predicate, got {type(predicate).__name__}")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        value.isoformat()
        if isinstance(value, date | datetime)
        else repr(value)
        if isinstance(value, str)
        else str(value)
    )


def _number(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
