"""What further fits say of the recipe: over earlier time, with planted noise, and with fewer rows to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assembly_line.metrics import difference
from assembly_line.names import Phase
from assembly_line.outcome_kinds import Answer, Measure, OutcomeKind
from assembly_line.training.evaluation import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED, evaluate
from assembly_line.training.inputs import Truth
from assembly_line.training.phases import Fit
from assembly_line.training.validation.importance import importance_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherFit:
    """A further fit after its jobs.

    Args:
        fit: which one.
        prepared: the document of `preparation`.
        truth: of what it is judged on.
        answers: of these decisions.
        exchanged: of those whose planted values were exchanged; or why these answers cannot be used.
    """

    fit: Fit
    prepared: Mapping[str, Any]
    truth: Truth
    answers: Sequence[Answer]
    exchanged: Sequence[Answer] | str = ()


def recipe_of(
    kind: OutcomeKind,
    fits: Sequence[FurtherFit],
    *,
    answers: Sequence[Answer],
    baseline: str,
    shares: Sequence[float],
) -> dict[str, Any]:
    """What was declared of these: nothing of what was not.

    Args:
        kind: of the outcome.
        fits: the further ones, in any order.
        answers: of the judged fit about the holdout.
        baseline: the feature that makes the rule.
        shares: of the learning curve.

    Returns:
        `folds`: name of the fit -> `from`, `to`, `rows`, `learnt`, `purged` and `measures`, each with `figure`,
        `interval`, `prior` and `baseline` where it has one; `spread`: measure -> `mean`, `deviation` (the sample's,
        None of fewer than two), `worst` and the `fold` that has it. `noise`: `importance` of the planted feature, and
        `measures` with the `figure` of the fit that learnt from it, less the judged fit's as `difference`. And
        `learning_curve`: name of the fit -> `share`, `learnt` and `measures`.
    """
    found: dict[str, Any] = {}
    folds = {one.fit.name: _of_fold(kind, one, baseline) for one in fits if one.fit.phase is Phase.FOLD}
    if folds:
        found |= {"folds": folds, "spread": _spread(kind, folds)}
    for one in fits:
        if one.fit.phase is Phase.NOISE:
            found["noise"] = _of_noise(kind, one, answers)
    parts = {
        one.fit.name: {"share": shares[one.fit.number - 1], **_judged(kind, one, baseline)}
        for one in fits
        if one.fit.phase is Phase.PART
    }
    if parts:
        found["learning_curve"] = parts
    return found


def _judged(kind: OutcomeKind, one: FurtherFit, baseline: str) -> dict[str, Any]:
    metrics = evaluate(one.answers, one.truth, kind=kind, prior=one.prepared["prior"], baseline_feature=baseline)
    return {"learnt": one.prepared["rows"], "measures": measures_of(kind, metrics)}


def measures_of(kind: OutcomeKind, metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Measure -> its `figure`, `interval`, and the figures of the constant answer and of the rule where there are."""
    found = {}
    for measure in kind.measures:
        beside = {
            of: metrics[f"{of}_{measure.name}"] for of in ("prior", "baseline") if f"{of}_{measure.name}" in metrics
        }
        interval = metrics[f"{measure.name}_interval"]
        found[measure.name] = {"figure": metrics[measure.name], "interval": interval, **beside}
    return found


def _of_fold(kind: OutcomeKind, one: FurtherFit, baseline: str) -> dict[str, Any]:
    split = one.prepared["split"]
    return {
        "from": split["holdout_from"],
        "to": split["holdout_to"],
        "rows": split["holdout_rows"],
        "purged": split["purged_rows"],
        **_judged(kind, one, baseline),
    }


def _spread(kind: OutcomeKind, folds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {measure.name: _of_measure(measure, folds) for measure in kind.measures}


def _of_measure(measure: Measure, folds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A fold whose figure is not computable says nothing."""
    figures = {name: one["measures"][measure.name]["figure"] for name, one in folds.items()}
    known = {name: figure for name, figure in figures.items() if figure is not None}
    if not known:
        return {"mean": None, "deviation": None, "worst": None, "fold": None}
    worst = (min if measure.higher else max)(known, key=known.__getitem__)
    values = np.array(list(known.values()))
    deviation = float(values.std(ddof=1)) if values.size > 1 else None
    return {"mean": float(values.mean()), "deviation": deviation, "worst": known[worst], "fold": worst}


def _of_noise(kind: OutcomeKind, one: FurtherFit, answers: Sequence[Answer]) -> dict[str, Any]:
    beside = difference(
        kind,
        one.answers,
        answers,
        one.truth.outcome,
        one.truth.cluster,
        draws=BOOTSTRAP_DRAWS,
        seed=BOOTSTRAP_SEED,
    )
    return {
        "importance": importance_of(kind, one.answers, one.exchanged, one.truth, seed=BOOTSTRAP_SEED),
        "measures": {
            name: {
                "figure": with_noise["challenger"],
                **{part: with_noise[part] for part in ("difference", "interval", "says")},
            }
            for name, with_noise in beside.items()
        },
    }
