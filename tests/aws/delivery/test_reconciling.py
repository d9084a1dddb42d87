"""What was predicted is compared with what each channel took, by id; a batch is given to one consumer again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from assembly_line.declarations.codec import subscriber_to_json
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.delivery import ConsumerPlace, pause, redeliver
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.feedback.in_force import delivered_at
from assembly_line.instants import parse_instant
from assembly_line.ledger import compact, reconcile
from assembly_line.names import LedgerKind, delivered_item, ledger_prefix, line_resource
from assembly_line.storage import Account
from assembly_line.storage.services.objects import ObjectStore
from lambdas.ledger import handler as ledger_handler
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import DAY, LINE, Context, Scoring, households, published
from tests.emitted import emitted

BEGAN = parse_instant("2026-11-22T10:00:00.123456Z", field="started_at")
NOW = BEGAN + timedelta(hours=14)


@pytest.fixture
def account(scoring: Scoring, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The ledger's function, deployed beside those of scoring."""
    boto3.client("glue", region_name="us-east-1").create_database(DatabaseInput={"Name": "line"})
    monkeypatch.setenv("GLUE_DATABASE", "line")
    return ledger_handler.account()


@pytest.fixture
def delivered(scoring: Scoring) -> Scoring:
    scoring.deliver(published(scoring, households(12)))
    return scoring


def found_of(account: Account, now: datetime = NOW) -> list[tuple[Any, ...]]:
    found = reconcile(account, LINE, now)
    assert found["differences"] == sum(one["decisions"] for one in found["found"])
    return [(one["channel"], one["what"], one["first"]) for one in found["found"]]


def rows_of(objects: ObjectStore, kind: LedgerKind) -> tuple[str, list[dict[str, Any]]]:
    """The one file of a kind, and its rows."""
    (stored,) = objects.list(ledger_prefix(LINE, kind))
    return stored.key, [json.loads(row) for row in objects.read(stored.key).splitlines()]


def write(objects: ObjectStore, key: str, rows: list[dict[str, Any]]) -> None:
    objects.write(key, b"".join(json.dumps(row).encode() + b"\n" for row in rows))


@pytest.mark.parametrize("compacted", [False, True])
def test_a_run_whose_deliveries_add_up_has_no_difference(
    account: Account, delivered: Scoring, *, compacted: bool
) -> None:
    if compacted:
        compact(account, LINE, NOW)

    assert reconcile(account, LINE, NOW) == {
        "line": LINE,
        "runs": 1,
        "differences": 0,
        "found": [],
        "because": None,
    }


@pytest.mark.parametrize("compacted", [False, True])
def test_a_delivery_or_a_prediction_that_is_lost_is_named(
    account: Account, delivered: Scoring, ledger_objects: ObjectStore, *, compacted: bool
) -> None:
    key, rows = rows_of(ledger_objects, LedgerKind.DELIVERIES)
    write(ledger_objects, key, rows[1:])
    other, predictions = rows_of(ledger_objects, LedgerKind.PREDICTIONS)
    unpredicted = next(row for row in predictions if row["decision_id"] != rows[0]["decision_id"])
    write(ledger_objects, other, [row for row in predictions if row != unpredicted])
    if compacted:
        compact(account, LINE, NOW)

    assert found_of(account) == [
        ("sns", "no_delivery", [rows[0]["decision_id"]]),
        ("sns", "no_prediction", [unpredicted["decision_id"]]),
    ]


def test_a_run_that_still_sends_and_one_that_waits_are_no_difference(
    account: Account, scoring: Scoring, ledger_objects: ObjectStore
) -> None:
    scoring.deliver(published(scoring, households(3)))
    key, rows = rows_of(ledger_objects, LedgerKind.DELIVERIES)
    write(ledger_objects, key, rows[1:])

    assert found_of(account, BEGAN + timedelta(hours=1)) == []
    assert len(found_of(account)) == 1
    pause(account, LINE, by="arn:anna", reason="closed", now=NOW)
    assert found_of(account) == []


def test_a_withheld_backfill_offers_nothing_so_it_has_no_difference(account: Account, scoring: Scoring) -> None:
    scoring.deliver(published(scoring, households(3), backfill=True))

    assert found_of(account) == []


def test_the_daily_function_tells_the_alarm(
    account: Account, delivered: Scoring, ledger_objects: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    key, rows = rows_of(ledger_objects, LedgerKind.DELIVERIES)
    # As if it had run yesterday.
    yesterday = datetime.now(UTC) - timedelta(days=1)
    period = delivered.control.between(LINE, delivered_item(""), delivered_item("~"))[0]
    delivered.control.write(
        LINE, delivered_item(period["to"], delivered.run_id), {**period, "instant": f"{yesterday:%Y-%m-%d}"}
    )
    write(ledger_objects, key, rows[2:])

    answer = ledger_handler.compact({}, Context())  # type: ignore[arg-type]

    assert answer["lines"][LINE]["differences"] == 2
    told = emitted(capsys.readouterr().out, line=line_resource(account.environment, LINE))
    assert told["DeliveryDifferences", None] == [2.0]


def again(scoring: Scoring, consumer: str = "desk", run: str | None = None, **filters: Any) -> dict[str, Any]:
    declared = Subscriber(name="desk", **filters)
    places = {
        "desk": ConsumerPlace(
            name="desk",
            queue_url=scoring.queue_url,
            dead_letters_url="",
            added=json.dumps(subscriber_to_json(declared)),
        )
    }
    return redeliver(handler.account(), LINE, run or scoring.run_id, consumer=consumer, places=places, now=NOW)


def test_what_its_filter_keeps_out_is_not_given_again(delivered: Scoring) -> None:
    reminded = {one["body"]["decision_id"] for one in delivered.received() if one["body"]["action"] == "remind"}

    found = again(delivered, where={"action": ("remind",)})

    assert (found["sent"], found["left_out"]) == (len(reminded), 12 - len(reminded))
    assert {one["body"]["decision_id"] for one in delivered.received()} == reminded != set()


def test_one_consumer_gets_the_very_bodies_again_and_each_decision_counts_once(
    account: Account, delivered: Scoring
) -> None:
    before = {message["body"]["decision_id"]: message for message in delivered.received()}
    counted = delivered_at(delivered.ledger.read(LINE, LedgerKind.DELIVERIES))

    assert again(delivered) == {
        "line": LINE,
        "run_id": delivered.run_id,
        "consumer": "desk",
        "sent": 12,
        "failed": 0,
        "expired": 0,
        "left_out": 0,
    }

    after = delivered.received()
    assert {message["body"]["decision_id"]: message for message in after} == before
    assert len(after) == 12
    assert delivered_at(delivered.ledger.read(LINE, LedgerKind.DELIVERIES)) == counted
    assert found_of(account) == []
    rows = [row for row in delivered.ledger.read(LINE, LedgerKind.DELIVERIES) if row["channel"] == "sqs:desk"]
    # By the business clock of the replay, which stands still.
    assert {parse_instant(row["at"], field="at") for row in rows} == {DAY}
    assert len(rows) == 12


def test_who_got_a_part_of_a_batch_again_is_no_channel_of_it(account: Account, delivered: Scoring) -> None:
    row = next(iter(delivered.ledger.read(LINE, LedgerKind.DELIVERIES)))
    part = [{**row, "channel": "sqs:desk"}]
    delivered.ledger.append(LINE, LedgerKind.DELIVERIES, "20261122", f"{delivered.run_id}.again.desk.x", part)

    assert found_of(account) == []


def test_other_consumers_get_nothing(delivered: Scoring) -> None:
    delivered.received()
    other = delivered.sqs.create_queue(QueueName="another-desk")["QueueUrl"]
    arn = delivered.sqs.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [one["TopicArn"] for one in delivered.sns.list_topics()["Topics"]]
    delivered.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    again(delivered)

    assert "Messages" not in delivered.sqs.receive_message(QueueUrl=other)
    assert len(delivered.received()) == 12


def test_what_cannot_be_given_again_is_refused_before_anything_leaves(delivered: Scoring) -> None:
    delivered.received()
    with pytest.raises(NotFound, match="one of the line's: desk"):
        again(delivered, consumer="stranger")
    with pytest.raises(NotFound, match="a scoring run of the line"):
        again(delivered, run="no-such-run")
    pause(handler.account(), LINE, by="arn:anna", reason="closed", now=NOW)
    with pytest.raises(RequestRefused, match="its deliveries are paused"):
        again(delivered)
    assert delivered.received() == []


def test_a_withheld_batch_was_offered_to_nobody(scoring: Scoring) -> None:
    scoring.deliver(published(scoring, households(3), backfill=True))

    with pytest.raises(RequestRefused, match="it delivered nothing"):
        again(scoring)
