"""How features become the numbers that a model reads, as declared: what is fitted follows from the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assembly_line.declarations.checks import require
from assembly_line.declarations.typed import typed


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How features become the numbers that a model reads. The defaults keep numbers as they are, and missing values
    missing.

    Everything is fitted on the training part alone.

    Args:
        encoding: `ordinal` turns a category into its index among those of the training part. `one_hot` makes a column
            for each.
        imputation: what stands for a missing number. If the training part has missing values, one more column says
            where.
        scaling: `standard` scales numbers and times by mean and standard deviation, `robust` by median and quartiles.
        unknown: with `one_hot`: add a column for categories that the training part lacks, and one for missing values if
            there were any. Without it, an unseen category is 0 in all columns of the feature, and a
            missing value is missing in all of them.
    """

    encoding: Literal["ordinal", "one_hot"] = "ordinal"
    imputation: Literal["none", "mean", "median", "zero"] = "none"
    scaling: Literal["none", "standard", "robust"] = "none"
    unknown: bool = False

    def __post_init__(self) -> None:
        require(not self.unknown or self.encoding == "one_hot", "Preprocessing: unknown=True needs encoding='one_hot'")
