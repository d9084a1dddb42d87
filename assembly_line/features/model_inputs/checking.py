"""What can be refused of a model spec before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.facts import kind_of_outcome
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.model_types import Balanced, Forecasting, ModelSpecBase, Ranking, Survival

# What a line declares to have the time of its outcome too.
HOW_TO_DECLARE_TIMES = 'declare it with measure="time_to_event"'


def check_model_spec(spec: ModelSpecBase, line: Line) -> None:
    """Refuse model inputs that no dataset of the line can give.

    Raises:
        RequestRefused: a column that is no key of the decision, or a type of model that the outcome does not suit.
    """
    keys = list(line.decision.keys)
    _require_columns("model.split.keep_together", spec.split.keep_together, keys)
    if isinstance(spec, Ranking):
        _require_columns("model.group", spec.group, [*keys, DECISION_TIME])
    if isinstance(spec, Forecasting) and spec.series is not None:
        _require_columns("model.series", spec.series, keys)
    if line.outcome.classes:
        raise RequestRefused(
            f"model.type: {line.outcome.name} of line {line.name} is one of several classes, which no model inputs "
            "have yet; use type plain"
        )
    kind = kind_of_outcome(line.outcome)
    if isinstance(spec, Survival) and kind != "time_to_event":
        raise RequestRefused(
            f"model.type: survival needs to know when the outcome happened, but {line.outcome.name} of line "
            f"{line.name} is {kind}; {HOW_TO_DECLARE_TIMES}",
            where="model.type",
            value=repr("survival"),
            expected=f"a type for the {kind} outcome of line {line.name}, or an outcome with the time of its event",
        )
    if isinstance(spec, Balanced) and spec.balance != "none" and kind == "numeric":
        raise RequestRefused(
            f"model.balance: {spec.balance} weighs an outcome that is there or not, but {line.outcome.name} of line "
            f"{line.name} is a number; use balance none",
            where="model.balance",
            value=repr(spec.balance),
            expected="'none', as the outcome is a number",
        )


def _require_columns(field: str, names: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = [repr(name) for name in names if name not in known]
    if unknown:
        raise RequestRefused(
            f"{field}: {', '.join(unknown)}: expected key columns of the decision: {', '.join(known)}",
            where=field,
            value=", ".join(unknown),
            expected=f"key columns of the decision: {', '.join(known)}",
        )
