"""The small tables that the plots of a review packet are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.outcome_kinds import Amount, Answer, Binary, Count, Multiclass, OutcomeKind, Truth
from assembly_line.training.validation.calibration import MOST_CLASSES

Floats = NDArray[np.float64]
POINTS = 100
BARS = 20
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def curves_of(kind: OutcomeKind, answers: Sequence[Answer], outcomes: Sequence[Truth]) -> dict[str, Any]:
    """Tables by name, each of at most a few hundred numbers.

    Args:
        answers: shape (n, width of the kind).
        outcomes: shape (n,), as the script learns them.

    Returns:
        for a binary kind `ranked`: `[decisions, positives among them]`, from the highest scores down, and `scores`:
        `[from, to, negatives, positives]`. For a multiclass one `confusion`: counts by outcome and likeliest class. For
        numbers `residuals`: `[mean answer, *quantiles of outcome less answer]` by decile of the answer.
    """
    given, happened = np.array(answers, np.float64), np.array(outcomes, np.float64)
    match kind:
        case Binary():
            return {"ranked": _ranked(given[:, 0], happened), "scores": _histogram(given[:, 0], happened)}
        case Multiclass() if kind.width <= MOST_CLASSES:
            return {"confusion": _confusion(given, happened), "classes": [str(name) for name in kind.classes]}
        case Amount() | Count():
            return {"residuals": _residuals(given[:, 0], happened)}
        case _:
            return {}


def _ranked(scores: Floats, outcomes: Floats) -> list[list[int]]:
    """Never between equal scores, so that every point can be acted on."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(outcomes[order])
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    kept = ends[np.unique(np.linspace(0, ends.size - 1, POINTS).round().astype(int))]
    return [[0, 0], *([int(end) + 1, int(hits[end])] for end in kept)]


def _histogram(scores: Floats, outcomes: Floats) -> list[list[float]]:
    edges = np.linspace(0, 1, BARS + 1)
    no, yes = (np.histogram(scores[outcomes == value], edges)[0] for value in (0, 1))
    return [[float(edges[bar]), float(edges[bar + 1]), int(no[bar]), int(yes[bar])] for bar in range(BARS)]


def _confusion(given: Floats, outcomes: Floats) -> list[list[int]]:
    found = np.zeros((given.shape[1], given.shape[1]), int)
    np.add.at(found, (outcomes.astype(int), given.argmax(axis=1)), 1)
    return [[int(count) for count in row] for row in found]


def _residuals(given: Floats, outcomes: Floats) -> list[list[float]]:
    parts = np.array_split(np.argsort(given, kind="stable"), 10)
    return [
        [float(given[rows].mean()), *(float(q) for q in np.quantile(outcomes[rows] - given[rows], SHARES))]
        for rows in parts
        if rows.size
    ]
