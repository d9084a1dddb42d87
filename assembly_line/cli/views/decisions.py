"""Decisions as a person reads them: those that were kept aside or flagged, and the story of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.decision_keys import SHOWN
from assembly_line.delivery import Backfill
from assembly_line.feedback import BACKFILLS, explained, in_words
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.feedback import DecisionHistory


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


def draw_decision(found: DecisionHistory, others: Sequence[Mapping[str, Any]]) -> Render:
    row, override = found.prediction, found.override
    standing = "in force: its outcome judges it" if found.in_force else "not in force: it is not judged"
    count = "the only one" if found.revisions == 1 else f"one of {found.revisions}"
    receipts = {
        source: f"{receipt['status']} revision {receipt['revision']}" for source, receipt in found.receipts.items()
    }
    return fields(
        {
            "Decision": found.decision_id,
            "Keys": row["keys"],
            "Decided at": row["decision_time"],
            "Revision": f"{row['revision']}, {count}, {standing}",
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
            "Others": _others(others),
            "Flags": "; ".join(f"{flag}: {explained(flag)['detail']}" for flag in found.flags) or None,
        }
    )


def _others(found: Sequence[Mapping[str, Any]]) -> str | None:
    """The other decisions about the same keys; all of them with --json."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([*(in_words(one) for one in found[:SHOWN]), *more]) or None


def _backfills(found: DecisionHistory) -> str | None:
    """Each revision that filled in the past, and why."""
    return (
        "\n".join(
            f"revision {revision}, which never decides: {' and '.join(BACKFILLS[Backfill(one)] for one in reasons)}"
            for revision, reasons in sorted(found.backfills.items())
        )
        or None
    )
