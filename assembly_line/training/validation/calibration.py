"""How far answers are from what happened on average: in bins of probability, in deciles of amounts, in coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.outcome_kinds import Amount, Answer, Binary, Count, Multiclass, OutcomeKind, Quantiles, Truth
from assembly_line.training.validation.ranks import places_of

Floats = NDArray[np.float64]
BINS = 10
SIMULATED = 200
# A matrix of more classes tells nobody anything, and the packet has to stay small.
MOST_CLASSES = 20


def calibration_of(
    kind: OutcomeKind, answers: Sequence[Answer], outcomes: Sequence[Truth], *, seed: int
) -> dict[str, Any] | None:
    """The calibration error of a kind, with the bins behind it; None for a kind that has none.

    Bins hold about equally many decisions, and equal answers stand together.

    Args:
        answers: shape (n, width of the kind).
        outcomes: shape (n,), as the script learns them.
        seed: of the simulation behind `by_chance`.

    Returns:
        `error`; `by_chance`, the error to expect if the probabilities were right, else None; and `curves`: name ->
        bins, each `[answered, happened, rows]` on average. For quantiles there is one bin a level: `[level, share of
        outcomes at or below the answer, rows]`.

    Source:
        Nguyen and O'Connor (2015), "Posterior calibration and exploratory analysis for natural language processing
        models", for bins of equal mass; Kull et al. (2019), "Beyond temperature scaling", for the mean over classes.
    """
    given, happened = np.array(answers, np.float64), np.array(outcomes, np.float64)
    match kind:
        case Binary():
            return _of_classes({"": given[:, 0]}, {"": happened}, seed=seed)
        case Multiclass():
            scores = {str(name): given[:, place] for place, name in enumerate(kind.classes)}
            there = {str(name): (happened == place) * 1.0 for place, name in enumerate(kind.classes)}
            return _of_classes(scores, there, seed=seed)
        case Quantiles():
            covered = (happened[:, None] <= given).mean(axis=0)
            bins = [[level, float(share), len(happened)] for level, share in zip(kind.levels, covered, strict=True)]
            return {"error": _gap(bins), "by_chance": None, "curves": {"": bins}}
        case Amount() | Count():
            bins = _bins(given[:, 0], happened)
            size = float(np.abs(happened).mean())
            return {"error": _gap(bins) / size if size else None, "by_chance": None, "curves": {"": bins}}
        case _:
            return None


def _of_classes(scores: dict[str, Floats], there: dict[str, Floats], *, seed: int) -> dict[str, Any]:
    curves = {name: _bins(scores[name], there[name]) for name in scores}
    random = np.random.default_rng(seed)
    chance = np.mean([_error_if_right(one, random) for one in scores.values()])
    return {
        "error": float(np.mean([_gap(bins) for bins in curves.values()])),
        "by_chance": float(chance),
        "curves": dict(list(curves.items())[:MOST_CLASSES]),
    }


def _bins(given: Floats, happened: Floats) -> list[list[float]]:
    return [[float(given[rows].mean()), float(happened[rows].mean()), int(rows.size)] for rows in _rows_of(given)]


def _rows_of(given: Floats) -> list[NDArray[np.intp]]:
    place = places_of(given, BINS)
    return [np.flatnonzero(place == one) for one in np.unique(place)]


def _gap(bins: Sequence[Sequence[float]]) -> float:
    """The mean distance of answered and happened, each bin by its rows."""
    rows = sum(one[2] for one in bins)
    return float(sum(abs(answered - happened) * held for answered, happened, held in bins) / rows)


def _error_if_right(given: Floats, random: np.random.Generator) -> float:
    """The error that chance alone makes of probabilities that are right: a small holdout has one, too."""
    gaps = np.zeros(SIMULATED)
    for rows in _rows_of(given):
        happened = (random.random((SIMULATED, rows.size)) < given[rows]).mean(axis=1)
        gaps += np.abs(happened - given[rows].mean()) * rows.size
    return float(gaps.mean() / given.size)
