"""Faults while sending: what failed is sent again, what cannot be sent is kept, a second try sends only the rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from assembly_line.delivery import DeliveryRecord, ScoringContext
from assembly_line.delivery.channels import SNS
from assembly_line.delivery.outbox import read_outbox
from assembly_line.documents import document_of
from assembly_line.errors import NotFound
from assembly_line.messages import Prediction
from assembly_line.names import DeliveryStatus, LedgerKind, line_resource, scoring_prefix
from assembly_line.storage.services.topic import Topic, topic_arn
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import (
    ACCOUNT,
    ENVIRONMENT,
    LINE,
    Faults,
    Scoring,
    failed,
    households,
    messages,
    published,
)


def topic(scoring: Scoring, pauses: list[float]) -> Topic:
    arn = topic_arn(scoring.sns, account=ACCOUNT, environment=ENVIRONMENT, line=LINE)
    return Topic(scoring.sns, arn, pause=pauses.append)


def test_only_the_entries_that_failed_are_sent_again(scoring: Scoring, faults: Faults) -> None:
    seen: list[int] = []

    def fault(number: int, entries: list[dict[str, Any]]) -> dict[str, Any] | None:
        seen.append(len(entries))
        if number > 1:
            return None
        return {
            "Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in entries[:7]],
            "Failed": [failed(entry, "InternalError", sender=False) for entry in entries[7:9]],
        }

    faults(fault)
    pauses: list[float] = []
    results = topic(scoring, pauses).publish(messages(10))

    assert seen == [10, 3]  # two that failed, and one that the answer did not mention
    assert all(result.message_id for result in results)
    assert len(scoring.received()) == 3
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= 0.2


def test_retries_are_bounded_and_the_reason_is_kept(scoring: Scoring, faults: Faults) -> None:
    faults(lambda _, entries: {"Failed": [failed(entry, "Throttling", sender=True) for entry in entries]})
    pauses: list[float] = []
    (result,) = topic(scoring, pauses).publish(messages(1))
    assert (result.message_id, result.reason) == (None, "Throttling")
    assert len(pauses) == 5
    assert all(pause <= 5 for pause in pauses)


def test_a_service_that_is_down_is_nobodys_dead_letter(scoring: Scoring, faults: Faults) -> None:
    def down(number: int, entries: list[dict[str, Any]]) -> None:
        raise EndpointConnectionError(endpoint_url="https://sns")

    faults(down)
    pauses: list[float] = []
    with pytest.raises(EndpointConnectionError):
        topic(scoring, pauses).publish(messages(1))
    assert len(pauses) == 5


def test_batches_hold_at_most_ten_messages_and_256_kib(scoring: Scoring, faults: Faults) -> None:
    sizes: list[tuple[int, int]] = []

    def watch(_: int, entries: list[dict[str, Any]]) -> None:
        sizes.append((len(entries), sum(len(entry["Message"]) for entry in entries)))

    faults(watch)
    big = messages(3, body="x" * 100_000)
    results = topic(scoring, []).publish([*messages(25), *big])

    assert all(result.message_id for result in results)
    assert sum(count for count, _ in sizes) == 28
    assert all(count <= 10 and size <= 262_144 for count, size in sizes)


def test_what_cannot_be_sent_is_kept_with_its_reason_and_exact_body(scoring: Scoring, faults: Faults) -> None:
    rows = households(12)
    refused = {rows[3].decision_id, rows[11].decision_id}

    def fault(_: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        bad = [entry for entry in entries if json.loads(entry["Message"])["decision_id"] in refused]
        good = [{"Id": entry["Id"], "MessageId": "m"} for entry in entries if entry not in bad]
        return {"Successful": good, "Failed": [failed(entry, "InvalidParameter", sender=True) for entry in bad]}

    faults(fault)
    delivered = scoring.deliver(published(scoring, rows))

    assert (delivered["delivered"], delivered["dead_lettered"], delivered["offered"]) == (10, 2, 12)
    assert delivered["reasons"] == {"InvalidParameter": 2}
    assert delivered["channels"] == {"sns": {"delivered": 10, "dead_lettered": 2}}
    prefix = scoring_prefix(LINE, scoring.run_id)
    dead = list(read_outbox(scoring.store.read(f"{prefix}dead-letters/sns/000000.jsonl").splitlines()))
    assert {message.decision_id for message in dead} == refused
    assert all(Prediction.from_json(message.body).decision_id == message.decision_id for message in dead)
    records = {row["decision_id"]: row for row in scoring.ledger.read(LINE, LedgerKind.DELIVERIES)}
    assert {key for key, row in records.items() if row["status"] == "dead_lettered"} == refused
    named = scoring.store.read_json(f"{prefix}report.json")["undelivered"]
    assert {row["decision_id"] for row in named} == refused


def test_a_run_that_died_between_chunks_sends_only_what_has_no_record(
    scoring: Scoring, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Topic, "form", replace(SNS, together=20))
    rows = households(60)
    numbers = published(scoring, rows)

    def dies(number: int, entries: list[dict[str, Any]]) -> None:
        if number == 3:  # the second chunk's first call
            raise ClientError({"Error": {"Code": "KMSAccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "x")  # type: ignore[typeddict-item]

    faults(dies)
    with pytest.raises(ClientError):
        scoring.deliver(numbers)
    faults(lambda *_: None)
    delivered = scoring.deliver(numbers)

    assert (delivered["delivered"], delivered["dead_lettered"]) == (60, 0)
    received = Counter(message["body"]["decision_id"] for message in scoring.received())
    assert set(received) == {row.decision_id for row in rows}
    assert all(received[row.decision_id] == 1 for row in rows[:20])
    assert len(list(scoring.ledger.read(LINE, LedgerKind.DELIVERIES))) == 60


def test_delivering_again_sends_nothing_and_reports_the_same(scoring: Scoring) -> None:
    numbers = published(scoring, households(15))
    first = scoring.deliver(numbers)
    assert len(scoring.received()) == 15

    assert scoring.deliver(numbers) == first
    assert scoring.received() == []


def test_a_run_that_an_older_version_left_half_sent_is_sent_to_its_end(
    scoring: Scoring, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Topic, "form", replace(SNS, together=20))
    rows = households(30)
    numbers = published(scoring, rows)
    run = handler.account().scoring_run(LINE, scoring.run_id)
    # What that version kept: one file, and records that are called after the run alone.
    scoring.store.write(run.outbox.earlier_key, scoring.store.read(run.outbox.key("sns", 0)))
    scoring.store.delete(run.outbox.manifest_key)
    scoring.store.delete(run.outbox.key("sns", 0))
    sent = [
        document_of(
            DeliveryRecord(
                line=LINE,
                run_id=scoring.run_id,
                decision_id=row.decision_id,
                revision=ScoringContext.from_json(scoring.context).revision,
                status=DeliveryStatus.DELIVERED,
                reason=None,
                message_id="m",
                at=scoring.started_at,
                sent_at=scoring.started_at,
            )
        )
        for row in rows[:20]
    ]
    scoring.ledger.append(LINE, LedgerKind.DELIVERIES, "20261122", f"{scoring.run_id}-000000", sent)

    delivered = scoring.deliver({"offered": 30, "quarantined": 0, "to_deliver": 30, "repeated": 0, "outbox_key": "x"})

    assert (delivered["offered"], delivered["delivered"]) == (30, 30)
    received = {message["body"]["decision_id"] for message in scoring.received()}
    assert received == {row.decision_id for row in rows[20:]}
    names = scoring.ledger.names(LINE, LedgerKind.DELIVERIES, "20261122")
    assert names == [f"{scoring.run_id}-000000", f"{scoring.run_id}-000001"]
    assert scoring.deliver(numbers) == delivered


def test_another_runs_records_are_not_taken_for_this_ones(scoring: Scoring) -> None:
    scoring.deliver(published(scoring, households(3)))
    scoring.received()
    scoring.run_id = scoring.run_id.removesuffix("-aaaa")  # a prefix of the first run's id

    delivered = scoring.deliver(published(scoring, households(3), again=True))

    assert delivered["delivered"] == 3
    assert len(scoring.received()) == 3


def test_a_line_that_is_not_deployed_is_named(scoring: Scoring) -> None:
    arn = topic_arn(scoring.sns, account=ACCOUNT, environment=ENVIRONMENT, line=LINE)
    assert arn == f"arn:aws:sns:us-east-1:{ACCOUNT}:{line_resource(ENVIRONMENT, LINE)}"
    scoring.sns.delete_topic(TopicArn=arn)
    with pytest.raises(NotFound, match="deploy the line"):
        scoring.deliver(published(scoring, households(1)))


def test_the_topic_is_found_in_the_clients_own_region() -> None:
    sns = boto3.client("sns", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="y")
    assert topic_arn(sns, account="1", environment="prod", line="churn_x").startswith("arn:aws:sns:eu-central-1:1:")
