"""Class balance of a training part: weights, or fewer rows of the commoner outcome. Parts that judge are left alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from assembly_line.errors import RequestRefused
from assembly_line.features.values.columns import Flags, Floats, Integers
from assembly_line.model_types import Balanced


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a training part is learnt from.

    Args:
        rows: positions within the part, ascending.
        weights: of these rows; None where none are asked for.
        record: what was done, with its factor, as the manifest shows it.
    """

    rows: Integers
    weights: Floats | None
    record: dict[str, Any]


def balanced(spec: Balanced, positive: Flags, decision_ids: Sequence[str]) -> Balance:
    """Balance one training part.

    Args:
        positive: whether each row's outcome is present.
        decision_ids: of the same rows; with the seed they decide which are kept, whatever the order of the rows.

    Raises:
        RequestRefused: every outcome of the part is the same, so that there is nothing to balance.
    """
    everything = np.arange(len(positive))
    if spec.balance == "none":
        return Balance(rows=everything, weights=None, record={"balance": "none"})
    positives = int(positive.sum())
    rarer, commoner = sorted((positives, len(positive) - positives))
    if not rarer:
        raise RequestRefused(
            f"model.balance: {positives} of {len(positive)} training rows have the outcome; {spec.balance} needs both "
            "outcomes in the training part; choose a longer period, or balance none",
            where="model.balance",
            value=f"{spec.balance} of {positives} positives in {len(positive)} rows",
            expected="both outcomes in the training part",
        )
    is_rarer = positive if positives == rarer else ~positive
    match spec.balance:
        case "weights":
            factor = commoner / rarer
            weighted = "present" if is_rarer is positive else "absent"
            record = {"balance": "weights", "factor": factor, "weighted": weighted}
            return Balance(rows=everything, weights=np.where(is_rarer, factor, 1.0), record=record)
        case "downsample":
            return _downsampled(spec, is_rarer, decision_ids)
        case _:
            assert_never(spec.balance)


def _downsampled(spec: Balanced, is_rarer: Flags, decision_ids: Sequence[str]) -> Balance:
    rarer = int(is_rarer.sum())
    commoner = len(is_rarer) - rarer
    kept = min(commoner, round(rarer * spec.majority))
    others = np.flatnonzero(~is_rarer)
    drawn = sorted(others.tolist(), key=lambda row: _draw(spec.seed, decision_ids[row]))[:kept]
    rows = np.sort(np.concatenate([np.flatnonzero(is_rarer), np.array(drawn, np.int64)]))
    record = {"balance": "downsample", "factor": kept / commoner, "kept": kept, "of": commoner, "seed": spec.seed}
    return Balance(rows=rows, weights=None, record=record)


def _draw(seed: int, decision_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{decision_id}".encode()).digest()
