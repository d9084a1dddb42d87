"""Whether a fit that was repeated gives the same answers, and where the two began to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assembly_line.outcome_kinds import Answer
from assembly_line.training.record import FittedModel


def replication(
    judged: FittedModel,
    replica: FittedModel,
    answers: Sequence[Answer],
    again: Sequence[Answer] | None,
    *,
    tolerance: float,
) -> dict[str, Any]:
    """Compare two fits of one recipe.

    Args:
        judged, replica: both fits after their jobs.
        answers, again: what each fit answers about the held-out decisions, in the same order; None if the second one
            held out others.
        tolerance: how far an answer may lie from the first, as a share of the answers' standard deviation.

    Returns:
        `replicated`; `differs`, the first of `inputs`, `model` and `answers` that is not the same, or None; the
        `largest` distance of two answers, as a share of their standard deviation, or the distance itself where there is
        none; how many of `rows` are `outside` of the tolerance; `tolerance`, and the `instance_types`.
    """
    first = np.array(answers, dtype=float)
    second = np.full_like(first, np.nan) if again is None else np.array(again, dtype=float)
    # Rounding gives equal numbers a deviation.
    spread = np.where(np.ptp(first, axis=0) > 0, first.std(axis=0), 0.0)
    distance = np.nan_to_num(np.abs(second - first), nan=np.inf)
    shares = np.where(distance == 0, 0.0, distance / np.where(spread > 0, spread, 1.0)).max(axis=1)
    # All answers alike have no spread to take a share of: then any distance is outside.
    apart = ((distance > 0) & (spread == 0)).any(axis=1)
    outside = int(np.count_nonzero((shares > tolerance) | apart))
    same_inputs = _same(judged.prepared["files"], replica.prepared["files"])
    return {
        "replicated": same_inputs and outside == 0,
        "differs": _first_difference(
            same_inputs, judged.packaged.digest == replica.packaged.digest, bool(distance.any())
        ),
        "largest": None if again is None else float(shares.max()),
        "outside": outside,
        "rows": len(answers),
        "tolerance": tolerance,
        "instance_types": [fit.prepared["job"]["instance_type"] for fit in (judged, replica)],
    }


def not_replicated(found: Mapping[str, Any]) -> str:
    """What to tell whoever asked for the run."""
    if found["differs"] == "inputs":
        return (
            "The repeated fit read other inputs than the judged one, from the same dataset. Look into the dataset with "
            "`line dataset verify`, and train again."
        )
    return (
        f"The repeated fit does not replicate: {found['outside']} of {found['rows']} answers lie farther apart than "
        f"{found['tolerance']:g} of their standard deviation, the farthest {found['largest']:.4g}; the two began to "
        f"differ in the {found['differs']}. Seed every random choice of the training script; or declare another "
        "validation.tolerance."
    )


def _same(first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """By the digests that both have: earlier versions asked nothing twice, and have none of that."""
    return all(first[name] == second[name] for name in first.keys() & second.keys())


def _first_difference(same_inputs: bool, same_model: bool, answers_differ: bool) -> str | None:
    if not same_inputs:
        return "inputs"
    if not same_model:
        return "model"
    return "answers" if answers_differ else None
