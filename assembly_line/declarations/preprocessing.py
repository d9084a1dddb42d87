"""How features become the numbers that a model reads, as declared: what is fitted follows from the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assembly_line.declarations.checks import require

ENCODINGS = ("ordinal", "one_hot")
IMPUTATIONS = ("none", "mean", "median", "zero")
SCALINGS = ("none", "standard", "robust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What is done to each feature. The defaults leave numbers as they are and missing values missing.

    Args:
        encoding: categories as their index among those of the training part, or as one column each.
        imputation: what stands for a missing number; a column then says where it was missing, if it ever was in the
            training part.
        scaling: numbers and times by mean and standard deviation, or by median and quartiles.
        unknown: with `one_hot`, a column for categories that the training part did not hold, and one for missing ones
            if there were any; without it these have 0, and missing values, in all columns of the feature.
    """

    encoding: Literal["ordinal", "one_hot"] = "ordinal"
    imputation: Literal["none", "mean", "median", "zero"] = "none"
    scaling: Literal["none", "standard", "robust"] = "none"
    unknown: bool = False

    def __post_init__(self) -> None:
        for role, value, known in (
            ("encoding", self.encoding, ENCODINGS),
            ("imputation", self.imputation, IMPUTATIONS),
            ("scaling", self.scaling, SCALINGS),
        ):
            require(value in known, f"Preprocessing: {role} {value!r}: expected one of {', '.join(known)}")
        require(not self.unknown or self.encoding == "one_hot", "Preprocessing: unknown=True needs encoding='one_hot'")
