"""What a line decided in a period and what came of it, as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assembly_line.reporting.associations import Association, associations
from assembly_line.reporting.grouped import Mean
from assembly_line.reporting.judged import Judged, in_money
from assembly_line.reporting.randomised import Randomised, randomised

# Of a key's values, those with the most decisions.
MOST_SEGMENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the delivered decisions.

    Args:
        name: such as an action, a month or a value of a key.
        acted: decisions whose action in the end was the policy's `act`.
        known: decisions in force whose outcome is certain.
        mean: their outcome.
    """

    name: str
    decisions: int
    acted: int
    explored: int
    overridden: int
    in_force: int
    known: int
    mean: Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What the decisions with one action came to, by the values that the policy declares.

    Args:
        decisions: in force, outcome certain.
        present: those of them with the outcome.
        value, cost: in the policy's currency.
    """

    action: str
    decisions: int
    present: int
    value: float
    cost: float

    @property
    def net(self) -> float:
        return self.value - self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A line's period.

    Args:
        whole: all delivered decisions.
        recommended, decided: by the action that the line recommended, and by the one in the end.
        arms, months, segments: by arm, by month of the decision, and by the key that was asked for.
        more_segments: how many values of that key are not listed.
        without_cluster: decisions that lack the key by which they are clustered, and are not judged.
        associations: None where nothing is judged, or no dataset is there.
        earned: by action; empty where the policy declares no money.
    """

    whole: Part
    recommended: Sequence[Part]
    decided: Sequence[Part]
    arms: Sequence[Part]
    months: Sequence[Part]
    segments: Sequence[Part]
    more_segments: int
    without_cluster: int
    associations: Sequence[Association] | None
    randomised: Randomised | None
    earned: Sequence[Earned]


def figures(judged: Judged, datasets: Mapping[str, Path]) -> Figures:
    """All figures of a report.

    Args:
        datasets: id -> a file with the rows that were scored.
    """
    (whole,) = parts(judged, "'all'") or [nothing()]
    segments = parts(judged, "segment")
    known = judged.count(of="judged")
    policy = judged.line.policy
    return Figures(
        whole=whole,
        recommended=parts(judged, "recommended"),
        decided=parts(judged, "action"),
        arms=parts(judged, "coalesce(arm, 'none')"),
        months=sorted(parts(judged, "month"), key=lambda one: one.name),
        segments=segments[:MOST_SEGMENTS],
        more_segments=max(len(segments) - MOST_SEGMENTS, 0),
        without_cluster=judged.count("cluster IS NULL"),
        associations=associations(judged, datasets) if known and datasets else None,
        randomised=randomised(judged, policy) if known else None,
        earned=_earned(judged) if known and in_money(judged.line) else (),
    )


def parts(judged: Judged, column: str) -> list[Part]:
    """The delivered decisions by the values of a column, those with the most decisions first; null is no part."""
    rows = judged.session.rows(
        f"SELECT {column} AS name, count(*) AS decisions, count(*) FILTER (action = ?), count(*) FILTER (explored), "
        "count(*) FILTER (overridden), count(*) FILTER (in_force), "
        "count(*) FILTER (in_force AND y IS NOT NULL AND cluster IS NOT NULL) FROM looked WHERE name IS NOT NULL "
        "GROUP BY name ORDER BY decisions DESC, name",
        [judged.line.policy.act],
    )
    means = judged.grouped(column, [name for name, *_ in rows]).means(shares=judged.shares) if rows else []
    names = ("name", "decisions", "acted", "explored", "overridden", "in_force", "known")
    return [Part(**dict(zip(names, row, strict=True)), mean=mean) for row, mean in zip(rows, means, strict=True)]


def nothing() -> Part:
    """A period without decisions."""
    return Part(
        name="all",
        decisions=0,
        acted=0,
        explored=0,
        overridden=0,
        in_force=0,
        known=0,
        mean=Mean(0, 0, None, None),
    )


def _earned(judged: Judged) -> list[Earned]:
    policy = judged.line.policy
    found = judged.session.rows(
        "SELECT action, count(*), CAST(sum(y) AS BIGINT) FROM judged GROUP BY action ORDER BY action"
    )
    return [
        Earned(
            action=action,
            decisions=rows,
            present=present,
            value=present * policy.values.get(action, 0.0),
            cost=rows * policy.costs.get(action, 0.0),
        )
        for action, rows, present in found
    ]
