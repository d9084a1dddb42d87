"""The decisions that count for a report, as tables of SQL: those in force, with the outcome as one number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.feedback import key_of
from assembly_line.outcome_kinds import Binary, Forecast, Multiclass, Ranking, Survival
from assembly_line.reporting.grouped import Grouped

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.ledger import LedgerSession

# Of the table `decisions`, what the reports read.
READ = (
    *("decision_id", "decision_time", "keys", "delivered", "in_force", "outcome", "prior", "score", "baseline"),
    *("scale", "detail", "action", "recommended", "propensity", "explored", "arm", "overridden", "hindsight"),
    *("dataset_id", "model_run_id", "release", "issued_at", "delivered_at", "policy_version", "run_id"),
)
_BOUND = 50_000


def in_money(line: Line) -> bool:
    """Whether the policy says what a decision is worth: it does so where the outcome is present or not."""
    return isinstance(line.predicts, Binary) and bool(line.policy.values or line.policy.costs)


class Judged:
    """A line's delivered decisions, in two tables. `looked`: all. `judged`: in force, outcome certain.

    Args:
        session: with `decisions`.
        line: as it is declared now, which says what the outcomes are.
        by: key whose values are the segments; None for none.
    """

    def __init__(self, session: LedgerSession, line: Line, *, by: str | None = None) -> None:
        self.session = session
        self.line = line
        self.cluster = line.predicts.cluster(list(line.decision.keys))
        self._number_outcomes()
        segment = f"json_extract_string({key_of(by)}, '$')" if by else "NULL::VARCHAR"
        session.execute(
            "CREATE OR REPLACE TEMP TABLE looked AS SELECT decision_id, decision_time, dataset_id, action, "
            "recommended, arm, in_force, overridden, explored, coalesce(propensity, 1.0) AS propensity, "
            f"substr(decision_time, 1, 7) AS month, {segment} AS segment, {key_of(self.cluster)} AS cluster, "
            "outcome IS NOT NULL AS known, y FROM decisions LEFT JOIN numbered ON numbered.stated = outcome "
            "WHERE delivered"
        )
        session.execute(
            "CREATE OR REPLACE TEMP TABLE judged AS SELECT * EXCLUDE (cluster), "
            "dense_rank() OVER (ORDER BY cluster) - 1 AS cluster FROM looked "
            "WHERE in_force AND y IS NOT NULL AND cluster IS NOT NULL"
        )

    @property
    def shares(self) -> bool:
        """Whether an outcome is 0 or 1, so that a mean is a share."""
        return isinstance(self.line.predicts, Binary | Multiclass | Survival)

    @property
    def outcome(self) -> str:
        """What the number is, for people."""
        kind, name = self.line.predicts, self.line.outcome.name
        if isinstance(kind, Multiclass):
            return f"{name} is {kind.cut}"
        return f"{name}, first step" if isinstance(kind, Forecast) else name

    def count(self, where: str = "TRUE", *, of: str = "looked") -> int:
        """How many decisions there are of which this holds."""
        return int(self.session.rows(f"SELECT count(*) FROM {of} WHERE {where}")[0][0])

    def grouped(self, column: str, values: Sequence[Any]) -> Grouped:
        """The judged decisions by the values of one of their columns; those with another value are left out."""
        self.session.execute("CREATE OR REPLACE TEMP TABLE places (value VARCHAR, place BIGINT)")
        for place, value in enumerate(values):
            self.session.execute("INSERT INTO places VALUES (?, ?)", [value, place])
        return self.summed(
            f"SELECT cluster, place, count(*) AS rows, sum(y) AS total FROM judged JOIN places ON value = {column} "
            "GROUP BY ALL",
            count=len(values),
        )

    def summed(self, query: str, *, count: int) -> Grouped:
        """What a query sums up by `cluster` and `place`: `rows` and `total`."""
        found = self.session.execute(query).fetchnumpy()
        return Grouped(found["cluster"], found["place"], found["rows"], found["total"], count=count)

    def _number_outcomes(self) -> None:
        """The table `numbered`: what the ledger states of outcomes -> the number."""
        self.session.execute("CREATE OR REPLACE TEMP TABLE numbered (stated VARCHAR, y DOUBLE)")
        stated = [
            text
            for (text,) in self.session.rows(
                "SELECT DISTINCT outcome FROM decisions WHERE delivered AND outcome IS NOT NULL"
            )
        ]
        for start in range(0, len(stated), _BOUND):
            some = stated[start : start + _BOUND]
            numbers = [self._number(json.loads(text)) for text in some]
            self.session.execute(
                "INSERT INTO numbered SELECT unnest(?::VARCHAR[]), unnest(?::DOUBLE[])", [some, numbers]
            )

    def _number(self, stated: Sequence[Any]) -> float | None:
        """None of an outcome that is of another kind than the line declares now."""
        kind = self.line.predicts
        try:
            if isinstance(kind, Multiclass):
                kind.label(*stated)
                return float(stated[0] == kind.cut)
            if isinstance(kind, Survival):
                return float(kind.label(*stated)[1])
            if isinstance(kind, Ranking | Forecast):
                return float(stated[0])
            return float(kind.label(*stated))
        except (IndexError, TypeError, ValueError):
            return None
