"""Everything that is looked into beside the measures of a run, in one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.metrics import difference
from assembly_line.outcome_kinds import Answer
from assembly_line.training.evaluation import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED
from assembly_line.training.inputs import Truth
from assembly_line.training.validation.calibration import calibration_of
from assembly_line.training.validation.curves import curves_of
from assembly_line.training.validation.limits import judged_limits, missed
from assembly_line.training.validation.perturbation import stability
from assembly_line.training.validation.segments import by_segment


def validated(
    line: Line, answers: Sequence[Answer], nudged: Sequence[Answer] | str, truth: Truth, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Look into a judged fit.

    Args:
        line: whose validation applies.
        answers: of the held-out decisions.
        nudged: of those that were asked about twice, in the order of `truth.nudged`; or why these cannot be used.
        truth: of the holdout.
        metrics: as `evaluate` found them.

    Returns:
        `segments`, `linear`, `calibration`, `stability`, `curves`, `limits`, and `missed`: sentences about the limits
        that are not kept.
    """
    kind, seed = line.predicts, BOOTSTRAP_SEED
    segments = by_segment(
        kind,
        answers,
        truth.outcome,
        truth.cluster,
        truth.segments,
        least_rows=line.validation.segment_rows,
        seed=seed,
    )
    calibration = calibration_of(kind, answers, truth.outcome, seed=seed)
    stable = stability(kind, answers, nudged, truth.nudged)
    limits = judged_limits(line.validation, metrics, segments, calibration=calibration, stability=stable)
    return {
        "segments": segments,
        "linear": _beside_the_linear_model(line, answers, truth),
        "calibration": calibration,
        "stability": stable,
        "curves": curves_of(kind, answers, truth.outcome),
        "limits": limits,
        "missed": missed(limits),
    }


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
