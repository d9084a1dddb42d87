"""Drawing decisions of a training dataset: by a hash of their ids, so that every engine draws the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.lines import Line
from assembly_line.declarations.sampling import Sampling, sampling_to_json
from assembly_line.errors import RequestRefused
from assembly_line.features.model.plans import Plan
from assembly_line.features.spine.many_decision_ids import decision_ids
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.columns import Column, Flags

if TYPE_CHECKING:
    from assembly_line.requests import DatasetRequest

Hashes = NDArray[np.uint64]
# An id ends in 32 hexadecimal digits of SHA-256; 16 of them are 64 bits.
DIGITS = 16
REASON = "sampled_out"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is left of a spine.

    Args:
        outcome: columns of the outcome that were needed for the draw, for the decisions that are left.
        report: what was asked, kept and dropped, and the weights that undo it, as JSON values; None without sampling.
    """

    spine: Spine
    outcome: dict[str, Column]
    report: dict[str, Any] | None


def sampling_of(line: Line, request: DatasetRequest) -> Sampling | None:
    """The sampling that a request means: its own, or the line's; none for scoring.

    Raises:
        RequestRefused: it asks for classes of an outcome that has none.
    """
    if request.purpose != "training":
        return None
    if request.sampling is None:
        return line.decision.sampling
    chosen = Sampling(**request.sampling.model_dump(exclude_none=True))
    if chosen.by_class and not line.outcome.has_classes:
        raise RequestRefused(
            f"sampling: the outcome {line.outcome.name} is measured as {line.outcome.measure} and has no negatives; "
            "ask for a share of all decisions",
            where="sampling",
            value="by class",
            expected="a share of all decisions",
        )
    return chosen


def draw(plan: Plan, spine: Spine, outcome: Mapping[str, Column]) -> Drawn:
    """The decisions that the plan's sampling keeps.

    Args:
        outcome: the outcome's columns, if the sampling is by class.
    """
    sampling = plan.sampling
    if sampling is None:
        return Drawn(spine, dict(outcome), None)
    ids = decision_ids(plan.line.name, spine.keys, spine.times)
    hashes = hashed(ids, sampling.seed)
    groups: dict[str, tuple[Flags, float | None]]
    if sampling.share is not None:
        kept = _below(hashes, sampling.share)
        groups = {"decisions": (np.ones(len(kept), np.bool_), 1 / sampling.share)}
    else:
        positive = outcome[plan.line.outcome.name].values == plan.line.outcome.present
        negatives, weight = _negatives(sampling, hashes, positive)
        kept = positive | negatives
        groups = {"positives": (positive, 1.0), "negatives": (~positive, weight)}
    # A decision without all its keys has no id, and is left for the quality gate to find.
    kept |= ~ids.valid
    chosen = np.flatnonzero(kept)
    report = {
        "asked": sampling_to_json(sampling),
        "kept": {name: int((kept & group).sum()) for name, (group, _) in groups.items()},
        "dropped": {name: int((~kept & group).sum()) for name, (group, _) in groups.items()},
        "weights": {name: weight for name, (_, weight) in groups.items()},
    }
    left = {name: column.take(chosen) for name, column in outcome.items()}
    return Drawn(spine.only(chosen, REASON), left, report)


def share_of_positives(report: Mapping[str, Any]) -> float | None:
    """Of all decisions that were there to be drawn from; None if they were not told apart by class."""
    there = {name: kept + report["dropped"][name] for name, kept in report["kept"].items()}
    whole = sum(there.values())
    return there["positives"] / whole if whole and "positives" in there else None


def hashed(ids: Column, seed: int) -> Hashes:
    """64 well-mixed bits of each id and the seed."""
    digits = [int(text[-DIGITS:] or "0", 16) for text in ids.values.tolist()]
    return _mixed(np.array(digits, np.uint64) ^ _mixed(np.array([seed], np.uint64)))


def _mixed(bits: Hashes) -> Hashes:
    """SplitMix64's finaliser: every bit of the input moves every bit of the output."""
    with np.errstate(over="ignore"):
        bits = bits + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(bits ^ (bits >> np.uint64(31)))


def _below(hashes: Hashes, share: float) -> Flags:
    """53 bits of a hash are a number in [0, 1), exactly."""
    return np.asarray((hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share)


def _negatives(sampling: Sampling, hashes: Hashes, positive: Flags) -> tuple[Flags, float | None]:
    """The negatives that are kept, and how many each stands for; None if none is kept."""
    if sampling.keep_negatives is not None:
        return ~positive & _below(hashes, sampling.keep_negatives), 1 / sampling.keep_negatives
    there = hashes[~positive]
    wanted = math.floor((sampling.negatives_per_positive or 0) * (len(hashes) - len(there)))
    if wanted >= len(there):
        return ~positive, 1.0
    if wanted == 0:
        return np.zeros(len(hashes), np.bool_), None
    # A decision that the spine repeats has one hash: all of it is kept or none.
    limit = np.partition(there, wanted - 1)[wanted - 1]
    kept = ~positive & (hashes <= limit)
    return kept, len(there) / int(kept.sum())
