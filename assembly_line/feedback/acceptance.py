"""Whether a feedback event says something that its line declares."""

from __future__ import annotations

from assembly_line.declarations.lines import Line
from assembly_line.messages import OutcomeReport, Override, Receipt

UNDECLARED_ACTION = "undeclared_action"
UNDECLARED_OUTCOME = "undeclared_outcome"


def undeclared(event: Override | OutcomeReport | Receipt, line: Line) -> tuple[str, str] | None:
    """(reason, detail) if the event carries a value outside the declared set, else None. A retraction carries none."""
    if event.retracts:
        return None
    if isinstance(event, Override) and event.action not in line.policy.actions:
        expected = " or ".join(map(repr, line.policy.actions))
        return UNDECLARED_ACTION, f"action: {event.action!r}: expected {expected} for line {line.name}"
    if isinstance(event, OutcomeReport) and event.value not in (line.outcome.present, line.outcome.absence):
        expected = f"{line.outcome.present} or {line.outcome.absence}"
        return UNDECLARED_OUTCOME, f"value: {event.value}: expected {expected} for line {line.name}"
    return None
