"""Which decisions still await their outcome, and the ledger rows of those whose outcome is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assembly_line.decision_ids import KeyValue
from assembly_line.declarations.lines import Line
from assembly_line.features import DecisionOutcome
from assembly_line.instants import format_instant, parse_instant


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """A predicted decision without a derived outcome."""

    decision_id: str
    keys: Mapping[str, KeyValue]
    decision_time: datetime


def open_decisions(
    predictions: Iterable[Mapping[str, Any]], derived: Iterable[Mapping[str, Any]], *, run_id: str
) -> tuple[list[OpenDecision], int]:
    """Decisions without an outcome, in order of time and id, and how many have one.

    Args:
        predictions: the line's prediction rows; several revisions are one decision.
        derived: the line's outcome rows.
        run_id: rows that this very run wrote in an earlier attempt count as not yet written.
    """
    settled = {row["decision_id"] for row in derived if row["run_id"] != run_id}
    known: dict[str, OpenDecision] = {}
    for row in predictions:
        identifier = row["decision_id"]
        if identifier not in known:
            at = parse_instant(row["decision_time"], field="decision_time")
            known[identifier] = OpenDecision(identifier, row["keys"], at)
    waiting = [decision for identifier, decision in known.items() if identifier not in settled]
    waiting.sort(key=lambda decision: (decision.decision_time, decision.decision_id))
    return waiting, len(known) - len(waiting)


def with_keys_of(line: Line, decisions: Sequence[OpenDecision]) -> list[OpenDecision]:
    """Those that have the keys that the line declares now; no source answers one of other keys."""
    return [decision for decision in decisions if set(decision.keys) == set(line.decision.keys)]


def why_immature(line: Line, outcomes: Sequence[DecisionOutcome], newest: datetime | None) -> str | None:
    """What immature decisions wait for, in a sentence; None if there are none.

    Args:
        newest: until when the outcome's source has events (`Snapshot.newest`).
    """
    waiting = [outcome for outcome in outcomes if not (outcome.mature or outcome.without)]
    if not waiting:
        return None
    known = min((outcome.mature_at for outcome in waiting if outcome.mature_at), default=None)
    ends = f"the first horizon ends, with the delay, at {format_instant(known)}" if known else "no horizon has an end"
    source = line.outcome.source.name
    reached = f"the events of {source} reach to {format_instant(newest)}" if newest else f"{source} has no event"
    return f"{ends}, and {reached}: both as_of and the events must reach the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where derived outcomes come from: the run, what was known when, and the snapshots read."""

    run_id: str
    as_of: datetime
    release: str
    snapshots: Mapping[str, str]


def outcome_rows(
    line: Line, decisions: Sequence[OpenDecision], outcomes: Sequence[DecisionOutcome], provenance: Provenance
) -> list[dict[str, Any]]:
    """A ledger row for each decision that is mature, the same whenever this run writes it."""
    rows = []
    for decision, outcome in zip(decisions, outcomes, strict=True):
        if not outcome.mature or outcome.value is None or outcome.mature_at is None:
            continue
        rows.append(
            {
                "line": line.name,
                "decision_id": decision.decision_id,
                "outcome": line.outcome.name,
                "value": outcome.value,
                **({} if outcome.days is None else {"days": outcome.days}),
                **({"later": list(outcome.later)} if outcome.later else {}),
                "mature_at": format_instant(outcome.mature_at),
                "as_of": format_instant(provenance.as_of),
                "run_id": provenance.run_id,
                "release": provenance.release,
                "snapshots": dict(provenance.snapshots),
            }
        )
    return rows
