"""What preparing model inputs needs of a dataset beside its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assembly_line.declarations.outcomes import Outcome
from assembly_line.features.model.plans import Plan

OutcomeKind = Literal["binary", "numeric", "time_to_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A finished training dataset.

    Args:
        logical_digest: of its rows, whatever file and engine they came from.
        keys: key columns of a decision.
        features: in the order of the dataset's columns.
        outcome: column of the outcome.
        kind: what the outcome says: whether something happened, a number, or also when it happened.
        present: the value of the outcome where it happened.
    """

    line: str
    dataset_id: str
    logical_digest: str
    as_of: str
    rows: int
    keys: tuple[str, ...]
    features: tuple[str, ...]
    outcome: str
    kind: OutcomeKind
    present: int


def facts_of(plan: Plan, manifest: Mapping[str, Any]) -> Facts:
    """Read them from what was planned and what was finished."""
    outcome = plan.line.outcome
    return Facts(
        line=plan.line.name,
        dataset_id=plan.dataset_id,
        logical_digest=manifest["logical_digest"],
        as_of=manifest["as_of"],
        rows=manifest["rows"],
        keys=tuple(plan.line.decision.keys),
        features=plan.features,
        outcome=outcome.name,
        kind=kind_of_outcome(outcome),
        present=outcome.present,
    )


def kind_of_outcome(outcome: Outcome) -> OutcomeKind:
    """What an outcome says: `binary`, `numeric` or `time_to_event`."""
    if outcome.measure == "time_to_event":
        return "time_to_event"
    return "binary" if outcome.has_classes else "numeric"


def days_column(outcome: str) -> str:
    """The column that says after how many days the outcome happened, or until when it was seen not to."""
    return f"{outcome}_days"
