"""What acting changes, where chance had a say: decisions weighed by how probable their action was."""

from __future__ import annotations

from dataclasses import dataclass

from assembly_line.declarations.decisions import Policy
from assembly_line.features import literal
from assembly_line.reporting.grouped import LEAST_CLUSTERS, LEAST_ROWS, Grouped, Interval, Mean, around, wilson
from assembly_line.reporting.judged import Judged, in_money

CHANCE_HAD_A_SAY = "propensity > 0 AND propensity < 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomised:
    """Two actions compared where each had a known chance above 0.

    Args:
        decisions: judged ones of which chance had a say.
        explored: those of them that a lot decided.
        acted, left: the mean outcome if every one of them had been recommended `act`, or `otherwise`. `rows` counts
            those that really were.
        effective: how many decisions of equal weight would tell as much, by action.
        difference: `acted` less `left`; None where either is too few to say.
        net: what a decision with `act` comes to, less one with `otherwise`, in money; None where that is not declared.
    """

    decisions: int
    explored: int
    acted: Mean
    left: Mean
    effective: tuple[float, float]
    difference: tuple[float, Interval] | None
    net: tuple[float, Interval] | None


def randomised(judged: Judged, policy: Policy) -> Randomised | None:
    """Compare by the inverse of each action's propensity (Hájek); None where nothing was left to chance.

    The comparison is of what was recommended, whatever people made of it: that is what chance decided.

    Source:
        Horvitz and Thompson (1952); Hájek (1971) for weights that add up to 1. The variance is linearised, by cluster.
    """
    either = ", ".join(map(literal, policy.actions))
    decisions = judged.count(f"{CHANCE_HAD_A_SAY} AND recommended IN ({either})", of="judged")
    explored = judged.count(f"explored AND {CHANCE_HAD_A_SAY}", of="judged")
    if not explored:
        return None
    place = f"CASE recommended WHEN {literal(policy.act)} THEN 1 WHEN {literal(policy.otherwise)} THEN 0 END"
    weighed = judged.summed(
        f"SELECT cluster, {place} AS place, sum(1 / propensity) AS rows, sum(y / propensity) AS total "
        f"FROM judged WHERE {CHANCE_HAD_A_SAY} AND place IS NOT NULL GROUP BY ALL",
        count=2,
    )
    sizes = {
        at: (rows, weight**2 / squares)
        for at, rows, weight, squares in judged.session.rows(
            f"SELECT {place} AS place, count(*), sum(1 / propensity), sum(1 / propensity / propensity) "
            f"FROM judged WHERE {CHANCE_HAD_A_SAY} AND place IS NOT NULL GROUP BY place"
        )
    }
    left, acted = (_mean(weighed, at, *sizes.get(at, (0, 0.0)), shares=judged.shares) for at in (0, 1))
    enough = acted.enough and left.enough
    return Randomised(
        decisions=decisions,
        explored=explored,
        acted=acted,
        left=left,
        effective=(sizes.get(1, (0, 0.0))[1], sizes.get(0, (0, 0.0))[1]),
        difference=weighed.difference(1, 0) if enough else None,
        net=_net(weighed, policy) if enough and in_money(judged.line) else None,
    )


def _net(weighed: Grouped, policy: Policy) -> tuple[float, Interval]:
    worth = [policy.values.get(action, 0.0) for action in (policy.otherwise, policy.act)]
    costs = [policy.costs.get(action, 0.0) for action in (policy.otherwise, policy.act)]
    value, (low, high) = weighed.combined([-worth[0], worth[1]])
    more = costs[1] - costs[0]
    return value - more, (low - more, high - more)


def _mean(weighed: Grouped, at: int, rows: int, effective: float, *, shares: bool) -> Mean:
    clusters = int(weighed.clusters[at])
    if effective < LEAST_ROWS or clusters < LEAST_CLUSTERS:
        return Mean(rows, clusters, None, None)
    value, error = weighed.estimate(at)
    interval = wilson(value, error, clusters, max(int(effective), 1)) if shares else around(value, error)
    return Mean(rows, clusters, value, interval)
