"""Values in parts of about equally many, where equal ones stand together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def places_of(values: NDArray[Any], parts: int) -> NDArray[np.int64]:
    """The part of each value, from 0 to `parts` - 1 in ascending order.

    A value stands where the middle of its equals does. However many are equal, what lies beside them has a part of its
    own, and some parts stay empty.

    Args:
        values: shape (n,), without NaN.
        parts: how many.
    """
    _, place, rows = np.unique(values, return_inverse=True, return_counts=True)
    twice_the_middle = 2 * np.cumsum(rows) - rows
    found: NDArray[np.int64] = (twice_the_middle * parts // (2 * max(values.size, 1)))[place]
    return found
