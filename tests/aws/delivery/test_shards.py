"""An outbox of several shards: each is sent by a call of its own, killed anywhere, accounted for by id."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assembly_line.delivery.outbox import read_outbox
from assembly_line.errors import NotFound, ScoringFailed
from assembly_line.names import LedgerKind, delivered_item, scoring_prefix
from assembly_line.storage.services.topic import Topic
from tests.aws.delivery.scoring_run import (
    LINE,
    Faults,
    Household,
    Scoring,
    failed,
    households,
    messages,
    published,
)

SHARD = 12
DENIED = ClientError({"Error": {"Code": "KMSAccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "x")  # type: ignore[typeddict-item]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch, environment: None) -> None:
    """As the setting `outbox_shard_messages` has it."""
    monkeypatch.setenv("OUTBOX_SHARD_MESSAGES", str(SHARD))


def prefix(scoring: Scoring) -> str:
    return scoring_prefix(LINE, scoring.run_id)


def received(scoring: Scoring) -> Counter[str]:
    return Counter(message["body"]["decision_id"] for message in scoring.received())


def shards_of(numbers: dict[str, Any]) -> list[int]:
    assert all(pointer["channel"] == "sns" for pointer in numbers["shards"])
    return [pointer["number"] for pointer in numbers["shards"]]


def test_every_shard_is_sent_once_and_the_account_sends_nothing(scoring: Scoring) -> None:
    rows = households(30)
    numbers = published(scoring, rows)
    assert (shards_of(numbers), numbers["in_one_call"]) == ([0, 1, 2], False)
    assert "decision_id" not in json.dumps(numbers)

    for number in (2, 0, 1):
        scoring.send("sns", number)
    sent = received(scoring)
    report = scoring.deliver(numbers)

    assert sent == Counter(row.decision_id for row in rows)
    assert received(scoring) == Counter()
    assert (report["offered"], report["delivered"], report["quarantined"]) == (30, 30, 0)
    assert report["channels"] == {"sns": {"delivered": 30, "dead_lettered": 0}}
    names = scoring.ledger.names(LINE, LedgerKind.DELIVERIES, "20261122")
    assert names == [f"{scoring.run_id}.sns.{number:06d}.000000" for number in range(3)]
    assert {row["channel"] for row in scoring.ledger.read(LINE, LedgerKind.DELIVERIES)} == {"sns"}
    assert scoring.deliver(numbers) == report


def test_an_outbox_of_one_shard_needs_no_map(scoring: Scoring) -> None:
    numbers = published(scoring, households(SHARD))
    assert (numbers["in_one_call"], numbers["shards"]) == (True, [])
    assert scoring.deliver(numbers)["delivered"] == SHARD


def test_a_period_counts_as_delivered_before_the_first_message_of_a_shard_leaves(
    scoring: Scoring, faults: Faults
) -> None:
    published(scoring, households(30))

    def first(number: int, _: list[dict[str, Any]]) -> None:
        found = scoring.control.between(LINE, delivered_item(""), delivered_item("~"))
        assert [item["run_id"] for item in found] == [scoring.run_id]

    faults(first)
    scoring.send("sns", 1)


def test_a_publisher_killed_in_the_middle_of_a_shard_goes_on_and_changes_no_message(
    scoring: Scoring, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    rows = households(30)
    numbers = published(scoring, rows)
    bodies: dict[str, set[str]] = {}
    calls: list[int] = []

    def dies_at(second: int) -> Any:
        def fault(number: int, entries: list[dict[str, Any]]) -> None:
            calls.append(number)
            if number == second:
                raise DENIED
            for entry in entries:
                bodies.setdefault(json.loads(entry["Message"])["decision_id"], set()).add(entry["Message"])

        return fault

    scoring.send("sns", 0)
    received(scoring)
    faults(dies_at(2))  # ten of the shard's twelve messages have left
    with pytest.raises(ClientError, match="KMSAccessDenied"):
        scoring.send("sns", 1)
    assert 2 in calls
    assert "shard not sent" in caplog.text
    left = received(scoring)
    assert len(left) == 10
    assert scoring.ledger.names(LINE, LedgerKind.DELIVERIES, "20261122") == [f"{scoring.run_id}.sns.000000.000000"]

    faults(dies_at(-1))
    for number in (1, 2):
        scoring.send("sns", number)
    report = scoring.deliver(numbers)

    assert set(left + received(scoring)) == {row.decision_id for row in rows[SHARD:]}
    assert {len(each) for each in bodies.values()} == {1}  # nothing left under one id with two bodies
    assert (report["offered"], report["delivered"]) == (30, 30)


def test_a_few_failed_shards_are_sent_by_the_account_or_listed_one_by_one(scoring: Scoring, faults: Faults) -> None:
    rows = households(40)
    numbers = published(scoring, rows)
    for number in (0, 2):
        scoring.send("sns", number)
    assert len(received(scoring)) == 2 * SHARD
    refused = {row.decision_id for row in rows[SHARD : 2 * SHARD]}

    def denied(_: int, entries: list[dict[str, Any]]) -> None:
        if json.loads(entries[0]["Message"])["decision_id"] in refused:
            raise DENIED

    faults(denied)
    with pytest.raises(
        ScoringFailed, match=r"1 shards of the outbox were not sent \(12 messages\), first shard 1 .*KMS"
    ):
        scoring.deliver(numbers)
    told = scoring.store.read_json(f"{prefix(scoring)}report.json")
    assert [(one["channel"], one["shard"], one["messages"]) for one in told["unsent_shards"]] == [("sns", 1, 12)]
    assert "KMSAccessDenied" in told["unsent_shards"][0]["because"]
    # The fourth shard was sent all the same.
    assert (told["offered"], told["delivered"], told["unsent"]) == (40, 28, 12)
    assert set(received(scoring)) == {row.decision_id for row in rows[3 * SHARD :]}

    faults(lambda *_: None)
    report = scoring.deliver(numbers)

    assert set(received(scoring)) == refused
    assert (report["offered"], report["delivered"], "unsent" in report) == (40, 40, False)
    assert "unsent_shards" not in scoring.store.read_json(f"{prefix(scoring)}report.json")


def test_what_is_dead_lettered_lies_by_channel_and_shard(scoring: Scoring, faults: Faults) -> None:
    rows = households(30)
    numbers = published(scoring, rows)
    refused = {rows[3].decision_id, rows[29].decision_id}

    def fault(_: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        bad = [entry for entry in entries if json.loads(entry["Message"])["decision_id"] in refused]
        good = [{"Id": entry["Id"], "MessageId": "m"} for entry in entries if entry not in bad]
        return {"Successful": good, "Failed": [failed(entry, "InvalidParameter", sender=True) for entry in bad]}

    faults(fault)
    for number in shards_of(numbers):
        scoring.send("sns", number)
    report = scoring.deliver(numbers)

    assert (report["delivered"], report["dead_lettered"], report["reasons"]) == (28, 2, {"InvalidParameter": 2})
    kept = {stored.key: scoring.store.read(stored.key) for stored in scoring.store.list(f"{prefix(scoring)}dead")}
    assert [key.removeprefix(prefix(scoring)) for key in kept] == [
        "dead-letters/sns/000000.jsonl",
        "dead-letters/sns/000002.jsonl",
    ]
    dead = [message for content in kept.values() for message in read_outbox(content.splitlines())]
    assert {message.decision_id for message in dead} == refused
    named = scoring.store.read_json(f"{prefix(scoring)}report.json")["undelivered"]
    assert {(one["decision_id"], one["channel"]) for one in named} == {(one, "sns") for one in refused}


def test_a_decision_that_is_in_no_shard_fails_the_run_by_its_id(scoring: Scoring) -> None:
    rows = households(3)
    numbers = published(scoring, rows)
    lost = Household(99)
    asked = f"{prefix(scoring)}input/batch.csv"
    scoring.store.write(asked, scoring.store.read(asked) + f"{lost.decision_id},1,1\n".encode())
    with pytest.raises(ScoringFailed, match=rf"1 decisions are accounted for nowhere .*: {lost.decision_id};"):
        scoring.deliver(numbers)


def test_a_shard_of_a_run_without_an_outbox_is_refused_in_words(scoring: Scoring) -> None:
    scoring.begin()
    with pytest.raises(NotFound, match="nothing was published in this run"):
        scoring.send("sns", 0)
    published(scoring, households(3))
    with pytest.raises(NotFound, match="no shard 7 of channel sns; there are 1 shards"):
        scoring.send("sns", 7)


def test_functions_side_by_side_share_what_the_topic_takes(scoring: Scoring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC_MESSAGES_PER_SECOND", "3000")
    monkeypatch.setenv("PUBLISHERS", "6")
    rates: list[float | None] = []
    stock = Topic.__init__

    def watched(self: Topic, *given: Any, per_second: float | None = None, **named: Any) -> None:
        rates.append(per_second)
        stock(self, *given, per_second=per_second, **named)

    monkeypatch.setattr(Topic, "__init__", watched)
    numbers = published(scoring, households(30))
    scoring.send("sns", 0)
    scoring.deliver(numbers)
    assert rates == [500, 3000]


def test_a_topic_gets_no_more_a_second_than_it_takes(scoring: Scoring) -> None:
    now = [100.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    arn = scoring.sns.list_topics()["Topics"][0]["TopicArn"]
    topic = Topic(scoring.sns, arn, per_second=20, pause=pause, clock=lambda: now[0])
    topic.publish(messages(10))
    assert now[0] == 100.0  # a small batch does not wait
    topic.publish(messages(90))
    # Ten a call, half a second each, and what leaves at once.
    assert now[0] == pytest.approx(100.0 + 9 * 0.5 - 0.2)
