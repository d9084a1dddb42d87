"""Which revision of a decision was in force when it was acted on: the one that its outcome judges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, assert_never

from assembly_line.feedback.folding import Named, ambiguous_names, fold, named
from assembly_line.instants import parse_instant
from assembly_line.names import DeliveryStatus, FeedbackKind

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
AFTER_ALL = datetime.max.replace(tzinfo=UTC)

Row = Mapping[str, Any]


class Receiving(StrEnum):
    """What a receipt says that its application did with a message."""

    APPLIED = "applied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FAILED = "failed"


def delivered_at(deliveries: Iterable[Row]) -> dict[tuple[str, int], datetime]:
    """(decision_id, revision) -> when it first left for the subscribers, by the line's business clock."""
    found: dict[tuple[str, int], datetime] = {}
    for row in deliveries:
        status = DeliveryStatus(row["status"])
        match status:
            case DeliveryStatus.DELIVERED:
                key = row["decision_id"], row["revision"]
                at = instant_of(row, "at") or BEFORE_ALL
                found[key] = min(at, found.get(key, at))
            case DeliveryStatus.DEAD_LETTERED:
                pass
            case _:
                assert_never(status)
    return found


def applied_revisions(
    feedback: Iterable[Row], also_ambiguous: Set[Named] = frozenset()
) -> dict[str, dict[int, datetime]]:
    """decision_id -> the revisions that an application applied, and when; of each decision with a receipt that stands.

    A receipt is about one message: of each revision an application's own last word holds, and one that was taken back
    leaves nothing. An event id that one application gave to two statements is trusted for neither; that there was a
    receipt remains.
    """
    told = list(feedback)
    ambiguous = ambiguous_names(told) | also_ambiguous
    of_one: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in told:
        if row["kind"] == FeedbackKind.RECEIPT:
            of_one[row["decision_id"], row["revision"]].append(row)
    applied: dict[str, dict[int, datetime]] = defaultdict(dict)
    for (decision_id, revision), rows in of_one.items():
        trusted = [row for row in rows if named(row) not in ambiguous]
        folded = fold(trusted)
        if folded.current or folded.conflicts or len(trusted) < len(rows):
            found = [parse_instant(row["at"], field="at") for row in folded.current.values() if _applies(row)]
            applied[decision_id].update({revision: min(found)} if found else {})
    return dict(applied)


def _applies(receipt: Row) -> bool:
    status = Receiving(receipt["status"])
    match status:
        case Receiving.APPLIED:
            return True
        case Receiving.EXPIRED | Receiving.SUPERSEDED | Receiving.FAILED:
            return False
        case _:
            assert_never(status)


def in_force(
    versions: Mapping[int, Row],
    delivered: Mapping[int, datetime],
    *,
    applied: Mapping[int, datetime] | None,
    known_at: datetime | None,
) -> int | None:
    """The highest revision that decided, or None.

    It was issued, delivered and, where applications send receipts, applied before it expired and before the outcome
    became known, strictly, by the line's business clock. A backfill never decides. An instant that a row of an older
    version does not state bounds nothing.

    Args:
        versions: revision -> its ledger row.
        delivered: revision -> when it left; absent where it did not.
        applied: the revisions that an application applied, and when first; None where no receipt stands.
        known_at: when the outcome became known; None where there is none.
    """
    return max(
        (
            revision
            for revision, row in versions.items()
            if revision in delivered
            and not row.get("backfill")
            and max(
                instant_of(row, "issued_at") or BEFORE_ALL,
                delivered[revision],
                BEFORE_ALL if applied is None else applied.get(revision, AFTER_ALL),
            )
            < min(instant_of(row, "expires_at") or AFTER_ALL, known_at or AFTER_ALL)
        ),
        default=None,
    )


def instant_of(row: Row, name: str) -> datetime | None:
    """The instant that the row states under this name, if it does."""
    text = row.get(name)
    return None if text is None else parse_instant(text, field=name)
