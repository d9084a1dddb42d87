"""A batch given to one consumer again: the very bodies, straight to its queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from assembly_line.delivery.channels import SNS, SNS_CHANNEL
from assembly_line.delivery.outbox import OutboundMessage, chunks
from assembly_line.delivery.report import DeliveryRecord
from assembly_line.delivery.service.consumers import ConsumerPlace, declared_consumer
from assembly_line.delivery.service.pausing import paused
from assembly_line.documents import document_of, parse_document
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_day, format_instant, from_micros, parse_instant
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.storage import QueueMessage

if TYPE_CHECKING:
    from assembly_line.storage import Account


def redeliver(
    account: Account, line: str, run_id: str, *, consumer: str, places: Mapping[str, ConsumerPlace], now: datetime
) -> dict[str, Any]:
    """Send everything that a run had for its topic to one consumer's queue again, and record it.

    Nobody else gets it. A decision that the topic had delivered counts once: the rows say another channel,
    `sqs:CONSUMER`. What the filter of the consumer keeps out, or has expired, stays where it is.

    Args:
        places: every consumer of the line, by name.

    Raises:
        NotFound: the line has no such consumer, or no such run that has a report.
        RequestRefused: the run delivered nothing, or the line's deliveries are paused.
    """
    if consumer not in places:
        known = ", ".join(sorted(places)) or "none"
        raise NotFound.about("--consumer", repr(consumer), f"one of the line's: {known}", "`line status` lists them")
    if (held := paused(account, line)) is not None:
        raise RequestRefused.about(
            f"Line {line}",
            f"its deliveries are paused since {held['at']} by {held['by']}",
            "a line that delivers",
            f"resume them with `line delivery resume {line}`",
        )
    files = account.scoring_run(line, run_id)
    try:
        report = files.report()
    except NotFound as error:
        raise NotFound.about(
            "--batch", repr(run_id), "a scoring run of the line that was delivered", "`line status` lists the latest"
        ) from error
    manifest = files.outbox.manifest()
    shards = [] if manifest is None else [shard for shard in manifest.shards if shard.channel == SNS_CHANNEL]
    if not shards:
        raise RequestRefused.about(
            "--batch", repr(run_id), "a run that delivered", "it delivered nothing, so there is nothing to give again"
        )
    instant = parse_instant(report["instant"], field="instant")
    place = places[consumer]
    declared = declared_consumer(place, account.released.current(line).delivery.consumers)
    queue = account.queue(place.queue_url)
    sent = expired = failed = left_out = 0
    messages = chain.from_iterable(files.outbox.messages(shard) for shard in shards)
    for number, chunk in enumerate(chunks(messages, SNS.together)):
        # A replay acts at an instant of its own, by which alone its actions expire.
        taken = [one for one in chunk if declared.takes(one.attributes)]
        fresh = [one for one in taken if not _has_expired(one, instant if _is_replay(one, instant) else now)]
        left_out += len(chunk) - len(taken)
        expired += len(taken) - len(fresh)
        results = queue.send([QueueMessage(one.body, one.attributes) for one in fresh])
        records = [
            DeliveryRecord(
                line=line,
                run_id=run_id,
                decision_id=one.decision_id,
                revision=one.revision,
                status=DeliveryStatus.DELIVERED if result.message_id else DeliveryStatus.DEAD_LETTERED,
                reason=result.reason,
                message_id=result.message_id,
                at=format_instant(instant if _is_replay(one, instant) else now),
                sent_at=format_instant(now),
                channel=f"sqs:{consumer}",
            )
            for one, result in zip(fresh, results, strict=True)
        ]
        failed += sum(record.dead for record in records)
        sent += sum(not record.dead for record in records)
        if records:
            name = f"{run_id}.again.{consumer}.{now:%Y%m%dT%H%M%S%f}.{number:06d}"
            account.ledger.append(line, LedgerKind.DELIVERIES, format_day(now), name, [*map(document_of, records)])
    counts = {"sent": sent, "failed": failed, "expired": expired, "left_out": left_out}
    return {"line": line, "run_id": run_id, "consumer": consumer, **counts}


def _is_replay(message: OutboundMessage, instant: datetime) -> bool:
    """Whether the run declared an instant: its revision is the real time at which it began."""
    return instant != from_micros(message.revision)


def _has_expired(message: OutboundMessage, at: datetime) -> bool:
    expires_at = parse_document(message.body, of="message").get("expires_at")
    return expires_at is not None and parse_instant(expires_at, field="expires_at") <= at
