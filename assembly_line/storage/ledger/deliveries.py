"""Sending a run's messages so that a repetition sends only what has no record yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.outbox import OutboundMessage, chunks
from assembly_line.instants import format_instant
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.batch_sending import Sent
from assembly_line.storage.services.topic import Topic


class Deliveries:
    """Publishes messages and records what became of each, chunk by chunk.

    A run that dies after a chunk left and before its record was written sends that chunk again: subscribers apply a
    decision's revision once.
    """

    def __init__(self, ledger: Ledger, topic: Topic) -> None:
        self._ledger = ledger
        self._topic = topic

    def send(
        self, run: ScoringContext, messages: Iterable[OutboundMessage]
    ) -> Iterator[tuple[OutboundMessage, dict[str, Any]]]:
        """Every message with its delivery record, in order of the outbox.

        Raises:
            NotFound: the line's topic does not exist.
            ClientError, BotoCoreError: the topic does not take messages now; a repetition continues from here.
        """
        recorded = set(self._ledger.names(run.line, LedgerKind.DELIVERIES, run.day, prefix=f"{run.run_id}-"))
        for number, chunk in enumerate(chunks(messages)):
            name = f"{run.run_id}-{number:06d}"
            if name not in recorded:
                now = datetime.now(UTC)
                rows = [
                    _record(run, message, sent, now)
                    for message, sent in zip(chunk, self._topic.publish(chunk), strict=True)
                ]
                if self._ledger.append(run.line, LedgerKind.DELIVERIES, run.day, name, rows):
                    yield from zip(chunk, rows, strict=True)
                    continue
            rows = self._ledger.read_file(run.line, LedgerKind.DELIVERIES, run.day, name)
            yield from zip(chunk, rows, strict=True)


def _record(run: ScoringContext, message: OutboundMessage, sent: Sent, now: datetime) -> dict[str, Any]:
    return {
        "line": run.line,
        "run_id": run.run_id,
        "decision_id": message.decision_id,
        "revision": message.revision,
        "status": str(DeliveryStatus.DELIVERED if sent.message_id else DeliveryStatus.DEAD_LETTERED),
        "reason": sent.reason,
        "message_id": sent.message_id,
        # By the line's business clock, which decides what was in force; beside it real time.
        "at": format_instant(run.clock(now)),
        "sent_at": format_instant(now),
    }
