"""Sending a run's messages so that a repetition sends only what has no record yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.delivery import FORMS, Channel, DeliveryRecord, OutboundMessage, ScoringContext, Sent, Shard, chunks
from assembly_line.documents import document_of, read_document
from assembly_line.errors import AssemblyError, ShardNotSent
from assembly_line.instants import format_instant
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.storage.ledger.ledger import READERS, Ledger
from assembly_line.storage.ledger.outboxes import Outbox


class Deliveries:
    """Publishes messages and records what became of each, chunk by chunk.

    A run that dies after a chunk left and before its record was written sends that chunk again: subscribers apply a
    decision's revision once.
    """

    def __init__(self, ledger: Ledger, channel: Channel) -> None:
        self._ledger = ledger
        self._channel = channel

    def send(
        self, run: ScoringContext, messages: Iterable[OutboundMessage], *, shard: Shard | None
    ) -> Iterator[tuple[OutboundMessage, DeliveryRecord]]:
        """Every message with its delivery record, in order of the outbox.

        Args:
            shard: which one the messages are. None for what a run of an older version sends.

        Raises:
            NotFound: the line's topic does not exist.
            ClientError, BotoCoreError: the channel does not take messages now; a repetition continues from here.
        """
        under = records_of(run.run_id, shard)
        found = self._ledger.names(run.line, LedgerKind.DELIVERIES, run.day, prefix=under)
        # Of a run of an older version, those of another run may begin alike.
        recorded = [name for name in found if name.removeprefix(under).isdigit()]
        read = partial(self._ledger.read_file, run.line, LedgerKind.DELIVERIES, run.day)
        with ThreadPoolExecutor(READERS) as readers:
            stored = {name: readers.submit(read, name) for name in recorded}
            for number, chunk in enumerate(chunks(messages, self._channel.form.together)):
                name = f"{under}{number:06d}"
                if name not in stored:
                    records = self._sent(run, chunk, part=f"{shard.number if shard else 0:06d}-{number:06d}")
                    rows = [document_of(record) for record in records]
                    if self._ledger.append(run.line, LedgerKind.DELIVERIES, run.day, name, rows):
                        yield from zip(chunk, records, strict=True)
                        continue
                rows = stored[name].result() if name in stored else read(name)
                yield from zip(chunk, (read_document(DeliveryRecord, row) for row in rows), strict=True)

    def send_whole(
        self, run: ScoringContext, outbox: Outbox, *, shard: Shard
    ) -> list[tuple[OutboundMessage, DeliveryRecord]]:
        """As `send` does, for who goes on without a shard that cannot be sent.

        Raises:
            ShardNotSent: something of it has no delivery record that can be read; says why.
        """
        try:
            return [*self.send(run, outbox.messages(shard), shard=shard)]
        except (ClientError, BotoCoreError, AssemblyError) as error:
            raise ShardNotSent(str(error)) from error

    def _sent(self, run: ScoringContext, chunk: Iterable[OutboundMessage], *, part: str) -> list[DeliveryRecord]:
        now = datetime.now(UTC)
        messages = list(chunk)
        published = self._channel.publish(messages, part=part)
        channel = self._channel.form.channel
        return [_record(run, message, sent, now, channel) for message, sent in zip(messages, published, strict=True)]


def whole(ledger: Ledger, run: ScoringContext, shard: Shard) -> bool:
    """Whether every message of a shard has a delivery record."""
    names = ledger.names(run.line, LedgerKind.DELIVERIES, run.day, prefix=records_of(run.run_id, shard))
    return len(names) >= -(-shard.count // FORMS[shard.channel].together)


def records_of(run_id: str, shard: Shard | None) -> str:
    """How the names of a shard's delivery records begin; without one those of a run of an older version.

    A dot stands in no run's name, so that no two runs share such a beginning.
    """
    return f"{run_id}-" if shard is None else f"{run_id}.{shard.channel}.{shard.number:06d}."


def _record(run: ScoringContext, message: OutboundMessage, sent: Sent, now: datetime, channel: str) -> DeliveryRecord:
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
        channel=channel,
    )
