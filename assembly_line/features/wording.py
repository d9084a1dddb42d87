"""Features in words: what a declaration means, in one sentence that needs no knowledge of the code."""

from __future__ import annotations

from datetime import timedelta

from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.features import Aggregate, AggregateKind, Attribute, Latest
from assembly_line.declarations.lines import Line
from assembly_line.declarations.own_functions import OwnFunction

OF_VALUES: dict[AggregateKind, str] = {
    "sum": "the sum",
    "mean": "the mean",
    "min": "the least value",
    "max": "the greatest value",
    "stddev": "the sample's standard deviation",
    "distinct": "how many different values",
}
UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def in_words(line: Line, name: str) -> str:
    """Such as `the sum of sales_value of the household's transactions in the 30 days before the decision`."""
    feature = line.features[name]
    if isinstance(feature, Ratio):
        return f"{feature.numerator} divided by {feature.denominator}; null where that is 0 or either is null"
    if isinstance(feature, Expression):
        return feature.formula
    if isinstance(feature, Attribute):
        return f"{feature.column} of the {feature.by.name}, as {feature.source.name} states it without a time"
    events = f"the {feature.by.name}'s {feature.source.name}"
    if isinstance(feature, OwnFunction):
        within = f"in the {duration(feature.window)} before the decision"
        return f"{feature.function}() of {feature.script} over {', '.join(feature.columns)} of {events} {within}"
    if isinstance(feature, Aggregate):
        what = "how many" if feature.column is None else f"{OF_VALUES[feature.kind]} of {feature.column}"
        return f"{what} of {events} in the {duration(feature.window)} before the decision"
    oldest = "" if feature.max_age is None else f", if that is at most {duration(feature.max_age)} old"
    if isinstance(feature, Latest):
        return f"{feature.column} in the latest of {events} known at the decision{oldest}"
    return f"days between the decision and the latest of {events} known then{oldest}"


def duration(length: timedelta) -> str:
    """Such as `30 days`, `36 hours`, `90 minutes`, or seconds."""
    for unit, word in UNITS:
        if length >= unit and not length % unit:
            number = length // unit
            return f"{number} {word}{'' if number == 1 else 's'}"
    return f"{length.total_seconds():g} seconds"
