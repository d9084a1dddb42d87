"""Whether a feedback event says something that its line declares."""

from __future__ import annotations

from typing import assert_never

from assembly_line.declarations.lines import Line
from assembly_line.messages import OutcomeReport, Override, Receipt

UNDECLARED_ACTION = "undeclared_action"
UNDECLARED_OUTCOME = "undeclared_outcome"


def undeclared(event: Override | OutcomeReport | Receipt, line: Line) -> tuple[str, str] | None:
    """(reason, detail) if the event carries a value outside the declared set, else None. A retraction carries none."""
    if event.retracts:
        return None
    match event:
        case Override(action=action):
            if action in line.policy.actions:
                return None
            expected = " or ".join(map(repr, line.policy.actions))
            return UNDECLARED_ACTION, f"action: {action!r}: expected {expected} for line {line.name}"
        case OutcomeReport(value=value):
            outcomes = line.predicts.told(value)
            if outcomes is None:
                return None
            return UNDECLARED_OUTCOME, f"value: {value}: expected {outcomes} for line {line.name}"
        case Receipt():
            return None
        case _:
            assert_never(event)
