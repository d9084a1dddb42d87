"""Whether scores stay when numbers among the inputs change a little: held-out decisions asked about twice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.features import Feature
from assembly_line.encoding import Table, kind_of
from assembly_line.outcome_kinds import Answer, OutcomeKind

# As a share of the standard deviation that the feature has in the training part.
SHARE = 0.05
MOST_ROWS = 500
SEED = 0
# Behind the id of a decision that is asked about twice. No decision id has it.
MARK = "~"


@dataclass(frozen=True, slots=True)
class Nudged:
    """Held-out decisions whose numbers were changed.

    Args:
        rows: their places in the holdout.
        table: the columns of the holdout, for these rows.
        features: how many features were changed.
    """

    rows: list[int]
    table: Table
    features: int


def nudged(features: Mapping[str, Feature], learnt: Table, holdout: Table) -> Nudged:
    """Each known number up or down by a twentieth of its standard deviation, at random, in up to 500 decisions.

    One that would leave the range of the training part goes the other way, so that no script meets a negative count.

    Args:
        features: the line's.
        learnt: feature -> values of the training part.
        holdout: column -> values of the held-out decisions.
    """
    held = len(next(iter(holdout.values())))
    rows = np.unique(np.linspace(0, held - 1, min(held, MOST_ROWS)).round().astype(int)).tolist()
    random = np.random.default_rng(SEED)
    table: dict[str, Sequence[Any]] = {name: [values[row] for row in rows] for name, values in holdout.items()}
    changed = 0
    for name, feature in features.items():
        known = _known(learnt[name]) if kind_of(feature) == "number" else np.array([])
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that have no deviation are left alone
            step = SHARE * float(known.std()) if known.size else 0.0
        if not (step and math.isfinite(step)):
            continue
        signs = np.where(random.random(len(rows)) < 0.5, -step, step).tolist()
        low, high = float(known.min()), float(known.max())
        table[name] = [_moved(old, by, low, high) for old, by in zip(table[name], signs, strict=True)]
        changed += 1
    return Nudged(rows, table, changed)


def _known(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([float(value) for value in values if value is not None and math.isfinite(value)])


def _moved(old: Any, by: float, low: float, high: float) -> float | None:
    if old is None:
        return None
    return float(old) + (by if low <= float(old) + by <= high else -by)


def stability(
    kind: OutcomeKind, answers: Sequence[Answer], changed: Sequence[Answer] | str, rows: Sequence[int]
) -> dict[str, Any] | None:
    """How far scores moved, as a share of the standard deviation of the holdout's scores.

    Args:
        kind: of the outcome, which says what of an answer is the score.
        answers: of the holdout.
        changed: of the nudged decisions; or why these answers cannot be used.
        rows: places of these decisions in the holdout.

    Returns:
        `rows`, `nudge` (the share of a feature's deviation), and the `change` of a score on average, and the `largest`;
        both are None where every score is the same, and where answers cannot be used, which `unusable` says then. None
        where nothing was asked twice.
    """
    if not rows:
        return None
    if isinstance(changed, str):
        return {"rows": len(rows), "nudge": SHARE, "change": None, "largest": None, "unusable": changed}
    scores = np.array([kind.score(answer) for answer in answers])
    moved = np.abs(np.array([kind.score(answer) for answer in changed]) - scores[list(rows)])
    spread = float(scores.std())
    change, largest = (float(of(moved)) / spread if spread else None for of in (np.mean, np.max))
    return {"rows": len(rows), "nudge": SHARE, "change": change, "largest": largest}
