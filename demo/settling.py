"""Waiting until what was sent has arrived: queues are empty, and the recorder has written every station event."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assembly_line.errors import RunFailed
from assembly_line.throughput import LineBoard, boards, items, visits

if TYPE_CHECKING:
    from assembly_line.cli.target import Target

LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.5
DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def drained(target: Target, queue_url: str) -> None:
    """Wait until the queue holds nothing and nobody works on any of it.

    Raises:
        RunFailed: it still holds messages after a minute.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while depth := _depth(target, queue_url):
        if time.monotonic() > deadline:
            raise RunFailed(f"{queue_url} still holds {depth} messages after {LIMIT_SECONDS:.0f} s; see `line logs`")
        time.sleep(POLL_SECONDS)


def settled_board(target: Target, line: str, runs: Collection[str]) -> LineBoard:
    """The line's board once it tells of these runs, which have all ended, from their beginning to their end.

    Raises:
        RunFailed: an event is missing after a minute.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        events = [event for event in target.event_log.read() if event.line == line]
        ended = {item.item for item in items(visits(events)) if item.ended}
        missing = sorted(set(runs) - ended)
        if not missing:
            return boards(events, now=datetime.now(UTC))[0]
        if time.monotonic() > deadline:
            raise RunFailed(
                f"station events of {', '.join(missing)} have not arrived; see `line logs event_recorder.handle`"
            )
        time.sleep(POLL_SECONDS)


def _depth(target: Target, queue_url: str) -> int:
    found = target.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(DEPTHS))["Attributes"]
    return sum(int(found.get(name, 0)) for name in DEPTHS)
