"""Which decisions of a training dataset are kept, where all of them are more than a model needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from assembly_line.declarations.checks import require
from assembly_line.declarations.typed import typed

GREATEST_SEED = (1 << 63) - 1


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which decisions of a training dataset are kept, where there are more than a model needs.

    A hash of the decision's id and the seed decides. So the same decisions are kept whatever engine builds the dataset.
    Give exactly one of the first three arguments. The first two keep every positive, so they need an outcome with two
    classes.

    Args:
        keep_negatives: the share of the negatives that is kept, above 0 and at most 1.
        negatives_per_positive: how many negatives are kept for each positive: those with the lowest hashes.
        share: the share of all decisions that is kept, above 0 and at most 1.
        seed: another seed keeps others.
    """

    keep_negatives: float | None = None
    negatives_per_positive: float | None = None
    share: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        given = [value for value in (self.keep_negatives, self.negatives_per_positive, self.share) if value is not None]
        require(
            len(given) == 1, "Sampling: give keep_negatives=, negatives_per_positive= or share=, exactly one of them"
        )
        for name, share in (("keep_negatives", self.keep_negatives), ("share", self.share)):
            require(share is None or 0 < share <= 1, f"Sampling: {name} {share} is outside (0, 1]")
        ratio = self.negatives_per_positive
        require(
            ratio is None or (math.isfinite(ratio) and ratio > 0),
            f"Sampling: negatives_per_positive {ratio} is not a number above 0",
        )
        require(0 <= self.seed <= GREATEST_SEED, f"Sampling: seed {self.seed} is outside 0 to {GREATEST_SEED}")

    @property
    def by_class(self) -> bool:
        """Whether the outcome decides what is kept."""
        return self.share is None


def sampling_to_json(sampling: Sampling | None) -> dict[str, Any] | None:
    """The sampling as JSON values, without what is not given."""
    if sampling is None:
        return None
    values = {field.name: getattr(sampling, field.name) for field in fields(sampling)}
    return {name: value for name, value in values.items() if value is not None}
