"""Views of a line's decisions for tools that draw: real instants, days and numbers, and each key as a column.

Athena runs their SQL, and so does DuckDB, with one function that has two names (`JSON_FUNCTION`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What Trino calls it, and DuckDB.
JSON_FUNCTION = ("json_extract_scalar", "json_extract_string")
TEXT, WHOLE, NUMBER, FLAG, DAY, INSTANT = "varchar", "bigint", "double", "boolean", "date", "timestamp(3)"
KEYS = {"int64": WHOLE, "boolean": FLAG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Args: `kind`: in Trino's words. `sql`: over the table. `meaning`: for people."""

    name: str
    kind: str
    sql: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Args: `name`: after that of the ledger's tables. `over`: what it reads. `ending`: what follows `FROM`."""

    name: str
    meaning: str
    over: str
    columns: Sequence[Column]
    ending: str = ""

    def sql(self, over: str) -> str:
        """Its query, over the table or view of this name."""
        listed = ", ".join(f"{one.sql} AS {one.name}" for one in self.columns)
        return f"SELECT {listed} FROM {over}{self.ending}"


def views_of(keys: Mapping[str, str]) -> tuple[View, View]:
    """The view of decisions, and that of their days, which reads the first.

    Args:
        keys: key column of the line's decisions -> declared type.
    """
    decisions = (*_KNOWN[:3], *_of_keys(keys), *_KNOWN[3:])
    return (
        View(name="report", meaning="one row a decision, for BI tools", over="decisions", columns=decisions),
        View(
            name="report_by_day",
            meaning="one row a day, action and arm, for BI tools",
            over="report",
            columns=_BY_DAY,
            ending=" GROUP BY decision_day, recommended, arm",
        ),
    )


def _of_keys(keys: Mapping[str, str]) -> list[Column]:
    taken = {one.name for one in _KNOWN}
    found = []
    for name, kind in keys.items():
        # The catalog knows no capitals.
        column = f"key_{name.lower()}" if name.lower() in taken else name.lower()
        sql = f"CAST({JSON_FUNCTION[0]}(keys, '$.{name}') AS {KEYS.get(kind, TEXT)})"
        found.append(Column(name=f'"{column}"', kind=KEYS.get(kind, TEXT), sql=sql, meaning="a key of the decision"))
    return found


def _as_it_is(name: str, kind: str, meaning: str) -> Column:
    return Column(name=name, kind=kind, sql=name, meaning=meaning)


def _instant(name: str, meaning: str) -> Column:
    return Column(name=name, kind=INSTANT, sql=f"CAST(replace(substr({name}, 1, 23), 'T', ' ') AS {INSTANT})",
                  meaning=f"{meaning}, in UTC")  # fmt: skip


def _summed(name: str, condition: str, meaning: str) -> Column:
    return Column(name=name, kind=WHOLE, sql=f"count(CASE WHEN {condition} THEN 1 END)", meaning=meaning)


_DAY = "CAST(concat(substr(day, 1, 4), '-', substr(day, 5, 2), '-', substr(day, 7, 2)) AS date)"
_FIRST = r"regexp_extract(outcome, '^\[(-?[0-9][0-9.eE+-]*)', 1)"
_CLASS = r"""regexp_extract(outcome, '^\["([^"]*)"', 1)"""
_KNOWN = (
    _as_it_is("decision_id", TEXT, "the decision"),
    Column(name="decision_day", kind=DAY, sql=_DAY, meaning="its day, in UTC"),
    _instant("decision_time", "when it was due"),
    _as_it_is("action", TEXT, "what was decided in the end"),
    _as_it_is("recommended", TEXT, "what the line recommended"),
    _as_it_is("score", NUMBER, "the number that the policy cut"),
    _as_it_is("propensity", NUMBER, "the probability of the recommended action"),
    _as_it_is("explored", FLAG, "whether a lot decided"),
    _as_it_is("arm", TEXT, "the arm of the decision"),
    _as_it_is("policy_version", WHOLE, "the version of the policy"),
    _as_it_is("model_run_id", TEXT, "the training run of the model"),
    _as_it_is("revision", WHOLE, "the revision in force, or the highest delivered one"),
    _instant("issued_at", "when it was issued"),
    _instant("expires_at", "when the action expires"),
    _instant("delivered_at", "when the first channel had it"),
    _instant("applied_at", "when an application applied it"),
    _as_it_is("delivered", FLAG, "whether a revision left for the subscribers"),
    _as_it_is("in_force", FLAG, "whether a revision decided, so that the outcome judges it"),
    _as_it_is("backfill", FLAG, "whether it fills in the past"),
    _as_it_is("overridden", FLAG, "whether a person decided otherwise"),
    _as_it_is("confirmed", FLAG, "whether a person said the same"),
    _as_it_is("hindsight", FLAG, "whether the outcome was known by then"),
    _as_it_is("reviewed_by", TEXT, "who that was"),
    _instant("reviewed_at", "when that was"),
    _as_it_is("reason", TEXT, "why"),
    Column(name="outcome_value", kind=NUMBER, sql=f"TRY_CAST({_FIRST} AS double)", meaning="what came of it, a number"),
    Column(name="outcome_class", kind=TEXT, sql=f"nullif({_CLASS}, '')", meaning="what came of it, a class"),
    _as_it_is("outcome_derived", FLAG, "whether the line derived it"),
    _instant("outcome_known_at", "when it was certain"),
    _as_it_is("flags", TEXT, "what is odd"),
)
_BY_DAY = (
    _as_it_is("decision_day", DAY, "the day of the decisions, in UTC"),
    _as_it_is("recommended", TEXT, "what the line recommended"),
    _as_it_is("arm", TEXT, "the arm of the decisions"),
    Column(name="decisions", kind=WHOLE, sql="count(*)", meaning="how many there are"),
    _summed("delivered", "delivered", "how many left for the subscribers"),
    _summed("in_force", "in_force", "how many decided"),
    _summed("overridden", "overridden", "how many a person decided otherwise"),
    _summed("outcomes", "outcome_known_at IS NOT NULL", "how many outcomes are certain"),
    Column(name="outcome_mean", kind=NUMBER, sql="avg(outcome_value)", meaning="the mean of those that are numbers"),
    Column(name="score_mean", kind=NUMBER, sql="avg(score)", meaning="the mean score"),
)
