"""Dead letters of a scoring run: what a channel could not take, sent again with the same body, or given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from assembly_line.delivery.channels import SNS_CHANNEL
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.delivery.report import DeliveryRecord
from assembly_line.delivery.service.pausing import LEAST_REASON, paused
from assembly_line.documents import document_of, parse_document
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_day, format_instant, from_micros, parse_instant
from assembly_line.names import DeliveryStatus, LedgerKind

if TYPE_CHECKING:
    from datetime import datetime

    from assembly_line.storage import Account

OPEN, RESENT, DISCARDED = "open", "resent", "discarded"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that a channel could not take. `state`: `open`, `resent` or `discarded`."""

    channel: str
    message: OutboundMessage
    state: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.channel, self.message.decision_id, self.message.revision

    @property
    def expires_at(self) -> str | None:
        """When its action expires; None of a message that points to its body."""
        body: Mapping[str, Any] = parse_document(self.message.body, of="dead letter")
        return body.get("expires_at")

    def described(self) -> dict[str, Any]:
        """For a person or a program: no key and no score."""
        return {
            "decision_id": self.message.decision_id,
            "revision": self.message.revision,
            "channel": self.channel,
            "expires_at": self.expires_at,
            "state": self.state,
        }


def dead_letters(account: Account, line: str, run_id: str) -> list[DeadLetter]:
    """Every dead letter of a run, in order of channel and outbox, and what became of it since.

    Raises:
        NotFound: the line has no such scoring run.
    """
    files = account.scoring_run(line, run_id)
    if not files.exists():
        raise NotFound(
            f"line {line} has no scoring run {run_id!r}; `line status` lists the latest",
            where="run",
            value=repr(run_id),
            expected="a scoring run of the line",
        )
    settled = files.settled_dead_letters()
    found = (DeadLetter(channel, message, OPEN) for channel, message in files.dead_letters())
    return [DeadLetter(one.channel, one.message, settled.get(one.key, OPEN)) for one in found]


def resend(account: Account, line: str, run_id: str, *, account_id: str, by: str, now: datetime) -> dict[str, Any]:
    """Send the open dead letters of a run again, each with the body that it had, and record what became of them.

    Those whose action has expired stay open: every consumer would refuse them.

    Args:
        account_id: the account whose topics there are.
        by: who asks for it.

    Raises:
        RequestRefused: the run has no open dead letter, or the line's deliveries are paused.
        NotFound: the line is not deployed.
    """
    waiting = _open(account, line, run_id)
    if (found := paused(account, line)) is not None:
        raise RequestRefused.about(
            f"Line {line}",
            f"its deliveries are paused since {found['at']} by {found['by']}",
            "a line that delivers",
            f"resume them with `line delivery resume {line}`",
        )
    instant = parse_instant(account.scoring_run(line, run_id).report()["instant"], field="instant")
    # The revision is the real time at which the run began; a replay declared another instant.
    replayed = instant != from_micros(waiting[0].message.revision)
    at = instant if replayed else now
    fresh = [one for one in waiting if one.expires_at is None or parse_instant(one.expires_at, field="expires_at") > at]
    sent: list[DeadLetter] = []
    for channel, group in groupby(fresh, key=lambda one: one.channel):
        letters = list(group)
        results = account.topic(line, account_id=account_id).publish([one.message for one in letters])
        records = [
            DeliveryRecord(
                line=line,
                run_id=run_id,
                decision_id=one.message.decision_id,
                revision=one.message.revision,
                status=DeliveryStatus.DELIVERED if result.message_id else DeliveryStatus.DEAD_LETTERED,
                reason=result.reason,
                message_id=result.message_id,
                at=format_instant(at),
                sent_at=format_instant(now),
                channel=channel,
            )
            for one, result in zip(letters, results, strict=True)
        ]
        name = f"{run_id}.{channel}.again.{now:%Y%m%dT%H%M%S%f}"
        account.ledger.append(
            line, LedgerKind.DELIVERIES, format_day(now), name, [document_of(record) for record in records]
        )
        sent += [one for one, record in zip(letters, records, strict=True) if not record.dead]
    _settle(account, line, run_id, RESENT, sent, by=by, now=now, reason=None)
    return {
        "line": line,
        "run_id": run_id,
        "resent": len(sent),
        "failed_again": len(fresh) - len(sent),
        "expired": len(waiting) - len(fresh),
    }


def discard(account: Account, line: str, run_id: str, *, by: str, reason: str, now: datetime) -> dict[str, Any]:
    """Give the open dead letters of a run up. They are kept, with who gave them up and why.

    Raises:
        RequestRefused: the run has no open dead letter, or there is no reason.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise RequestRefused.about(
            "--reason", repr(reason), f"at least {LEAST_REASON} characters", "say why the letters are given up"
        )
    waiting = _open(account, line, run_id)
    _settle(account, line, run_id, DISCARDED, waiting, by=by, now=now, reason=reason.strip())
    return {"line": line, "run_id": run_id, "discarded": len(waiting)}


def _open(account: Account, line: str, run_id: str) -> list[DeadLetter]:
    waiting = [one for one in dead_letters(account, line, run_id) if one.state == OPEN and one.channel == SNS_CHANNEL]
    if not waiting:
        raise RequestRefused.about(
            f"Run {run_id}",
            "it has no open dead letter",
            "at least one",
            f"see `line delivery dead-letters list {line} {run_id}`",
        )
    return waiting


def _settle(
    account: Account,
    line: str,
    run_id: str,
    action: str,
    letters: list[DeadLetter],
    *,
    by: str,
    now: datetime,
    reason: str | None,
) -> None:
    if letters:
        told = {"action": action, "by": by, "at": format_instant(now), "reason": reason}
        account.scoring_run(line, run_id).write_dead_letter_action(
            f"{now:%Y%m%dT%H%M%S%f}", {**told, "letters": [list(one.key) for one in letters]}
        )
