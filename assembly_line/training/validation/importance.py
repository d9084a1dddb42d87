"""How much worse a model gets when the values of one feature are exchanged among held-out decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assembly_line.metrics import METRICS, intervals
from assembly_line.outcome_kinds import Answer, OutcomeKind
from assembly_line.training.inputs import Truth

DRAWS = 400


def importance_of(
    kind: OutcomeKind, answers: Sequence[Answer], exchanged: Sequence[Answer] | str, truth: Truth, *, seed: int
) -> dict[str, Any] | None:
    """Permutation importance by the first measure of the kind, through the path that serves the model.

    Both answers are of the same decisions, so what makes decisions hard cancels out of the interval. The exchanged
    value of a row is drawn with the row, so the interval holds the chance of the exchange, too.

    Args:
        kind: of the outcome.
        answers: of the holdout.
        exchanged: of the decisions at `truth.exchanged`, for each of `truth.features` in turn; or why these answers
            cannot be used.
        truth: of the holdout.
        seed: of the bootstrap.

    Returns:
        `measure`, `rows`, and `features`: name -> `figure`, by how much the measure is worse with exchanged values, its
        95 % `interval` over the clusters, `change`, the mean change of a score as a share of the scores' standard
        deviation, and `says`: whether it `matters`, or is `noise` because the interval holds 0. `unusable` in place of
        features where answers cannot be used. None where nothing was asked.

    Source:
        Breiman (2001), "Random Forests", Machine Learning 45; Fisher, Rudin and Dominici (2019), "All Models are Wrong,
        but Many are Useful", Journal of Machine Learning Research 20, for any model.
    """
    places, measure = truth.exchanged, kind.measures[0]
    if not places:
        return None
    about = {"measure": measure.name, "rows": len(places)}
    if isinstance(exchanged, str):
        return {**about, "unusable": exchanged, "features": {}}
    metric, sign = METRICS[measure.name], 1 if measure.higher else -1
    first = [answers[place] for place in places]
    outcomes = [truth.outcome[place] for place in places]
    whole = metric(first, outcomes, kind.levels)
    spread = float(np.std([kind.score(answer) for answer in answers]))
    scores = np.array([kind.score(answer) for answer in first])
    found, paired = {}, {}
    kept = None if whole is None else metric.of(first, outcomes, kind.levels)
    for number, name in enumerate(truth.features):
        other = exchanged[number * len(places) : (number + 1) * len(places)]
        figure = metric(other, outcomes, kind.levels)
        moved = np.abs(np.array([kind.score(answer) for answer in other]) - scores)
        found[name] = {
            # Not minus zero, which reads as a small loss.
            "figure": None if whole is None or figure is None else sign * (whole - figure) + 0.0,
            "change": float(moved.mean()) / spread if spread else None,
        }
        if kept is not None and figure is not None:
            one, with_exchanged = kept, metric.of(other, outcomes, kind.levels)
            paired[name] = lambda weights, one=one, other=with_exchanged: sign * (one(weights) - other(weights))
    clusters = [truth.cluster[place] for place in places]
    limits = intervals(paired, clusters, rows=len(places), draws=DRAWS, seed=seed) if paired else {}
    return {**about, "features": {name: {**one, **_judged(limits.get(name))} for name, one in found.items()}}


def _judged(interval: Sequence[float] | None) -> dict[str, Any]:
    said = "noise" if interval is None or interval[0] <= 0 <= interval[1] else "matters"
    return {"interval": None if interval is None else list(interval), "says": said}
