"""Writes tests/unit/training/measures_of_other_libraries.json: what other libraries say of generated answers.

They are installed nowhere in this project: run this in an environment that has the releases of `LIBRARIES`. Their
figures are kept beside the rows, each with and without whole weights of the rows.

    python -m venv /tmp/referees && /tmp/referees/bin/pip install scikit-learn scikit-survival lifelines utilsforecast
    /tmp/referees/bin/python tools/referee_figures.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lifelines.utils import concordance_index
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score
from sksurv.metrics import concordance_index_censored, integrated_brier_score
from sksurv.util import Surv
from utilsforecast.losses import mase as utilsforecast_mase

TARGET = Path(__file__).parents[1] / "tests" / "unit" / "training" / "measures_of_other_libraries.json"
LIBRARIES = ("scikit-learn", "scikit-survival", "lifelines", "utilsforecast")
SEED = 11
DAYS = (5.0, 12.0, 21.0)
CAPACITY = 0.4

Floats = NDArray[np.float64]
Figure = Callable[[Floats, Floats], float]


def ndcg(share: float | None) -> Figure:
    """The mean over the groups that tell anything, each by scikit-learn; equal scores share their places."""

    def figure(answers: Floats, outcomes: Floats) -> float:
        found = []
        for group in np.unique(outcomes[:, 1]):
            relevances, scores = outcomes[outcomes[:, 1] == group, 0], answers[outcomes[:, 1] == group, 0]
            places = len(scores) if share is None else int(share * len(scores) + 1e-9)
            if len(set(relevances.tolist())) > 1 and places:
                found.append(ndcg_score([relevances], [scores], k=places))
        return float(np.mean(found))

    return figure


def concordance(answers: Floats, outcomes: Floats) -> float:
    """By lifelines; scikit-survival has to say the same."""
    days, event = outcomes.T
    found = concordance_index(days, -answers[:, -1], event)
    assert abs(found - concordance_index_censored(event == 1, days, answers[:, -1])[0]) < 1e-12  # noqa: S101
    return float(found)


def integrated_brier(answers: Floats, outcomes: Floats) -> float:
    """By scikit-survival, where the weights come from the very rows that are judged."""
    observed = Surv.from_arrays(outcomes[:, 1] == 1, outcomes[:, 0])
    return float(integrated_brier_score(observed, observed, 1 - answers, DAYS))


def mase(answers: Floats, outcomes: Floats) -> float:
    """By utilsforecast, over series of equal length; the scale stands last and is made into a training part."""
    series = outcomes[:, -1]
    place = np.arange(len(series))
    names = np.unique(series, return_inverse=True)[1]
    judged = pd.DataFrame({"unique_id": names, "ds": place, "y": outcomes[:, 0], "model": answers[:, 0]})
    # Two seasons of one step: the second is so far from the first as the scale says.
    scales = np.unique(series)
    learnt = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(scales)), 2),
            "ds": np.tile([-2, -1], len(scales)),
            "y": np.stack([np.zeros(len(scales)), scales], axis=1).reshape(-1),
        }
    )
    return float(utilsforecast_mase(judged, models=["model"], seasonality=1, train_df=learnt)["model"].mean())


def forecast_rows(random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Ten rows of each of six series; the weight is that of the series, as the mean is over series."""
    scale = np.repeat(np.round(random.uniform(1, 9, 6), 2), 10)
    outcome = random.normal(20, 5, 60)
    answers = np.round(outcome + scale * random.normal(0, 0.8, 60), 2)[:, np.newaxis]
    return answers, np.stack([outcome, scale], axis=1), np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 10)


def ranking_rows(random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Groups of 1 to 7 rows, with equal scores and grades; the weight is that of the group."""
    sizes = random.integers(1, 8, 25)
    group = np.repeat(np.arange(25), sizes)
    relevance = random.choice([0.0, 0.0, 1.0, 2.0, 5.0], len(group))
    answers = np.round(relevance / 5 + random.normal(0, 0.6, len(group)), 0)[:, np.newaxis]
    return answers, np.stack([relevance, group], axis=1), random.integers(0, 4, 25).astype(float)[group]


def survival_rows(random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Some rows end without the event, and some at one instant."""
    rows = 80
    hazard = random.choice([0.02, 0.05, 0.2], rows)
    event, censored = random.exponential(1 / hazard), random.uniform(1, 60, rows)
    event[:6], event[6:12] = 4.0, 9.0
    days = np.minimum(event, censored)
    noise = np.clip(hazard + random.normal(0, 0.02, rows), 0.01, None)
    answers: Floats = np.round(1 - np.exp(-np.round(noise, 2)[:, np.newaxis] * np.array(DAYS)), 3)
    outcomes = np.stack([days, event <= censored], axis=1).astype(float)
    return answers, outcomes, random.integers(0, 4, rows).astype(float)


def repeated(answers: Floats, outcomes: Floats, weights: Floats, *, groups: bool) -> tuple[Floats, Floats]:
    """Each row as often as it weighs; a group that is repeated is another group."""
    taken = [np.flatnonzero(weights > copy) for copy in range(int(weights.max()))]
    rows = np.concatenate(taken)
    found = outcomes[rows].copy()
    if groups:
        found[:, 1] += np.concatenate([np.full(len(part), 1000.0 * copy) for copy, part in enumerate(taken)])
    return answers[rows], found


def case(figure: Figure, rows: tuple[Floats, Floats, Floats], levels: tuple[float, ...], *, groups: bool) -> Any:
    answers, outcomes, weights = rows
    return {
        "answers": answers.tolist(),
        "outcomes": outcomes.tolist(),
        "levels": list(levels),
        "weights": weights.tolist(),
        "figure": figure(answers, outcomes),
        "weighted": figure(*repeated(answers, outcomes, weights, groups=groups)),
    }


def main() -> None:
    random = np.random.default_rng(SEED)
    ranking, survival, forecast = ranking_rows(random), survival_rows(random), forecast_rows(random)
    cases = {
        "ndcg": case(ndcg(None), ranking, (CAPACITY,), groups=True),
        "ndcg_at_capacity": case(ndcg(CAPACITY), ranking, (CAPACITY,), groups=True),
        "concordance": case(concordance, survival, DAYS, groups=False),
        "integrated_brier": case(integrated_brier, survival, DAYS, groups=False),
        "mase": case(mase, forecast, (), groups=False),
    }
    document = {"libraries": {name: version(name) for name in LIBRARIES}, "cases": cases}
    TARGET.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
