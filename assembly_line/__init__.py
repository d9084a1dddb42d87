"""The data science assembly line: the words in which a line is declared."""

from assembly_line.declarations.decisions import Decision, Outcome, Policy
from assembly_line.declarations.features import (
    Feature,
    attribute,
    count,
    days,
    deviation,
    distinct,
    hours,
    latest,
    maximum,
    mean,
    minimum,
    ratio,
    since_last,
    total,
)
from assembly_line.declarations.lines import Delivery, Line, Training
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.declarations.quality import (
    allow_leak,
    between,
    fresh,
    nulls,
    one_of,
    predictive,
    unique,
    volume,
)
from assembly_line.declarations.sources import Entity, Source

__all__ = [
    "Decision",
    "Delivery",
    "Entity",
    "Feature",
    "Line",
    "Outcome",
    "Policy",
    "Preprocessing",
    "Source",
    "Training",
    "allow_leak",
    "attribute",
    "between",
    "count",
    "days",
    "deviation",
    "distinct",
    "fresh",
    "hours",
    "latest",
    "maximum",
    "mean",
    "minimum",
    "nulls",
    "one_of",
    "predictive",
    "ratio",
    "since_last",
    "total",
    "unique",
    "volume",
]
