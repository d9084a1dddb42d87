"""The ledger joined by decision_id: what was predicted and delivered, what people and programs did, what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from assembly_line.canonical import digest
from assembly_line.feedback.folding import Conflict, Event, Folded, Named, fold, implausible
from assembly_line.feedback.in_force import applied_revisions, delivered_at, in_force, instant_of
from assembly_line.instants import parse_instant
from assembly_line.names import FeedbackKind
from assembly_line.outcome_kinds import Value, stated

PREDICTION = "prediction"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionHistory:
    """Everything the ledger knows of one decision.

    Args:
        prediction: the ledger row of the revision in force; without one that of the highest delivered, or of all.
        delivered: whether any revision left for the subscribers.
        in_force: whether that revision decided, so that the outcome judges it.
        revisions: how many different revisions there are.
        backfills: revision -> why it is a backfill, of those that are labelled as one.
        override: the override that holds, if any: a person decided otherwise than that revision recommends.
        confirmation: the review that holds, if a person decided as that revision recommends.
        receipts: consuming application -> its receipt that holds.
        derived: the outcome that was derived from the declared source: the truth for this line.
        reported: the outcome that an application told; it counts only where none is derived.
        outcome_known_at: when the outcome that judges became known; None while there is none.
        flags: what is odd about the decision, in order.
    """

    prediction: Row
    delivered: bool
    in_force: bool
    revisions: int
    backfills: Mapping[int, tuple[str, ...]]
    override: Event | None
    confirmation: Event | None
    receipts: Mapping[str, Event]
    derived: Row | None
    reported: Event | None
    outcome_known_at: datetime | None
    flags: tuple[str, ...]

    @property
    def decision_id(self) -> str:
        return str(self.prediction["decision_id"])

    @property
    def action(self) -> str:
        """What was decided in the end: the override's action, else the recommended one."""
        return str((self.override or self.prediction)["action"])

    @property
    def hindsight(self) -> bool:
        """Whether the override came when the outcome was known already: it says nothing of who was right."""
        if self.override is None or self.outcome_known_at is None:
            return False
        return parse_instant(self.override["at"], field="at") >= self.outcome_known_at

    @property
    def outcome(self) -> Value | None:
        """The outcome to judge by, or None while there is none: a report with an impossible clock is none."""
        if self.derived is not None:
            return cast("Value", self.derived["value"])
        if self.reported is None or any(flag.startswith("outcome_") for flag in self.flags):
            return None
        return cast("Value", self.reported["value"])

    @property
    def stated(self) -> tuple[Value, ...]:
        """The outcome to judge by, with what its source says beside it."""
        return stated(self.derived or cast("Row", self.reported))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Decisions in order of decision time and id, and what could not be joined.

    Args:
        parked: feedback that holds but names a decision that is not (yet) there.
        conflicts: contradictions; what they say is used nowhere.
        duplicates: ledger rows that only repeat another one.
        withdrawn: statements that their source took back.
    """

    decisions: tuple[DecisionHistory, ...]
    parked: tuple[Event, ...]
    conflicts: tuple[Conflict, ...]
    duplicates: int
    withdrawn: int


def join(
    predictions: Iterable[Row],
    deliveries: Iterable[Row],
    feedback: Iterable[Row],
    outcomes: Iterable[Row],
    *,
    ambiguous: Set[Named] = frozenset(),
) -> History:
    """Join one line's ledger rows. Their order, and how often each comes, changes nothing but `duplicates`.

    A line's tables are joined in SQL, which this states row by row: `ledger.join_query` answers the same.

    Args:
        ambiguous: names of events of which it is known already that two different things were said under each.
    """
    revisions, repeated, conflicts = _revisions(predictions)
    sent = delivered_at(deliveries)
    told = list(feedback)
    folded, applied = fold(told, ambiguous), applied_revisions(told, ambiguous)
    said: dict[str, dict[tuple[str, str], Event]] = defaultdict(dict)
    for (decision_id, kind, source), event in folded.current.items():
        said[decision_id][kind, source] = event
    derived, repeated_outcomes, changed = _derived(outcomes)
    decisions = [
        _decision(
            versions,
            {revision: sent[decision_id, revision] for revision in versions if (decision_id, revision) in sent},
            said.get(decision_id, {}),
            derived.get(decision_id),
            applied=applied.get(decision_id),
            changed=decision_id in changed,
        )
        for decision_id, versions in revisions.items()
    ]
    return History(
        decisions=tuple(sorted(decisions, key=lambda found: (found.prediction["decision_time"], found.decision_id))),
        parked=_parked(folded, revisions),
        conflicts=tuple(sorted((*conflicts, *folded.conflicts), key=_conflict_order)),
        duplicates=folded.duplicates + repeated + repeated_outcomes,
        withdrawn=folded.withdrawn,
    )


def _revisions(predictions: Iterable[Row]) -> tuple[dict[str, dict[int, Row]], int, list[Conflict]]:
    """decision_id -> revision -> row, rows that repeat another, and revisions that came with two contents."""
    found: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    total = 0
    for row in predictions:
        total += 1
        found[row["decision_id"]][row["revision"]].append(row)
    for versions in found.values():
        versions.update({revision: _different(rows) for revision, rows in versions.items()})
    contents = [content for versions in found.values() for content in versions.values()]
    conflicts = [
        Conflict(decision_id, PREDICTION, (str(revision),))
        for decision_id, versions in found.items()
        for revision, content in versions.items()
        if len(content) > 1
    ]
    trusted = {
        decision_id: {revision: content[0] for revision, content in versions.items() if len(content) == 1}
        for decision_id, versions in found.items()
    }
    return {key: value for key, value in trusted.items() if value}, total - sum(map(len, contents)), conflicts


def _derived(outcomes: Iterable[Row]) -> tuple[dict[str, Row], int, set[str]]:
    """decision_id -> the first derivation, rows that repeat it, and decisions whose derivations differ."""
    found: dict[str, list[Row]] = defaultdict(list)
    total = 0
    for row in outcomes:
        total += 1
        found[row["decision_id"]].append(row)
    first = {decision_id: _first(rows) for decision_id, rows in found.items()}
    changed = {key for key, rows in found.items() if len(rows) > 1 and len({*map(stated, rows)}) > 1}
    return first, total - len(first), changed


def _different(rows: Sequence[Row]) -> list[Row]:
    """Without those that repeat another. Nearly always there is one, and its digest would take most of the time."""
    return list(rows) if len(rows) == 1 else list({digest(dict(row)): row for row in rows}.values())


def _first(rows: Sequence[Row]) -> Row:
    """The first derivation, whatever order they come in."""
    return rows[0] if len(rows) == 1 else min(rows, key=lambda row: (row["as_of"], row["run_id"], digest(dict(row))))


def _decision(
    versions: Mapping[int, Row],
    sent: Mapping[int, datetime],
    said: Mapping[tuple[str, str], Event],
    derived: Row | None,
    *,
    applied: Mapping[int, datetime] | None,
    changed: bool,
) -> DecisionHistory:
    reported = said.get((FeedbackKind.OUTCOME, ""))
    known_at = _known_at(derived, reported, next(iter(versions.values())))
    decided = in_force(versions, sent, applied=applied, known_at=known_at)
    prediction = versions[max(sent or versions) if decided is None else decided]
    reviewed = said.get((FeedbackKind.OVERRIDE, ""))
    confirms = reviewed is not None and reviewed["action"] == prediction["action"]
    flags = {implausible(event, decision_time=prediction["decision_time"]) for event in said.values()} - {None}
    if any(event["kind"] == FeedbackKind.RECEIPT and event["revision"] not in versions for event in said.values()):
        flags.add("receipt_revision_unknown")
    if changed:
        flags.add("derived_outcome_changed")
    if derived is not None and reported is not None and derived["value"] != reported["value"]:
        flags.add("reported_outcome_contradicts")
    return DecisionHistory(
        prediction=prediction,
        delivered=bool(sent),
        in_force=decided is not None,
        revisions=len(versions),
        backfills={revision: tuple(row["backfill"]) for revision, row in versions.items() if row.get("backfill")},
        override=None if confirms else reviewed,
        confirmation=reviewed if confirms else None,
        receipts={source: event for (kind, source), event in sorted(said.items()) if kind == FeedbackKind.RECEIPT},
        derived=derived,
        reported=reported,
        outcome_known_at=known_at,
        flags=tuple(sorted(flag for flag in flags if flag)),
    )


def _known_at(derived: Row | None, reported: Event | None, prediction: Row) -> datetime | None:
    """When the outcome became known by which the decision is judged: a report with an impossible clock is none."""
    if derived is not None:
        return instant_of(derived, "mature_at")
    if reported is None or implausible(reported, decision_time=prediction["decision_time"]):
        return None
    return instant_of(reported, "at")


def _parked(folded: Folded, known: Mapping[str, object]) -> tuple[Event, ...]:
    waiting = [(topic, event) for topic, event in folded.current.items() if topic[0] not in known]
    return tuple(event for _, event in sorted(waiting, key=lambda found: found[0]))


def _conflict_order(conflict: Conflict) -> tuple[str, str, tuple[str, ...]]:
    return conflict.decision_id, conflict.kind, conflict.event_ids
