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
    from assembly_line.feedback.history import DecisionHistory
    from assembly_line.storage import Account

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
    Backfill.ASKED: "somebody filled in the past",
}


def flagged_decisions(account: Account, line: str, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """Each flag of each decision, in order of decision time and id, as JSON values."""
    from assembly_line.ledger import opened_decisions

    columns = ("decision_id", "decision_time", "keys", "run_id", "flags")
    with opened_decisions(account, line, columns) as ledger:
        found = ledger.session.decisions(
            columns, "flags <> '' AND (?::VARCHAR IS NULL OR run_id = ?)", [run_id, run_id]
        )
    return [
        {"decision_id": one["decision_id"], "keys": one["keys"], "flag": flag, **explained(flag)}
        for one in found
        for flag in one["flags"]
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


def one_decision(
    account: Account, line: Line, decision: str, at: str | None = None
) -> tuple[DecisionHistory, list[dict[str, Any]]]:
    """What the ledger knows of a decision, named by its id or by as many of its keys as name one.

    A line decides about the same keys again and again. The latest of such decisions is meant that was delivered, or the
    latest of all where none was. An id touches the day of its decision alone.

    Args:
        at: the decision time, or the day of it.

    Returns:
        The decision and, where it was named by its keys, the others about the same, the latest first.

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
    found = [] if keys is None else _with_keys(account, line.name, keys)
    named = [one for one in found if decided_at(one["decision_time"], at)]
    if len({keys_in_words(one["keys"]) for one in named}) > 1:
        raise several(decision, [in_words(one) for one in reversed(named)])
    if keys is not None and named:
        chosen = max(named, key=lambda one: (one["delivered"], one["decision_time"]))
        others = [one for one in reversed(found) if one["keys"] == chosen["keys"] and one is not chosen]
        return _history_of(account, line.name, chosen["decision_id"])[0], others
    histories = [] if keys is not None else _history_of(account, line.name, decision)
    if not [one for one in histories if decided_at(one.prediction["decision_time"], at)]:
        when = f" at {at}" if at else ""
        raise NotFound(
            f"the ledger has no prediction of {decision}{when}; `line score` makes one",
            where="decision",
            value=repr(decision),
            expected="a decision that was scored",
        )
    return histories[0], []


def _with_keys(account: Account, line: str, keys: Mapping[str, str]) -> list[dict[str, Any]]:
    """Decisions with these keys, in order of time and id."""
    from assembly_line.ledger import opened_decisions

    columns = ("decision_id", "decision_time", "keys", "delivered", "in_force", "backfill")
    with opened_decisions(account, line, columns) as ledger:
        found = ledger.session.decisions(columns)
    return [one for one in found if all(key_text(one["keys"].get(name)) == text for name, text in keys.items())]


def _history_of(account: Account, line: str, decision_id: str) -> list[DecisionHistory]:
    """The decision as the join by rows has it; nothing if it was never scored."""
    from assembly_line.feedback.history import join
    from assembly_line.ledger import JOINED, opened_decision

    with opened_decision(account, line, decision_id) as ledger:
        rows = [ledger.documents(kind, decision_id) for kind in JOINED]
        return list(join(*rows, ambiguous=ledger.ambiguous_events(decision_id)).decisions)


def in_words(decision: Mapping[str, Any]) -> str:
    """Which decision it is, and whether it was delivered, in one line."""
    keys, at = keys_in_words(decision["keys"]), decision["decision_time"]
    standing = "delivered" if decision["delivered"] else "not delivered"
    backfill = ", a backfill" if decision["backfill"] else ""
    return f"{decision['decision_id']} ({keys} at {at}, {standing}{backfill})"


def described(found: DecisionHistory, others: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
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
            {name: one[name] for name in ("decision_id", "decision_time", "delivered", "in_force")} for one in others
        ],
    }
