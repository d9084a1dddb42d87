"""Sending a run's messages so that a repetition sends only what has no record yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from assembly_line.delivery import Channel, DeliveryRecord, OutboundMessage, ScoringContext, Sent, Shard, chunks
from assembly_line.documents import document_of, read_document
from assembly_line.instants import format_instant
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.storage.ledger.ledger import Ledger


class Deliveries:
    """Publishes messages and records what became of each, chunk by chunk.

    A run that dies after a chunk left and before its record was written sends that chunk again: subscribers apply a
    decision's revision once.
    """

    def __init__(self, ledger: Ledger, channel: Channel) -> None:
        self._ledger = ledger
        self._channel = channel

    def send(
        self, run: ScoringContext, messages: Iterable[OutboundMessage], *, under: str
    ) -> Iterator[tuple[OutboundMessage, DeliveryRecord]]:
        """Every message with its delivery record, in order of the outbox.

        Args:
            under: how the names of these messages' records begin, and no others.

        Raises:
            NotFound: the line's topic does not exist.
            ClientError, BotoCoreError: the channel does not take messages now; a repetition continues from here.
        """
        recorded = set(self._ledger.names(run.line, LedgerKind.DELIVERIES, run.day, prefix=under))
        for number, chunk in enumerate(chunks(messages)):
            name = f"{under}{number:06d}"
            if name not in recorded:
                now = datetime.now(UTC)
                records = [
                    _record(run, message, sent, now)
                    for message, sent in zip(chunk, self._channel.publish(chunk), strict=True)
                ]
                rows = [document_of(record) for record in records]
                if self._ledger.append(run.line, LedgerKind.DELIVERIES, run.day, name, rows):
                    yield from zip(chunk, records, strict=True)
                    continue
            stored = self._ledger.read_file(run.line, LedgerKind.DELIVERIES, run.day, name)
            yield from zip(chunk, (read_document(DeliveryRecord, row) for row in stored), strict=True)


def records_of(run_id: str, shard: Shard | None) -> str:
    """How the names of a shard's delivery records begin; without one those of a run of an older version.

    A dot stands in no run's name, so that no two runs share such a beginning.
    """
    return f"{run_id}-" if shard is None else f"{run_id}.{shard.channel}.{shard.number:06d}."


def _record(run: ScoringContext, message: OutboundMessage, sent: Sent, now: datetime) -> DeliveryRecord:
    return DeliveryRecord(
        line=run.line,
        run_id=run.run_id,
        decision_id=message.decision_id,
        revision=message.revision,
        status=DeliveryStatus.DELIVERED if sent.message_id else DeliveryStatus.DEAD_LETTERED,
        reason=sent.reason,
        message_id=sent.message_id,
        at=format_instant(run.clock(now)),
        sent_at=format_instant(now),
    )
