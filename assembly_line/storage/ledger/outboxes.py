"""A scoring run's outbox in the store bucket: shards of each channel's messages, the manifest last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from assembly_line.canonical import digest_bytes
from assembly_line.delivery import SHARD_BYTES, SHARD_MESSAGES, OutboundMessage, OutboxManifest, Shard, read_outbox
from assembly_line.errors import NotFound, ScoringFailed
from assembly_line.storage.services.objects import ObjectStore

NDJSON = "application/x-ndjson"


class Outbox:
    """`outbox/<channel>/<number>.jsonl` and `outbox/manifest.json` in a run's folder.

    Nothing leaves before the manifest is there, and from then on nothing of it changes.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    @property
    def manifest_key(self) -> str:
        return f"{self._prefix}outbox/manifest.json"

    def manifest(self) -> OutboxManifest | None:
        """What the run sends; None while that is not settled, and of a run of an older version.

        Raises:
            DocumentUnreadable: it is not what the run wrote; names the member.
        """
        try:
            return OutboxManifest.from_json(self._store.read_json(self.manifest_key))
        except NotFound:
            return None

    def writer(self, channels: Iterable[str], *, size: int = SHARD_MESSAGES) -> OutboxWriter:
        """Write what these channels send, in shards of at most `size` messages."""
        return OutboxWriter(self, self._store, channels, size=size, settled=self.manifest())

    def key(self, channel: str, number: int) -> str:
        """Where a shard lies."""
        return f"{self._prefix}outbox/{channel}/{number:06d}.jsonl"

    def messages(self, shard: Shard) -> Iterator[OutboundMessage]:
        """A shard's messages in order.

        Raises:
            NotFound: there is no such shard.
            ScoringFailed: it is not the one of the manifest; nothing of it is given.
        """
        key = self.key(shard.channel, shard.number)
        content = self._store.read(key)
        if (found := digest_bytes(content)) != shard.digest:
            raise ScoringFailed(
                f"{self._store.uri(key)}: its SHA-256 is {found}, expected {shard.digest} as the manifest says; it was "
                "altered after it was written; bring back its earlier version, then redrive the execution"
            )
        return read_outbox(content.splitlines())

    @property
    def earlier_key(self) -> str:
        return f"{self._prefix}outbox.jsonl"

    def earlier(self, folder: Path) -> Iterator[OutboundMessage]:
        """What a run of an older version sends, all by SNS: one file in order, read through one in `folder`.

        Raises:
            NotFound: nothing was published in this run.
        """
        path = folder / "outbox.jsonl"
        self._store.download(self.earlier_key, path)
        with path.open("rb") as lines:
            yield from read_outbox(lines)


class OutboxWriter:
    """Takes lines of messages as they come, and writes a shard whenever one is full.

    Where the manifest is there already, nothing is written: what may have left stays as it was sent. Where an earlier
    attempt left shards and no manifest, nothing has left, so what this attempt writes holds.
    """

    def __init__(
        self,
        outbox: Outbox,
        store: ObjectStore,
        channels: Iterable[str],
        *,
        size: int,
        settled: OutboxManifest | None,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._size = size
        self._settled = settled
        self._waiting: dict[str, list[bytes]] = {channel: [] for channel in channels}
        self._bytes = dict.fromkeys(self._waiting, 0)
        self._shards: dict[str, list[Shard]] = {channel: [] for channel in self._waiting}

    @property
    def settled(self) -> bool:
        """Whether an earlier attempt wrote everything, so that there is nothing to add."""
        return self._settled is not None

    def add(self, channel: str, lines: Iterable[Sequence[bytes]]) -> None:
        """Add messages of a channel, each one line without its end, some at once, in order of their sending."""
        if self.settled:
            return
        waiting = self._waiting[channel]
        for some in lines:
            # One by one where a shard may be full of bytes before it is full of messages.
            step = self._size if self._bytes[channel] + sum(map(len, some)) + len(some) < SHARD_BYTES else 1
            start = 0
            while start < len(some):
                added = some[start : start + min(step, self._size - len(waiting))]
                waiting += added
                start += len(added)
                self._bytes[channel] += sum(map(len, added)) + len(added)
                if len(waiting) == self._size or self._bytes[channel] >= SHARD_BYTES:
                    self._write(channel)

    def finish(self) -> OutboxManifest:
        """Write what is left, and the manifest: from now on the messages may leave.

        Raises:
            ScoringFailed: another attempt finished at the same time, with other messages.
        """
        if self._settled is not None:
            return self._settled
        for channel, waiting in self._waiting.items():
            if waiting:
                self._write(channel)
        manifest = OutboxManifest.of(self._shards)
        if self._store.add_json(self._outbox.manifest_key, manifest.to_json()):
            return manifest
        other = self._outbox.manifest()
        if other != manifest:
            raise ScoringFailed(
                f"{self._store.uri(self._outbox.manifest_key)}: another attempt wrote it at the same time, with other "
                "messages; nothing was delivered; score again"
            )
        return manifest

    def _write(self, channel: str) -> None:
        waiting, shards = self._waiting[channel], self._shards[channel]
        content = b"\n".join([*waiting, b""])
        shard = Shard(channel=channel, number=len(shards), count=len(waiting), digest=digest_bytes(content))
        key = self._outbox.key(channel, shard.number)
        if not self._store.add(key, content, content_type=NDJSON) and self._store.read(key) != content:
            self._store.write(key, content, content_type=NDJSON)
        shards.append(shard)
        waiting.clear()
        self._bytes[channel] = 0
