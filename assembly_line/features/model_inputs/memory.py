"""Whether a machine can prepare model inputs: judged before reading, and again when the columns are known."""

from __future__ import annotations

from assembly_line.errors import RequestRefused
from assembly_line.features.model.memory import MEMORY_SHARE, MIB
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.model_types import Forecasting, ModelSpec

BYTES_A_VALUE = 8
# A value of the dataset is held about six times at once: as read, encoded, and by the fitting of what prepares it.
COPIES = 6
# Measured: the numbers of a fold are held beside the dataset as they are computed, checked, registered and written.
NUMBER_COPIES = 4


def require_memory(spec: ModelSpec, facts: Facts, *, memory_mib: int, outputs: int | None = None) -> None:
    """Refuse a dataset whose model inputs this machine cannot prepare.

    Args:
        memory_mib: of the machine; a step may plan with a share of it.
        outputs: columns of numbers that the features become, once that is known; at least one each.

    Raises:
        RequestRefused: rows x columns need more memory.
    """
    read = len(facts.features) + len(facts.keys) + 4
    steps = spec.horizon if isinstance(spec, Forecasting) else 1
    written = (len(facts.features) if outputs is None else outputs) + steps
    needed = -(-facts.rows * (read * COPIES + written * NUMBER_COPIES) * BYTES_A_VALUE // MIB)
    bound = int(memory_mib * MEMORY_SHARE)
    if needed > bound:
        raise RequestRefused(
            f"model: {facts.rows} rows x {read} columns, to be written as {written}, need about {needed} MiB, more "
            f"than the {bound} MiB of this machine; ask for fewer features or a shorter period, encoding ordinal where "
            "it is one_hot, or raise dataset_memory_mib; the dataset itself is built all the same",
            where="model",
            value=f"about {needed} MiB",
            expected=f"at most {bound} MiB",
        )
