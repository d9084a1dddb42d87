"""The reference of everything that a declaration is written with, from the docstrings of the library."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import assembly_line
from assembly_line.faces import offered
from tools.documentation.markdown import page

# In the order in which somebody declares a line.
GROUPS = {
    "A line": (
        *("Line", "Entity", "Source", "Decision", "Outcome", "Training", "Refresh", "Policy", "Delivery", "Due"),
        "DecideNow",
    ),
    "Who receives predictions": ("Subscriber",),
    "Features of events": (
        "count",
        "distinct",
        "total",
        "mean",
        "minimum",
        "maximum",
        "stddev",
        "first",
        "last",
        "share",
        "latest",
        "since_last",
        "slowly_changing",
        "udf",
    ),
    "Other features": ("Feature", "static", "ratio", "expression"),
    "Predicates": ("column",),
    "Windows": ("days", "hours", "calendar_days", "weeks", "months", "years"),
    "Generated decisions": ("Generated", "daily", "weekly", "monthly", "every"),
    "What a model gets": ("Preprocessing", "Sampling"),
    "A search for hyperparameters": ("Tuning", "ContinuousRange", "IntegerRange", "CategoricalRange"),
    "How a model is looked into": ("Validation",),
    "How a run is reviewed": ("Review",),
    "How long runs are kept": ("Retention",),
    "Quality rules": ("nulls", "between", "one_of", "unique", "volume", "fresh", "predictive", "allow_leak"),
    "Tables to explore": ("aggregate", "measure", "wide"),
}
OF_EVENTS = GROUPS["Features of events"]
NOTES = {
    "Features of events": """\
A feature of events reads the rows of one source. These parameters mean the same in every function:

- `source`: the source whose rows count.
- `column`: the column of the source that is aggregated.
- `window`: how far back from the decision time rows count, such as `days(30)`. See [Windows](#windows).
- `where`: a predicate. Only rows for which it is true count. See [Predicates](#predicates).
- `by`: an entity, or a tuple of entities, whose keys a row must share with the decision. You need it where the source
  carries several entities.

[Write features](../vocabulary.md) explains them with examples.
""",
}
INTRODUCTION = """\
You declare a line with these names, and import each from `assembly_line`. This page is made from the docstrings of the
library. [Declare a line](../declarations.md) shows a whole line.

A declaration is checked when it is created. A wrong value raises `DeclarationError`. The message names the place, the
value and the expectation.
"""
NOTEBOOK = """\
## In a notebook

You import these from `assembly_line.notebook`. [Try features in a notebook](../try.md) shows how.

::: assembly_line.notebook.dataset

::: assembly_line.notebook.profile

::: assembly_line.notebook.model_inputs
"""


@dataclass(frozen=True)
class Public:
    """A public name, and where its definition stands."""

    name: str
    path: str
    value: Any


def public_names() -> dict[str, Public]:
    """Every name that `assembly_line` offers."""
    return {name: _found(name) for name in offered("assembly_line")}


def render() -> str:
    """The page."""
    names = public_names()
    return page("Declarations", INTRODUCTION, *(_group(title, names) for title in GROUPS), NOTEBOOK)


def _group(title: str, names: dict[str, Public]) -> str:
    parts = [f"## {title}", NOTES.get(title, "")]
    parts += [_entry(names[name]) for name in GROUPS[title]]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _entry(public: Public) -> str:
    return f"::: {public.path}"


def _found(name: str) -> Public:
    value = getattr(assembly_line, name)
    module = getattr(value, "__module__", "")
    if inspect.isclass(value) or inspect.isfunction(value):
        return Public(name, f"{module}.{value.__name__}", value)
    module = f"assembly_line.{offered('assembly_line')[name]}"
    importlib.import_module(module)
    return Public(name, f"{module}.{name}", value)
