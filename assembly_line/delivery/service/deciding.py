"""One decision for an application that asks for it: made once, kept like any other, answered the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.canonical import canonical_json, digest
from assembly_line.decision_ids import day_of
from assembly_line.delivery.alone import message_in
from assembly_line.delivery.report import DeliveryRecord
from assembly_line.delivery.service.scoring_one import OneAsked, row_of_one
from assembly_line.documents import document_of
from assembly_line.errors import Conflict, NotFound, ScoringFailed
from assembly_line.instants import format_day, format_instant
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.storage import AskedDecision

if TYPE_CHECKING:
    from assembly_line.requests import DecisionRequest
    from assembly_line.storage import Account

# A row of the ledger, and which kind of row it is: a prediction, or a decision that was kept aside.
Found = tuple[LedgerKind, dict[str, Any]]
# The channel of what is answered to whoever asked, as delivery rows name it.
API_CHANNEL = "api"
# What was asked and not kept by then was never answered, and its instant has passed.
REPEATABLE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and by which key.

    Args:
        principal: who is recorded.
        scope: whose keys they are: the principal without what differs from session to session.
        key: the same key asks the same thing.
    """

    principal: str
    scope: str
    key: str


def decided_now(account: Account, line: str, request: DecisionRequest, caller: Caller, *, now: datetime) -> bytes:
    """Decide about one entity, keep the decision, and give the answer, as JSON.

    The same request under the same key has the answer that it had first, byte for byte. A refusal keeps nothing.
    An answer of the model that cannot be used is kept aside, and stays what the key is answered.

    Args:
        now: real time.

    Raises:
        NotFound: the line was never released, or declares no `decide_now`.
        RequestRefused: the keys are not those of the line's decisions, or the instant is not one to decide at.
        Conflict: the key was used for another request.
        CannotDecide: no champion, no features, features that are too old, or the deliveries are paused.
        ScoringFailed: the model gave no answer that can be used.
    """
    run_id = f"now-{digest([line, caller.scope, caller.key])[:40]}"
    said = digest([caller.scope, caller.key, line, request.to_json()])
    one = OneAsked(line=line, request=request, principal=caller.principal, run_id=run_id)
    asked = account.asked_decisions.find(line, run_id)
    if asked is None:
        return _answered(account, *_decided(account, one, said, now), now)
    _require_same(asked, said)
    found = _kept(account, one, asked)
    if found is not None:
        return _answered(account, asked, found, now)
    if now - asked.asked_at > REPEATABLE:
        raise Conflict(
            f"Idempotency-Key: it asked for this at {format_instant(asked.asked_at)}, and the ledger keeps no decision "
            "of it; ask with another key"
        )
    return _answered(account, *_decided(account, one, said, asked.asked_at), now)


def _decided(account: Account, one: OneAsked, said: str, asked_at: datetime) -> tuple[AskedDecision, Found]:
    """Decide, and write the decision down. What a crash left is completed by the next call with the same key."""
    found = row_of_one(account, one, asked_at)
    # Only now, so that a refusal leaves nothing.
    asked = account.asked_decisions.hold(one.line, one.run_id, AskedDecision(request=said, asked_at=asked_at))
    _require_same(asked, said)
    if asked.asked_at != asked_at:
        # The same call came twice at once, and the other one was first.
        found = _kept(account, one, asked) or row_of_one(account, one, asked.asked_at)
    kind, row = found
    if not account.ledger.append(one.line, kind, day_of(row["decision_id"]), one.run_id, [row]):
        found = _kept(account, one, asked) or found
    return asked, found


def _require_same(known: AskedDecision, said: str) -> None:
    if known.request != said:
        raise Conflict(
            f"Idempotency-Key: it asked for something else at {format_instant(known.asked_at)}; expected the same "
            "request again; take a new key for each decision"
        )


def _kept(account: Account, one: OneAsked, asked: AskedDecision) -> Found | None:
    """The row of a decision that was asked for, or was kept aside; None if the ledger has none."""
    day = format_day(asked.asked_at if one.request.at is None else one.request.at)
    for kind in (LedgerKind.PREDICTIONS, LedgerKind.QUARANTINE):
        try:
            rows = account.ledger.read_file(one.line, kind, day, one.run_id)
        except NotFound:
            continue
        if rows:
            return kind, dict(rows[0])
    return None


def _answered(account: Account, asked: AskedDecision, found: Found, now: datetime) -> bytes:
    """Note that the caller gets the decision, and give it. The first note stays.

    Raises:
        ScoringFailed: it was kept aside.
    """
    kind, row = found
    if kind is LedgerKind.QUARANTINE:
        raise ScoringFailed(
            f"decision {row['decision_id']}: {row['detail']}; it is kept aside, and nothing was decided; this key "
            "keeps that answer"
        )
    replayed = row["issued_at"] != format_instant(asked.asked_at)
    record = DeliveryRecord(
        line=row["line"],
        run_id=row["run_id"],
        decision_id=row["decision_id"],
        revision=row["revision"],
        status=DeliveryStatus.DELIVERED,
        reason=None,
        message_id=None,
        at=row["issued_at"] if replayed else format_instant(now),
        sent_at=format_instant(now),
        channel=API_CHANNEL,
    )
    name = f"{record.run_id}.{API_CHANNEL}.000000.000000"
    account.ledger.append(record.line, LedgerKind.DELIVERIES, format_day(asked.asked_at), name, [document_of(record)])
    return canonical_json({"decision": message_in(row), "features": row["online"]})
