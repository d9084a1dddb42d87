"""The data science assembly line: the words in which a line is declared."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assembly_line.declarations.decisions import Decision, Policy
    from assembly_line.declarations.entities import Entity
    from assembly_line.declarations.features import (
        Feature,
        count,
        distinct,
        expression,
        first,
        last,
        latest,
        maximum,
        mean,
        minimum,
        ratio,
        share,
        since_last,
        slowly_changing,
        static,
        stddev,
        total,
        udf,
    )
    from assembly_line.declarations.lines import Delivery, Line, Training
    from assembly_line.declarations.outcomes import Outcome
    from assembly_line.declarations.populations import Generated, daily, every, monthly, weekly
    from assembly_line.declarations.predicates import column
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
    from assembly_line.declarations.sampling import Sampling
    from assembly_line.declarations.sources import Source
    from assembly_line.declarations.tables import aggregate, measure
    from assembly_line.declarations.wide_tables import wide
    from assembly_line.declarations.windows import calendar_days, days, hours, months, weeks, years

# The same once more, by module. A word's module is imported when the word is first asked for: commands and functions
# that declare nothing would spend most of their start on it.
_HOMES = {
    "decisions": ("Decision", "Policy"),
    "entities": ("Entity",),
    "features": (
        "Feature",
        "count",
        "distinct",
        "expression",
        "first",
        "last",
        "latest",
        "maximum",
        "mean",
        "minimum",
        "ratio",
        "share",
        "since_last",
        "slowly_changing",
        "static",
        "stddev",
        "total",
        "udf",
    ),
    "lines": ("Delivery", "Line", "Training"),
    "outcomes": ("Outcome",),
    "populations": ("Generated", "daily", "every", "monthly", "weekly"),
    "predicates": ("column",),
    "preprocessing": ("Preprocessing",),
    "quality": ("allow_leak", "between", "fresh", "nulls", "one_of", "predictive", "unique", "volume"),
    "sampling": ("Sampling",),
    "sources": ("Source",),
    "tables": ("aggregate", "measure"),
    "wide_tables": ("wide",),
    "windows": ("calendar_days", "days", "hours", "months", "weeks", "years"),
}

__all__ = [
    "Decision",
    "Delivery",
    "Entity",
    "Feature",
    "Generated",
    "Line",
    "Outcome",
    "Policy",
    "Preprocessing",
    "Sampling",
    "Source",
    "Training",
    "aggregate",
    "allow_leak",
    "between",
    "calendar_days",
    "column",
    "count",
    "daily",
    "days",
    "distinct",
    "every",
    "expression",
    "first",
    "fresh",
    "hours",
    "last",
    "latest",
    "maximum",
    "mean",
    "measure",
    "minimum",
    "monthly",
    "months",
    "nulls",
    "one_of",
    "predictive",
    "ratio",
    "share",
    "since_last",
    "slowly_changing",
    "static",
    "stddev",
    "total",
    "udf",
    "unique",
    "volume",
    "weekly",
    "weeks",
    "wide",
    "years",
]


# Old name -> new name. The old ones go with the next release.
RENAMED = {"attribute": "static", "deviation": "stddev", "fact": "slowly_changing", "own": "udf"}


def __getattr__(name: str) -> object:
    if name in RENAMED:
        said = f"assembly_line.{name} is now assembly_line.{RENAMED[name]}; the next release drops the old name"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        return globals().get(RENAMED[name]) or __getattr__(RENAMED[name])
    for module, words in _HOMES.items():
        if name in words:
            globals()[name] = getattr(import_module(f"{__name__}.declarations.{module}"), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
