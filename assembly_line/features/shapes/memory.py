"""Whether a machine can shape a dataset: judged by its numbers of rows and columns, before it is read."""

from __future__ import annotations

from assembly_line.errors import RequestRefused
from assembly_line.features.memory import MIB
from assembly_line.features.planning import MEMORY_SHARE
from assembly_line.features.shapes.facts import Facts
from assembly_line.model_types import Forecasting, ShapedType

BYTES_A_VALUE = 8
# A value of the dataset is held about six times at once: as read, encoded, and by the fitting of what prepares it.
COPIES = 6
# A fold's numbers are held beside the dataset that they come from: computed, checked, written.
NUMBER_COPIES = 3


def require_memory(wish: ShapedType, facts: Facts, *, memory_mib: int) -> None:
    """Refuse a dataset that this machine cannot shape, before it is read.

    Raises:
        RequestRefused: rows x columns need more memory than a step may plan with.
    """
    columns = len(facts.features) + len(facts.keys) + 4
    steps = wish.horizon if isinstance(wish, Forecasting) else 0
    needed = -(-facts.rows * (columns * COPIES + steps * NUMBER_COPIES) * BYTES_A_VALUE // MIB)
    bound = int(memory_mib * MEMORY_SHARE)
    if needed > bound:
        raise RequestRefused(
            f"model: {facts.rows} rows x {columns + steps} columns need about {needed} MiB to shape, more than the "
            f"{bound} MiB of this machine; ask for fewer features or a shorter period, raise dataset_memory_mib, or "
            "read the dataset itself, which is built all the same"
        )
