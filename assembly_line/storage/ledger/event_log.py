"""Station events on S3: JSON Lines by day, each object named by its content, so that a retry writes nothing new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING

from assembly_line.canonical import digest_bytes
from assembly_line.instants import format_day
from assembly_line.names import station_events_prefix
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.throughput import RecordedEvent

if TYPE_CHECKING:
    from assembly_line.messages import StationEvent

CONTENT_TYPE = "application/x-ndjson"
READERS = 8


class EventLog:
    """Append-only. The same event may lie in several objects: who reads folds by id."""

    def __init__(self, ledger: ObjectStore) -> None:
        self._ledger = ledger

    def append(self, events: Iterable[StationEvent]) -> int:
        """Store the events, one object for each day among them. How many objects were new."""
        distinct = sorted({event.to_json(): event for event in events}.items(), key=lambda pair: (pair[1].at, pair[0]))
        written = 0
        for day, group in groupby(distinct, key=lambda pair: format_day(pair[1].at)):
            content = "".join(f"{text}\n" for text, _ in group).encode()
            key = f"{station_events_prefix(day)}{digest_bytes(content)}.jsonl"
            written += self._ledger.add(key, content, content_type=CONTENT_TYPE)
        return written

    def read(self, *, since_day: str | None = None, until_day: str | None = None) -> Iterator[RecordedEvent]:
        """Every event of the days from `since_day` to `until_day` (`yyyymmdd`, both included), duplicates too.

        Raises:
            MalformedMessage: an object holds something else; the recorder writes only what it has checked.
        """
        first = since_day and station_events_prefix(since_day)
        last = until_day and f"{station_events_prefix(until_day)}\uffff"
        keys = [
            stored.key
            for stored in self._ledger.list(station_events_prefix())
            if (not first or stored.key >= first) and (not last or stored.key <= last)
        ]
        with ThreadPoolExecutor(READERS) as readers:
            for content in readers.map(self._ledger.read, keys):
                yield from (RecordedEvent.from_json(line) for line in content.splitlines())
