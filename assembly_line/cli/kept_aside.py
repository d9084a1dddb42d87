"""What was kept aside of a line's scores and feedback: which decision, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, assert_never

from assembly_line.cli.output import Render, rows
from assembly_line.delivery.answers import Reason
from assembly_line.feedback.acceptance import UNDECLARED_ACTION, UNDECLARED_OUTCOME
from assembly_line.names import LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.ledger.scoring_runs import ScoringRun

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target

DELIVERY = "delivery"


def of_run(target: Target, line: str, run_id: str) -> list[dict[str, Any]]:
    """What a scoring run kept aside, in order of its decisions.

    Raises:
        NotFound: the run published nothing.
    """
    return [described(row) for row in ScoringRun(target.store, line, run_id).quarantine()]


def of_line(target: Target, line: str, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """Everything that the ledger keeps aside: scores, and feedback outside of what is declared."""
    kept = Ledger(target.ledger).read(line, LedgerKind.QUARANTINE)
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
        "what_to_do": _score_advice(Reason(row["reason"])) if row["station"] == DELIVERY else _advice(row["reason"]),
    }


def draw_kept_aside(found: Sequence[Mapping[str, Any]], *, title: str | None = None) -> Render:
    """A table of the decisions, then for each reason what to do."""

    def render(console: Console) -> None:
        content = [(one["decision_id"], one["reason"], one["detail"]) for one in found]
        rows(("decision", "rule", "why"), content, title=title)(console)
        for reason, advice in _by_reason(found).items():
            console.print(f"{reason}: {advice}", style="dim", markup=False)

    return render


def _by_reason(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {one["reason"]: one["what_to_do"] for one in found}


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


def _advice(reason: str) -> str:
    if reason == UNDECLARED_ACTION:
        return "send the override again with an action that the line's policy declares, and a higher sequence"
    if reason == UNDECLARED_OUTCOME:
        return "send the outcome again with a value that the line declares, and a higher sequence"
    raise ValueError(f"quarantine reason {reason!r} of feedback: expected {UNDECLARED_ACTION} or {UNDECLARED_OUTCOME}")
