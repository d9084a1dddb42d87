"""Where two runs differ, in the order in which a run comes about: what differs first explains what differs later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FIT = ("rows", "prior", "encoding", "files.train.digest", "files.holdout.digest")
# Step -> what the record of a run says of it. Names that each run has of its own are no difference.
STEPS: Mapping[str, tuple[str, ...]] = {
    "request": ("context.as_of", "context.hyperparameters"),
    "release": ("release", "scripts"),
    "environment": ("image", "instance", "seeds", "measured_with", "bootstrap_draws"),
    "dataset": ("dataset.dataset_id", "dataset.spine_rows", "dataset.rows", "dataset.positives", "features"),
    "split": ("split",),
    "judged fit": (*(f"judged.{name}" for name in _FIT), "judged.archive.digest"),
    "delivered fit": (*(f"delivered.{name}" for name in _FIT), "delivered.archive.digest"),
    "figures": ("evaluation.metrics",),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two records do not share; None where one has no such value."""

    step: str
    name: str
    first: Any
    second: Any


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Where two records of runs differ, in order of the steps of a run.

    Args:
        first: as `run_record` made it.
        second: of the other run.
    """
    return list(_differences(first, second))


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    for step, paths in STEPS.items():
        for path in paths:
            one, other = (dict(_leaves(path, _at(record, path))) for record in (first, second))
            for name in {**one, **other}:
                if one.get(name) != other.get(name):
                    yield Difference(step, name, one.get(name), other.get(name))


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{path}.{name}", inner)
