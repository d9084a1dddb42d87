"""What a run sends: shards of each channel first, the manifest last; a retry writes the same or nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assembly_line.canonical import canonical_json, digest_bytes
from assembly_line.delivery import OutboundMessage, write_line
from assembly_line.delivery.shards import OutboxManifest, Shard
from assembly_line.errors import DocumentUnreadable, NotFound, ScoringFailed
from assembly_line.storage.ledger.outboxes import Outbox
from assembly_line.storage.services.objects import ObjectStore

PREFIX = "scoring/churn/run-1/"


def messages(count: int, *, body: str = "{}") -> list[OutboundMessage]:
    return [OutboundMessage(f"d-{number}", 1, body, {"line": "churn"}) for number in range(count)]


def lines(count: int, *, body: str = "{}") -> Iterator[list[bytes]]:
    """Three at once, so that shards end within some."""
    every = [write_line(message) for message in messages(count, body=body)]
    return (every[start : start + 3] for start in range(0, count, 3))


@pytest.fixture
def outbox(store: ObjectStore) -> Outbox:
    return Outbox(store, PREFIX)


def write(outbox: Outbox, sns: int, files: int = 0, *, body: str = "{}") -> OutboxManifest:
    writer = outbox.writer(["sns", "files"], size=4)
    writer.add("sns", lines(sns, body=body))
    writer.add("files", lines(files, body=body))
    return writer.finish()


def test_shards_hold_every_message_of_their_channel_once_and_in_order(outbox: Outbox, store: ObjectStore) -> None:
    manifest = write(outbox, sns=10, files=3)

    assert [(shard.channel, shard.number, shard.count) for shard in manifest.shards] == [
        ("files", 0, 3),
        ("sns", 0, 4),
        ("sns", 1, 4),
        ("sns", 2, 2),
    ]
    assert {name: channel.count for name, channel in manifest.channels.items()} == {"files": 3, "sns": 10}
    read = [one for shard in manifest.shards if shard.channel == "sns" for one in outbox.messages(shard)]
    assert read == messages(10)
    assert [stored.key.removeprefix(PREFIX) for stored in store.list(PREFIX)] == [
        "outbox/files/000000.jsonl",
        "outbox/manifest.json",
        "outbox/sns/000000.jsonl",
        "outbox/sns/000001.jsonl",
        "outbox/sns/000002.jsonl",
    ]
    for shard in manifest.shards:
        assert digest_bytes(store.read(outbox.key(shard.channel, shard.number))) == shard.digest
    assert outbox.manifest() == manifest


def test_a_channel_of_full_shards_has_no_empty_one(outbox: Outbox) -> None:
    manifest = write(outbox, sns=8)
    assert [shard.count for shard in manifest.shards] == [4, 4]
    assert manifest.channels["files"].count == 0


def test_a_manifest_of_another_order_has_another_digest() -> None:
    a, b = (Shard(channel="sns", number=0, count=1, digest=letter * 64) for letter in "ab")
    first, second = (OutboxManifest.of({"sns": some}).channels["sns"] for some in ((a, b), (b, a)))
    assert first.count == second.count == 2
    assert first.digest != second.digest
    assert first.digest == digest_bytes(canonical_json([[1, "a" * 64], [1, "b" * 64]]))


@pytest.mark.parametrize(("messages", "alone"), [(0, True), (4, True), (5, False)])
def test_one_function_sends_what_is_one_shard_of_each_channel(outbox: Outbox, messages: int, *, alone: bool) -> None:
    assert write(outbox, sns=messages, files=messages).in_one_call is alone


def test_a_retry_after_the_manifest_writes_nothing(outbox: Outbox, store: ObjectStore) -> None:
    first = write(outbox, sns=6)
    before = [version.version for version in store.versions(PREFIX)]

    assert write(outbox, sns=9, body='{"other":1}') == first
    assert [version.version for version in store.versions(PREFIX)] == before
    assert outbox.writer(["sns"]).settled


def test_an_attempt_that_died_before_the_manifest_sends_nothing_and_is_replaced(
    outbox: Outbox, store: ObjectStore
) -> None:
    died = outbox.writer(["sns", "files"], size=4)
    died.add("sns", lines(9, body='{"first":1}'))
    assert outbox.manifest() is None

    manifest = write(outbox, sns=5)
    assert [one.body for shard in manifest.shards for one in outbox.messages(shard)] == ["{}"] * 5


def test_the_same_attempt_again_writes_no_shard_twice(outbox: Outbox, store: ObjectStore) -> None:
    died = outbox.writer(["sns", "files"], size=4)
    died.add("sns", lines(9))
    write(outbox, sns=9)
    versions = [version.key for version in store.versions(f"{PREFIX}outbox/sns/")]
    assert len(versions) == len(set(versions)) == 3


def test_of_two_attempts_at_once_the_later_is_refused_unless_they_agree(outbox: Outbox) -> None:
    first, same, other = (outbox.writer(["sns"], size=4) for _ in range(3))
    for writer, count in ((first, 3), (same, 3), (other, 2)):
        writer.add("sns", lines(count))
    assert first.finish() == same.finish()
    with pytest.raises(ScoringFailed, match="another attempt wrote it at the same time"):
        other.finish()


def test_a_shard_that_was_altered_is_refused_before_anything_of_it_is_read(outbox: Outbox, store: ObjectStore) -> None:
    (shard,) = write(outbox, sns=3).shards
    store.write(outbox.key("sns", 0), b"".join(line + b"\n" for some in lines(2) for line in some))
    with pytest.raises(ScoringFailed, match=r"outbox/sns/000000.jsonl.*as the manifest says.*earlier version"):
        outbox.messages(shard)


def test_a_manifest_that_was_altered_is_refused_by_the_name_of_its_member(outbox: Outbox, store: ObjectStore) -> None:
    manifest = write(outbox, sns=3).to_json()
    store.write_json(outbox.manifest_key, {**manifest, "shards": [{"channel": "sns"}]})
    with pytest.raises(DocumentUnreadable, match=r"OutboxManifest: shards\.0\.number"):
        outbox.manifest()


def test_a_shard_that_is_gone_is_named(outbox: Outbox, store: ObjectStore) -> None:
    (shard,) = write(outbox, sns=3).shards
    store.delete(outbox.key("sns", 0))
    with pytest.raises(NotFound, match=r"outbox/sns/000000\.jsonl"):
        outbox.messages(shard)
