"""Decisions of the ledger that carry a flag, and everything that the ledger knows of one decision."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.decision_ids import PATTERN
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.feedback.history import DecisionHistory, History

KINDS = ("override", "outcome", "receipt")
PROBLEMS = {
    "before_decision": (
        "the {kind} is said to be earlier than the decision",
        "correct the application's clock, and send the statement again with a higher sequence",
    ),
    "clock_ahead": (
        "the {kind} is said to be later than it arrived",
        "correct the application's clock, and send the statement again with a higher sequence",
    ),
    "revision_unknown": (
        "the {kind} names a revision that the line never issued",
        "correct the application, and send the receipt again with a higher sequence",
    ),
}
OUTCOMES = {
    "derived_outcome_changed": (
        "the source gave another outcome later; the first one counts",
        "look into the source's late rows, or declare a longer delay",
    ),
    "reported_outcome_contradicts": (
        "an application reports another outcome than the source; the source's counts",
        "find out which of the two is wrong",
    ),
}


def flagged(history: History, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """Each flag of each decision, in order, as JSON values."""
    return [
        {"decision_id": found.decision_id, "keys": found.prediction["keys"], "flag": flag, **explained(flag)}
        for found in history.decisions
        if run_id is None or found.prediction.get("run_id") == run_id
        for flag in found.flags
    ]


def explained(flag: str) -> dict[str, str]:
    """Why a decision carries a flag, and what to do about it."""
    kind, _, problem = flag.partition("_")
    if flag in OUTCOMES:
        why, advice = OUTCOMES[flag]
    elif kind in KINDS and problem in PROBLEMS:
        why, advice = PROBLEMS[problem]
    else:
        raise ValueError(f"flag {flag!r} is unknown; expected one of {', '.join(OUTCOMES)}, or a kind and its problem")
    return {"detail": why.format(kind=kind), "what_to_do": advice}


def one_decision(history: History, decision_id: str) -> DecisionHistory:
    """What the ledger knows of a decision.

    Raises:
        RequestRefused: the text is no decision id.
        NotFound: the line never scored it.
    """
    if not PATTERN.fullmatch(decision_id):
        raise RequestRefused(f"{decision_id!r} is no decision id such as d1-20170712-<32 hexadecimal digits>")
    for found in history.decisions:
        if found.decision_id == decision_id:
            return found
    raise NotFound(f"the ledger has no prediction of {decision_id}; `line score` makes one")


def described(found: DecisionHistory) -> dict[str, Any]:
    """A decision as JSON values."""
    document = asdict(found)
    known_at: datetime | None = document["outcome_known_at"]
    return {
        **document,
        "outcome_known_at": None if known_at is None else format_instant(known_at),
        "decision_id": found.decision_id,
        "action": found.action,
        "outcome": found.outcome,
        "hindsight": found.hindsight,
        "flags": [{"flag": flag, **explained(flag)} for flag in found.flags],
    }
