"""Decisions of the ledger that carry a flag, and everything that the ledger knows of one decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.cli.decision_keys import given_keys, key_text, keys_in_words, several
from assembly_line.cli.kept_aside import draw_kept_aside
from assembly_line.cli.output import Render, fields, rows
from assembly_line.decision_ids import PATTERN
from assembly_line.delivery.run_standing import Backfill
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from rich.console import Console

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


def flagged(history: History, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """Each flag of each decision, in order, as JSON values."""
    return [
        {"decision_id": found.decision_id, "keys": found.prediction["keys"], "flag": flag, **_explained(flag)}
        for found in history.decisions
        if run_id is None or found.prediction.get("run_id") == run_id
        for flag in found.flags
    ]


def _explained(flag: str) -> dict[str, str]:
    kind, _, problem = flag.partition("_")
    if flag in OUTCOMES:
        why, advice = OUTCOMES[flag]
    elif kind in KINDS and problem in PROBLEMS:
        why, advice = PROBLEMS[problem]
    else:
        raise ValueError(f"flag {flag!r} is unknown; expected one of {', '.join(OUTCOMES)}, or a kind and its problem")
    return {"detail": why.format(kind=kind), "what_to_do": advice}


def draw_flagged(found: Sequence[Mapping[str, Any]]) -> Render:
    def render(console: Console) -> None:
        content = [(one["decision_id"], one["keys"], one["flag"], one["detail"]) for one in found]
        rows(("decision", "keys", "flag", "why"), content, title="Flagged decisions")(console)
        for flag, advice in {one["flag"]: one["what_to_do"] for one in found}.items():
            console.print(f"{flag}: {advice}", style="dim", markup=False)

    return render


def draw_both(quarantined: Sequence[Mapping[str, Any]] | None, found: Sequence[Mapping[str, Any]] | None) -> Render:
    """Both tables; None where it was not asked for."""

    def render(console: Console) -> None:
        if quarantined:
            draw_kept_aside(quarantined, title="Quarantined")(console)
        if found:
            draw_flagged(found)(console)
        if not quarantined and not found:
            asked = {"quarantined": quarantined, "flagged": found}
            console.print(f"No decision is {' or '.join(name for name, one in asked.items() if one is not None)}.")

    return render


def one_decision(history: History, line: Line, decision: str) -> DecisionHistory:
    """What the ledger knows of a decision, named by its id or by as many of its keys as name one.

    Raises:
        RequestRefused: the text is neither, or several decisions have these keys.
        NotFound: the line never scored it.
    """
    keys = given_keys(line, decision)
    if keys is None and not PATTERN.fullmatch(decision):
        raise RequestRefused(
            f"{decision!r} is no decision id such as d1-20170712-<32 hexadecimal digits>; expected one, or keys, as in "
            f"{','.join(f'{name}=...' for name in line.decision.keys)}"
        )
    found = [one for one in history.decisions if one.decision_id == decision or (keys and _has(one, keys))]
    if not found:
        raise NotFound(f"the ledger has no prediction of {decision}; `line score` makes one")
    if len(found) > 1:
        said = (f"{one.decision_id} ({keys_in_words(one.prediction['keys'])})" for one in found)
        raise several(decision, list(said))
    return found[0]


def _has(decision: DecisionHistory, keys: Mapping[str, str]) -> bool:
    return all(key_text(decision.prediction["keys"].get(name)) == text for name, text in keys.items())


def _backfills(found: DecisionHistory) -> str | None:
    """Each revision that filled in the past, and why."""
    return (
        "\n".join(
            f"revision {revision}, which never decides: {' and '.join(BACKFILLS[Backfill(one)] for one in reasons)}"
            for revision, reasons in sorted(found.backfills.items())
        )
        or None
    )


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
        "flags": [{"flag": flag, **_explained(flag)} for flag in found.flags],
    }


def draw_decision(found: DecisionHistory) -> Render:
    row, override = found.prediction, found.override
    standing = "in force: its outcome judges it" if found.in_force else "not in force: it is not judged"
    receipts = {
        source: f"{receipt['status']} revision {receipt['revision']}" for source, receipt in found.receipts.items()
    }
    return fields(
        {
            "Decision": found.decision_id,
            "Keys": row["keys"],
            "Decided at": row["decision_time"],
            "Revision": f"{row['revision']} of {found.revisions}, {standing}",
            "Backfills": _backfills(found),
            "Run": row.get("run_id"),
            "Score": row["score"],
            "Action": row["action"],
            "Issued": row.get("issued_at"),
            "Expires": row.get("expires_at"),
            "Delivered": found.delivered,
            "Receipts": receipts or None,
            "Override": f"{override['action']}: {override['reason']}" if override else None,
            "Hindsight": "the override came when the outcome was known" if found.hindsight else None,
            "Outcome": found.outcome,
            "Known at": None if found.outcome_known_at is None else format_instant(found.outcome_known_at),
            "Flags": "; ".join(f"{flag}: {_explained(flag)['detail']}" for flag in found.flags) or None,
        }
    )
