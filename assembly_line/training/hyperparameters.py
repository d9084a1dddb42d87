"""Hyperparameters: what a request may replace, and how SageMaker's script mode wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.names import CONTAINER_CODE, ScriptMode

Value = str | int | float
RESERVED = "sagemaker_"


def resolve(line: Line, requested: Mapping[str, Value]) -> dict[str, str]:
    """The declared hyperparameters with the requested ones in their place, each as JSON text.

    JSON text is what script mode expects: it decodes every value before it calls the script with `--name value`.

    Raises:
        RequestRefused: one is not declared, or is text or a fraction where the declared value is a number or whole.
    """
    declared = line.training.hyperparameters
    for name, value in requested.items():
        if name not in declared or name.startswith(RESERVED):
            known = ", ".join(sorted(declared)) or "none"
            raise RequestRefused(
                f"hyperparameters.{name}: line {line.name} declares no such hyperparameter; it declares {known}",
                where=f"hyperparameters.{name}",
                value=repr(value),
                expected=f"one that line {line.name} declares: {known}",
            )
        _check_kind(name, value, declared[name])
    return {name: json.dumps(value, allow_nan=False) for name, value in ({**declared, **requested}).items()}


def searched(line: Line, requested: Mapping[str, Value]) -> list[str]:
    """The hyperparameters whose values a search finds: those with a range, but for what the request fixes."""
    tuning = line.training.tuning
    return [] if tuning is None else [name for name in tuning.ranges if name not in requested]


def script_mode(hyperparameters: Mapping[str, str], script: str) -> dict[str, str]:
    """What the training job gets: which script, in which folder of the isolated container, and its hyperparameters."""
    return {
        **hyperparameters,
        ScriptMode.PROGRAM: json.dumps(script),
        ScriptMode.CODE: json.dumps(CONTAINER_CODE),
    }


def _check_kind(name: str, value: Value, declared: Value) -> None:
    if isinstance(declared, str):
        return
    expected = "a number" if isinstance(declared, float) else "a whole number"
    fits = isinstance(value, int) or (isinstance(value, float) and isinstance(declared, float))
    if not fits:
        raise RequestRefused(
            f"hyperparameters.{name}: {value!r}: expected {expected} such as {declared!r}",
            where=f"hyperparameters.{name}",
            value=repr(value),
            expected=f"{expected} such as {declared!r}",
        )
