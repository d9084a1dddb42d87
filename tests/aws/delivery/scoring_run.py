"""One scoring run of the shipped line in a simulated account: its dataset, its model's answers, its steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from assembly_line.decision_ids import decision_id
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.record.manifest import logical_digest
from assembly_line.instants import format_instant, to_micros
from assembly_line.names import dataset_prefix, line_resource, scoring_prefix
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.objects import ObjectStore
from lambdas.scoring import handler
from tests.manifests import a_manifest

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient

LINE = "coupon_redemption"
ENVIRONMENT = "embedded"
ACCOUNT = "123456789012"
REGION = "us-east-1"
FEATURES = ("spend_30d", "redemptions_365d", "campaign_type")
MODEL = b"the registered archive"
DAY = datetime(2017, 8, 8, 4, tzinfo=UTC)
LEARNT_FROM = "ds-" + "0" * 32
# Gets the number of a call of PublishBatch and its entries; None lets the call through.
Fault = Callable[[int, list[dict[str, Any]]], dict[str, Any] | None]
Faults = Callable[[Fault], None]


@dataclass(frozen=True)
class Context:
    """What a Lambda runtime hands to its function."""

    function_name: str = "scoring"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:scoring"
    aws_request_id: str = "request"


def learnt_from(store: ObjectStore, *, as_of: datetime) -> None:
    """Say what the champion's training dataset knew."""
    manifest = a_manifest(as_of=format_instant(as_of))
    store.write_json(f"{dataset_prefix(LINE, LEARNT_FROM)}manifest.json", manifest.to_json())


@dataclass
class Household:
    """One row of the dataset."""

    household: int
    campaign: int = 18
    spend: float | None = 10.0
    redemptions: int = 0
    kind: str = "Type A"
    at: datetime = DAY

    @property
    def decision_id(self) -> str:
        return decision_id(LINE, [("household_id", self.household), ("campaign_id", self.campaign)], self.at)


@dataclass
class Scoring:
    """One scoring run under test; `call` runs a step as its state would."""

    store: ObjectStore
    ledger: Ledger
    control: ControlTable
    sns: SNSClient
    sqs: SQSClient
    queue_url: str
    folder: Path
    run_id: str = "coupon-redemption-20170808-aaaa"
    started_at: str = "2026-11-22T10:00:00.123456Z"
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> dict[str, Any]:
        return {"line": LINE, "from": "2017-08-08", "to": "2017-08-15", "at": format_instant(DAY)}

    def begin(self, **changes: Any) -> dict[str, Any]:
        event = {"run_id": self.run_id, "input": {**self.input, **changes}, "started_at": self.started_at}
        self.context = handler.begin(event, Context())  # type: ignore[arg-type]
        return self.context

    def dataset(self, rows: list[Household]) -> dict[str, Any]:
        """Write a dataset file as the dataset machine leaves it, and return its description."""
        values = [
            (row.decision_id, to_micros(row.at), row.household, row.campaign, row.spend, row.redemptions, row.kind)
            for row in rows
        ]
        path = self.folder / "data.parquet"
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                "CREATE TABLE data (decision_id VARCHAR, micros BIGINT, household_id BIGINT, campaign_id BIGINT, "
                "spend_30d DOUBLE, redemptions_365d BIGINT, campaign_type VARCHAR)"
            )
            if values:
                connection.executemany("INSERT INTO data VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            connection.execute(
                "COPY (SELECT decision_id, make_timestamptz(micros) AS decision_time, * EXCLUDE (decision_id, micros) "
                f"FROM data) TO '{path}' (FORMAT parquet)"
            )
        key = f"{dataset_prefix(LINE, 'abc')}attempts/1/data.parquet"
        self.store.upload(path, key)
        described = {"dataset_id": "abc", "line": LINE, "data_uri": self.store.uri(key)}
        manifest = a_manifest(**described, logical_digest=logical_digest(read_dataset(path)))
        self.store.write_json(f"{dataset_prefix(LINE, 'abc')}manifest.json", manifest.to_json())
        # What the step before would ask the model.
        asked = "".join(f"{row.decision_id},{row.spend or ''},{row.redemptions}\n" for row in rows)
        self.store.write(f"{scoring_prefix(LINE, self.run_id)}input/batch.csv", asked.encode())
        return {**described, "rows": len(rows)}

    def answer(self, lines: list[str]) -> None:
        """Leave the transform job's output."""
        key = f"{scoring_prefix(LINE, self.run_id)}output/batch.csv.out"
        self.store.write(key, "".join(f"{line}\n" for line in lines).encode())

    def publish(self, dataset: dict[str, Any]) -> dict[str, Any]:
        event = {"context": self.context, "dataset": dataset, "prepared": {}}
        published: dict[str, Any] = handler.publish(event, Context())  # type: ignore[arg-type]
        return published

    def deliver(self, published: dict[str, Any]) -> dict[str, Any]:
        event = {"context": self.context, "published": published}
        delivered: dict[str, Any] = handler.deliver(event, Context())  # type: ignore[arg-type]
        return delivered

    def send(self, channel: str, number: int) -> None:
        """Send one shard, as an item of the map does."""
        event = {"context": self.context, "shard": {"channel": channel, "number": number}}
        assert handler.deliver(event, Context()) == {}  # type: ignore[arg-type]

    def score(self, rows: list[Household], lines: list[str], **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The whole run on given answers: what was published and what was delivered."""
        self.begin(**changes)
        self.answer(lines)
        published = self.publish(self.dataset(rows))
        return published, self.deliver(published)

    def subscribed(self, consumer: Subscriber) -> str:
        """The queue of a further consumer, by the filter that it declares."""
        return subscribe(self.sns, self.sqs, consumer)

    def received(self, queue_url: str = "") -> list[dict[str, Any]]:
        """Everything that a queue holds, the first subscriber's if none is named; it is empty afterwards."""
        queue_url = queue_url or self.queue_url
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in messages:
                found.append({"body": json.loads(message["Body"]), "attributes": message.get("MessageAttributes", {})})
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return found


def subscribe(sns: SNSClient, sqs: SQSClient, consumer: Subscriber) -> str:
    """A queue that is subscribed to the topic of the line, as the stacks subscribe it; its URL."""
    topic = sns.create_topic(Name=line_resource(ENVIRONMENT, LINE))["TopicArn"]
    queue_url = sqs.create_queue(QueueName=consumer.name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(consumer.filter_policy())}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return queue_url


def households(count: int) -> list[Household]:
    return [Household(number) for number in range(1, count + 1)]


def answers(rows: list[Household]) -> list[str]:
    return [f"{row.decision_id},{row.household / 1000}" for row in rows]


def published(scoring: Scoring, rows: list[Household], **changes: Any) -> dict[str, Any]:
    scoring.begin(**changes)
    scoring.answer([f"{row.decision_id},0.5" for row in rows])
    return scoring.publish(scoring.dataset(rows))


def messages(count: int, body: str = "{}") -> list[OutboundMessage]:
    return [OutboundMessage(f"d-{number}", 1, body, {"line": LINE}) for number in range(count)]


def failed(entry: dict[str, Any], code: str, *, sender: bool) -> dict[str, Any]:
    return {"Id": entry["Id"], "Code": code, "Message": "", "SenderFault": sender}
