"""How an outbox is kept: shards of a bounded number of messages for each channel, and a manifest of them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.canonical import digest
from assembly_line.documents import document_of, read_document
from assembly_line.errors import NotFound

# Messages of one shard at most: what one function sends within its time, even to a topic that takes 20 a second.
SHARD_MESSAGES = 10_000
# And bytes at most, beyond one message: what one function holds in memory.
SHARD_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file of an outbox: which channel sends it, and what it must hold.

    Args:
        number: its place among those of its channel, from 0.
        count: how many messages it holds.
        digest: the SHA-256 of its bytes.
    """

    channel: str
    number: int
    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShards:
    """What one channel sends.

    Args:
        count: how many messages, in all shards.
        digest: of its shards, in order; equal for equal messages in equal shards.
    """

    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxManifest:
    """Everything that a run sends.

    Args:
        channels: channel -> what it sends. One that sends nothing has a count of 0 and no shard.
        shards: in order of channel and number.
    """

    channels: Mapping[str, ChannelShards]
    shards: tuple[Shard, ...]

    @classmethod
    def of(cls, shards: Mapping[str, Iterable[Shard]]) -> OutboxManifest:
        """The manifest of each channel's shards, which are in order."""
        kept = {channel: tuple(shards[channel]) for channel in sorted(shards)}
        channels = {
            channel: ChannelShards(
                count=sum(shard.count for shard in some), digest=digest([[shard.count, shard.digest] for shard in some])
            )
            for channel, some in kept.items()
        }
        return cls(channels=channels, shards=tuple(shard for some in kept.values() for shard in some))

    def shard(self, channel: str, number: int) -> Shard:
        """One of the shards.

        Raises:
            NotFound: there is no such shard.
        """
        for found in self.shards:
            if (found.channel, found.number) == (channel, number):
                return found
        raise NotFound(f"outbox: no shard {number} of channel {channel}; there are {len(self.shards)} shards")

    @property
    def in_one_call(self) -> bool:
        """Whether no channel has more than one shard, so that one function sends everything."""
        return len(self.shards) <= len(self.channels)

    def pointers(self) -> dict[str, Any]:
        """What a state carries: where each shard is, and no message."""
        pointers = [{"channel": shard.channel, "number": shard.number} for shard in self.shards]
        return {"in_one_call": self.in_one_call, "shards": [] if self.in_one_call else pointers}

    def to_json(self) -> dict[str, Any]:
        return {"schema": "assembly-line/outbox", "version": 1, **document_of(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> OutboxManifest:
        """The manifest that `to_json` wrote.

        Raises:
            DocumentUnreadable: it holds something else; names the member.
        """
        return read_document(cls, document)
