"""A feature of random numbers in one more fit: what cannot matter must not seem to."""

from __future__ import annotations

import numpy as np

from assembly_line.declarations.derived import Ratio
from assembly_line.declarations.features import Feature

SEED = 0
# Any declaration whose values are numbers: nothing computes it.
PLANTED_FEATURE: Feature = Ratio(numerator="planted", denominator="noise")


def planted(rows: int) -> list[float]:
    """Standard normal numbers, the same for the same number of rows."""
    found: list[float] = np.random.default_rng(SEED).standard_normal(rows).tolist()
    return found
