"""Everything that is looked into beside the measures of a run, in one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.declarations.training.validation import Validation
from assembly_line.metrics import difference
from assembly_line.outcome_kinds import Answer, OutcomeKind
from assembly_line.training.evaluation import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED
from assembly_line.training.inputs import Truth
from assembly_line.training.validation.calibration import calibration_of
from assembly_line.training.validation.curves import curves_of
from assembly_line.training.validation.importance import importance_of
from assembly_line.training.validation.limits import judged_limits, missed, recipe_limits
from assembly_line.training.validation.perturbation import stability
from assembly_line.training.validation.questions import LEAST_ROWS
from assembly_line.training.validation.recipe import FurtherFit, recipe_of
from assembly_line.training.validation.segments import by_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain:
    """Answers of held-out decisions that were asked about with other values, or why they cannot be used.

    Args:
        nudged: with changed numbers, in the order of `truth.nudged`.
        exchanged: with exchanged values, for each of `truth.features` in the order of `truth.exchanged`.
    """

    nudged: Sequence[Answer] | str = ()
    exchanged: Sequence[Answer] | str = ()


def validated(
    line: Line,
    answers: Sequence[Answer],
    truth: Truth,
    metrics: Mapping[str, Any],
    *,
    again: AskedAgain,
    further: Sequence[FurtherFit] = (),
) -> dict[str, Any]:
    """Look into a judged fit.

    Args:
        line: whose validation applies.
        answers: of the held-out decisions.
        truth: of the holdout.
        metrics: as `evaluate` found them.
        again: answers to what was asked once more.
        further: the fits that look into the recipe.

    Returns:
        `segments`, `linear`, `calibration`, `stability`, `importance`, `curves`, what `recipe_of` found, `limits`, and
        `missed`: sentences about the limits that are not kept.
    """
    kind, seed, declared = line.predicts, BOOTSTRAP_SEED, line.validation
    segments = by_segment(
        kind,
        answers,
        truth.outcome,
        truth.cluster,
        truth.segments,
        least_rows=declared.segment_rows,
        seed=seed,
    )
    calibration = calibration_of(kind, answers, truth.outcome, seed=seed)
    stable = stability(kind, answers, again.nudged, truth.nudged)
    recipe = recipe_of(
        kind,
        further,
        answers=answers,
        baseline=line.training.baseline,
        shares=declared.learning_curve,
    )
    limits = [
        *judged_limits(declared, metrics, segments, calibration=calibration, stability=stable),
        *recipe_limits(kind, declared, metrics, recipe),
    ]
    return {
        "segments": segments,
        "linear": _beside_the_linear_model(line, answers, truth),
        "calibration": calibration,
        "stability": stable,
        "importance": importance_of(kind, answers, again.exchanged, truth, seed=seed) or _no_room(declared, kind),
        "curves": curves_of(kind, answers, truth.outcome),
        **recipe,
        "limits": limits,
        "missed": missed(limits),
    }


def _no_room(declared: Validation, kind: OutcomeKind) -> dict[str, Any] | None:
    """Why nothing is known of the features' importance, where it was to be known."""
    why = f"the batch has room for fewer than {LEAST_ROWS} decisions with exchanged values of each feature"
    return (
        {"measure": kind.measures[0].name, "rows": 0, "unusable": why, "features": {}} if declared.importance else None
    )


def _beside_the_linear_model(line: Line, answers: Sequence[Answer], truth: Truth) -> dict[str, Any] | None:
    """Measure -> figure of the linear model, the run's less it, the 95 % interval of that, and what it says."""
    if truth.linear is None:
        return None
    found = difference(
        line.predicts,
        answers,
        [tuple(answer) for answer in truth.linear],
        truth.outcome,
        truth.cluster,
        draws=BOOTSTRAP_DRAWS,
        seed=BOOTSTRAP_SEED,
    )
    return {
        name: {"figure": one["champion"], **{part: one[part] for part in ("difference", "interval", "says")}}
        for name, one in found.items()
    }
