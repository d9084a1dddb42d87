"""Decisions of the ledger that carry a flag, and everything that the ledger knows of one decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.decision_ids import PATTERN
from assembly_line.decision_keys import decided_at, given_keys, key_text, keys_in_words, several
from assembly_line.delivery import Backfill
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
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

BACKFILLS = {
    Backfill.MODEL_KNOWS_MORE: "its model knows more than its instant",
    Backfill.DATA_KNOWS_MORE: "its data know more than its instant",
    Backfill.EARLIER_INSTANT: "the line was scored at a later instant before",
}


def flagged_decisions(history: History, *, run_id: str | None = None) -> list[dict[str, Any]]:
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


def one_decision(history: History, line: Line, decision: str, at: str | None = None) -> DecisionHistory:
    """What the ledger knows of a decision, named by its id or by as many of its keys as name one.

    A line decides about the same keys again and again. The latest of such decisions is meant that was delivered, or the
    latest of all where none was.

    Args:
        at: the decision time, or the day of it.

    Raises:
        RequestRefused: the text is neither, or decisions of different keys have these.
        NotFound: the line never scored it.
    """
    keys = given_keys(line, decision)
    if keys is None and not PATTERN.fullmatch(decision):
        raise RequestRefused(
            f"{decision!r} is no decision id such as d1-20170712-<32 hexadecimal digits>; expected one, or keys, as in "
            f"{','.join(f'{name}=...' for name in line.decision.keys)}",
            where="decision",
            value=repr(decision),
            expected="a decision id, or keys",
        )
    named = [one for one in history.decisions if one.decision_id == decision or (keys and _has(one, keys))]
    found = [one for one in named if decided_at(one.prediction["decision_time"], at)]
    if not found:
        when = f" at {at}" if at else ""
        raise NotFound(
            f"the ledger has no prediction of {decision}{when}; `line score` makes one",
            where="decision",
            value=repr(decision),
            expected="a decision that was scored",
        )
    if len({keys_in_words(one.prediction["keys"]) for one in found}) > 1:
        raise several(decision, [in_words(one) for one in reversed(found)])
    return max(found, key=lambda one: (one.delivered, one.prediction["decision_time"]))


def same_keys(history: History, decision: DecisionHistory) -> list[DecisionHistory]:
    """The other decisions about the same, the latest first."""
    keys = decision.prediction["keys"]
    others = [one for one in history.decisions if one.prediction["keys"] == keys and one is not decision]
    return others[::-1]


def in_words(decision: DecisionHistory) -> str:
    """Which decision it is, and whether it was delivered, in one line."""
    row = decision.prediction
    standing = "delivered" if decision.delivered else "not delivered"
    backfill = ", a backfill" if row.get("backfill") else ""
    return f"{decision.decision_id} ({keys_in_words(row['keys'])} at {row['decision_time']}, {standing}{backfill})"


def _has(decision: DecisionHistory, keys: Mapping[str, str]) -> bool:
    return all(key_text(decision.prediction["keys"].get(name)) == text for name, text in keys.items())


def described(found: DecisionHistory, others: Sequence[DecisionHistory] = ()) -> dict[str, Any]:
    """A decision as JSON values.

    Args:
        others: decisions about the same keys at other times.
    """
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
        "others": [
            {
                "decision_id": one.decision_id,
                "decision_time": one.prediction["decision_time"],
                "delivered": one.delivered,
                "in_force": one.in_force,
            }
            for one in others
        ],
    }
