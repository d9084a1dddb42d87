"""What was kept aside of a line's scores and feedback: which decision, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, assert_never

from assembly_line.delivery.answers import Reason
from assembly_line.documents import BRING_BACK
from assembly_line.errors import DocumentUnreadable
from assembly_line.feedback import UNDECLARED_ACTION, UNDECLARED_OUTCOME
from assembly_line.names import LedgerKind

if TYPE_CHECKING:
    from assembly_line.storage import Account

DELIVERY = "delivery"
OF_FEEDBACK = {
    UNDECLARED_ACTION: "send the override again with an action that the line's policy declares, and a higher sequence",
    UNDECLARED_OUTCOME: "send the outcome again with a value that the line declares, and a higher sequence",
}


def of_run(account: Account, line: str, run_id: str) -> list[dict[str, Any]]:
    """What a scoring run kept aside, in order of its decisions.

    Raises:
        NotFound: the run published nothing.
    """
    return [described(row) for row in account.scoring_run(line, run_id).quarantine()]


def of_line(account: Account, line: str, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """Everything that the ledger keeps aside: scores, and feedback outside of what is declared."""
    kept = account.ledger.read(line, LedgerKind.QUARANTINE)
    return [described(row) for row in kept if run_id is None or row.get("run_id") == run_id]


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the quarantine, for a person or a program."""
    return {
        "decision_id": row["decision_id"],
        "station": row["station"],
        "run_id": row.get("run_id"),
        "event_id": row.get("event_id"),
        "reason": row["reason"],
        "detail": row["detail"],
        "what_to_do": _what_to_do(row["station"], row["reason"]),
    }


def _what_to_do(station: str, reason: str) -> str:
    if station == DELIVERY and reason in frozenset(Reason):
        return _score_advice(Reason(reason))
    if station != DELIVERY and reason in OF_FEEDBACK:
        return OF_FEEDBACK[reason]
    known = frozenset(Reason) if station == DELIVERY else OF_FEEDBACK
    place = f"quarantine: reason of station {station!r}"
    raise DocumentUnreadable.about(place, repr(reason), " or ".join(sorted(known)), BRING_BACK)


def _score_advice(reason: Reason) -> str:
    match reason:
        case Reason.NOT_A_NUMBER | Reason.NOT_FINITE | Reason.OUT_OF_RANGE:
            return (
                "correct inference.py, so that it answers each decision with a probability; train, review, score again"
            )
        case Reason.TWO_SCORES:
            return "the decision is twice in the dataset with different features; correct the source, or inference.py"
        case Reason.UNSENDABLE:
            return "correct the row of the source and load it; then score again with --again"
        case Reason.EXPIRED:
            return "score before the action expires; a replay of the past declares its instant with --at"
        case _:
            assert_never(reason)
