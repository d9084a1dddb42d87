"""A linear model beside the run's own: learnt from the same rows, judged on the same decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.features import Feature
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.encoding import LARGEST, Table, kind_of
from assembly_line.features import fit_inputs
from assembly_line.outcome_kinds import (
    Amount,
    Answer,
    Binary,
    Count,
    Multiclass,
    OutcomeKind,
    Quantiles,
    Truth,
    quantile,
)

Floats = NDArray[np.float64]
# Beyond these, a baseline would take the time of a model.
MOST_ROWS = 20_000
MOST_CATEGORIES = 50
# Rows by columns by models: 80 MB a copy, within the memory and the time of the function that prepares a run.
MOST_CELLS = 10_000_000
MOST_COLUMNS = 1_000
STEPS = 50
# Of the exponent of a count's expected number.
LARGEST_LOG = 30.0
ENOUGH = 1e-8
PREPARED = Preprocessing(encoding="one_hot", imputation="mean", scaling="standard", unknown=True)

# Of linear predictors: what is expected of the outcome, and its derivative; and the negative log-likelihood.
Expected = Callable[[Floats], tuple[Floats, Floats]]
Loss = Callable[[Floats, Floats], float]


def linear_answers(
    kind: OutcomeKind,
    features: Mapping[str, Feature],
    learnt: Table,
    labels: Sequence[Truth],
    asked: Table,
) -> list[Answer] | None:
    """The answers of a linear model with a ridge penalty of 1 on standardised inputs.

    None for a kind without one, and where the features take more than 1,000 columns.

    Logistic for two classes, one class against the others for several, log-linear for counts, least squares for
    amounts. Quantiles are those of its residuals around its answer.

    Args:
        kind: of the outcome.
        features: the line's. A category of more than 50 values is left out.
        learnt: feature -> values of the training part. Of more than 20,000 rows, as many at equal distances teach it;
            fewer where rows by columns, for each class, were more than 10 million.
        labels: outcomes of the training part, as the script learns them.
        asked: feature -> values of the held-out decisions.
    """
    read = {name: one for name, one in features.items() if _is_narrow(one, learnt[name])}
    width = sum(_columns(one, learnt[name]) for name, one in read.items())
    if not 0 < width <= MOST_COLUMNS:
        return None
    most = min(MOST_ROWS, MOST_CELLS // (width * _models(kind)))
    rows = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), most)).round().astype(int))
    taught = {name: _plain(one, [learnt[name][row] for row in rows.tolist()]) for name, one in read.items()}
    inputs = fit_inputs(read, taught, PREPARED)
    answer = fitted(kind, np.nan_to_num(inputs.matrix(taught)), np.array(labels, np.float64)[rows])
    if answer is None:
        return None
    found: list[Answer] = []
    # In pieces: all columns of all held-out decisions at once could be larger than the memory.
    for begin in range(0, len(asked[next(iter(read))]), most):
        piece = {name: _plain(one, asked[name][begin : begin + most]) for name, one in read.items()}
        found += answer(np.nan_to_num(inputs.matrix(piece)))
    return found


def fitted(kind: OutcomeKind, learnt: Floats, outcomes: Floats) -> Callable[[Floats], list[Answer]] | None:
    """The model, which answers standardised rows within the range of the kind; None for a kind without one.

    Args:
        learnt: shape (n, k), standardised.
        outcomes: shape (n,).
    """
    model = _model(kind, _with_constant(learnt), outcomes)
    if model is None:
        return None

    def answer(asked: Floats) -> list[Answer]:
        bounded = np.clip(model(_with_constant(asked)), kind.lowest, kind.highest)
        return [tuple(map(float, row)) for row in bounded]

    return answer


def _with_constant(rows: Floats) -> Floats:
    return np.column_stack([np.ones(len(rows)), rows])


def _model(kind: OutcomeKind, design: Floats, outcomes: Floats) -> Callable[[Floats], Floats] | None:
    match kind:
        case Binary():
            weights = _newton(design, outcomes, _probability, _log_loss)
            return lambda rows: _logistic(rows @ weights)[:, None]
        case Multiclass():
            each = [_newton(design, (outcomes == one) * 1.0, _probability, _log_loss) for one in range(kind.width)]
            return lambda rows: _shares(np.column_stack([_logistic(rows @ weights) for weights in each]))
        case Count():
            weights = _newton(design, outcomes, _count, _poisson_loss)
            return lambda rows: _exponential(rows @ weights)[:, None]
        case Amount():
            weights = _least_squares(design, outcomes)
            return lambda rows: (rows @ weights)[:, None]
        case Quantiles():
            weights = _least_squares(design, outcomes)
            residuals = (outcomes - design @ weights).tolist()
            around = np.array([quantile(residuals, level) for level in kind.levels])
            return lambda rows: (rows @ weights)[:, None] + around
        case _:
            return None


def _shares(scores: Floats) -> Floats:
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def _is_narrow(feature: Feature, values: Sequence[Any]) -> bool:
    return kind_of(feature) != "category" or len(set(values)) <= MOST_CATEGORIES


def _columns(feature: Feature, values: Sequence[Any]) -> int:
    """How many columns the feature takes at most: one for each category, and for a missing and an unknown one."""
    return len(set(values)) + 2 if kind_of(feature) == "category" else 2


def _models(kind: OutcomeKind) -> int:
    return kind.width if isinstance(kind, Multiclass) else 1


def _plain(feature: Feature, values: Sequence[Any]) -> Sequence[Any]:
    """Numbers as floats, as the plain encoding writes them: infinite ones are the largest, NaN is missing."""
    if kind_of(feature) != "number":
        return values
    numbers = (None if value is None else float(value) for value in values)
    return [None if one is None or isnan(one) else min(max(one, -LARGEST), LARGEST) for one in numbers]


def _penalty(design: Floats) -> Floats:
    """On every weight but the constant's."""
    return np.diag([0.0] + [1.0] * (design.shape[1] - 1))


def _least_squares(design: Floats, outcomes: Floats) -> Floats:
    return np.asarray(np.linalg.solve(design.T @ design + _penalty(design), design.T @ outcomes))


def _newton(design: Floats, outcomes: Floats, expected: Expected, loss: Loss) -> Floats:
    """The weights at which loss and penalty are least, by Newton's method; the step is halved until it helps.

    Source:
        Hastie, Tibshirani and Friedman (2009), "The Elements of Statistical Learning", section 4.4.1.
    """
    penalty, weights = _penalty(design), np.zeros(design.shape[1])

    def cost(of: Floats) -> float:
        return loss(design @ of, outcomes) + float(of @ penalty @ of) / 2

    now = cost(weights)
    for _ in range(STEPS):
        mean, slope = expected(design @ weights)
        gradient = design.T @ (mean - outcomes) + penalty @ weights
        curvature = (design.T * slope) @ design + penalty + ENOUGH * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while cost(weights - size * step) > now and size > ENOUGH:
            size /= 2
        weights = weights - size * step
        now = cost(weights)
        if np.abs(step).max() < ENOUGH:
            break
    return weights


def _logistic(predictor: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(predictor / 2)))


def _probability(predictor: Floats) -> tuple[Floats, Floats]:
    found = _logistic(predictor)
    return found, found * (1 - found)


def _log_loss(predictor: Floats, outcomes: Floats) -> float:
    return float((np.logaddexp(0, predictor) - outcomes * predictor).sum())


def _exponential(predictor: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(predictor, -LARGEST_LOG, LARGEST_LOG)))


def _count(predictor: Floats) -> tuple[Floats, Floats]:
    found = _exponential(predictor)
    return found, found


def _poisson_loss(predictor: Floats, outcomes: Floats) -> float:
    return float((_exponential(predictor) - outcomes * predictor).sum())
