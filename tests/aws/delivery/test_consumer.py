"""The sample consuming application against a queue, as its own process or within this: every decision counts once."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from assembly_line.canonical import digest_bytes
from assembly_line.delivery.outbox import PredictionPointer
from assembly_line.messages import Receipt, feedback_from_values
from tests.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

PROJECT = Path(__file__).parents[3]
NOW = "2017-08-10T00:00:00Z"
VISIBILITY_SECONDS = 60
INSTANTS = ("decision_time", "issued_at", "expires_at")
UNTIL_EMPTY = ("--until-empty", "--wait-seconds", "0")
Consumed = Callable[[], dict[str, int]]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def prediction(number: int, revision: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "schema": "assembly-line/prediction",
        "version": 1,
        "line": "coupon_redemption",
        "decision_id": f"d1-20170808-{number:032x}",
        "revision": revision,
        "decision_time": "2017-08-08T04:00:00.000000Z",
        "keys": {"household_id": number, "campaign_id": 18},
        "score": 0.25,
        "action": "leave",
        "propensity": 0.9,
        "arm": "champion",
        "policy_version": 1,
        "model": {"run_id": "run", "digest": "0" * 64},
        "batch": "batch",
        "issued_at": "2026-11-22T00:00:00.000000Z",
        "expires_at": "2017-09-05T04:00:00.000000Z",
        **changes,
    }


@dataclass
class Desk:
    """A consuming application's world: its queue, the feedback queue, its database, a copy of the program."""

    endpoint: str
    sqs: SQSClient
    s3: S3Client
    queue_url: str
    feedback_url: str
    folder: Path

    @property
    def arguments(self) -> list[str]:
        options = {
            "--queue-url": self.queue_url,
            "--feedback-queue-url": self.feedback_url,
            "--database": str(self.folder / "desk.sqlite"),
            "--schemas": str(self.folder / "schemas"),
            "--now": NOW,
        }
        return [part for pair in options.items() for part in pair]

    @property
    def command(self) -> list[str]:
        # -I: the program sees neither the project's folder nor any variable that points to it.
        return [sys.executable, "-I", str(self.folder / "consume.py"), *self.arguments]

    @property
    def variables(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": self.endpoint, **CREDENTIALS}

    def send(self, *bodies: object) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *UNTIL_EMPTY, *options],
            env=self.variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def consume(self) -> dict[str, int]:
        ended = self.run()
        assert ended.returncode == 0, ended.stderr
        counts: dict[str, int] = json.loads(ended.stdout)
        return {name: count for name, count in counts.items() if count}

    def work_list(self) -> dict[int, tuple[int, str, int]]:
        """Household -> revision, action, how often it took effect."""
        with sqlite3.connect(self.folder / "desk.sqlite") as database:
            rows = database.execute("SELECT keys, revision, action, times_applied FROM work_list").fetchall()
        database.close()
        return {json.loads(keys)["household_id"]: (revision, action, times) for keys, revision, action, times in rows}

    def receipts(self) -> list[Receipt]:
        found: list[Receipt] = []
        while messages := self.sqs.receive_message(QueueUrl=self.feedback_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                receipt = feedback_from_values(json.loads(message["Body"]))
                assert isinstance(receipt, Receipt)
                found.append(receipt)
        return found

    def redrive(self, *, after: int) -> str:
        """Let messages that were received so often become dead letters. The URL of the queue where these lie."""
        dead = self.sqs.create_queue(QueueName=f"{self.queue_url.rsplit('/', 1)[-1][-70:]}-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": after})
        attributes: Any = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes=attributes)
        return dead

    def bodies(self, queue_url: str) -> dict[str, str]:
        """Message id -> body of everything in a queue; it can be asked once."""
        found: dict[str, str] = {}
        while messages := self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=VISIBILITY_SECONDS
        ).get("Messages"):
            found |= {message["MessageId"]: message["Body"] for message in messages}
        return found

    def remaining(self) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def desk(endpoint: str, tmp_path: Path) -> Desk:
    shutil.copy(PROJECT / "examples" / "consumer" / "consume.py", tmp_path)
    shutil.copytree(PROJECT / "docs" / "schemas", tmp_path / "schemas")
    options: dict[str, Any] = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    sqs = boto3.client("sqs", **options)
    queue_url, feedback_url = (
        sqs.create_queue(QueueName=f"{tmp_path.name}-{name}"[-80:])["QueueUrl"] for name in ("desk", "feedback")
    )
    return Desk(endpoint, sqs, boto3.client("s3", **options), queue_url, feedback_url, tmp_path)


@pytest.fixture
def program(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program within this process, which is quicker where it does not matter how a process begins and ends."""
    for name, value in desk.variables.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("consume", desk.folder / "consume.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "consume", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def consumed(desk: Desk, program: ModuleType) -> Consumed:
    """Works until the queue is empty and says what was done, as `Desk.consume` does."""

    def consume() -> dict[str, int]:
        consumer = program.Consumer(program.read_arguments([*desk.arguments, *UNTIL_EMPTY]))
        consumer.run()
        consumer.inbox.close()
        return {name: count for name, count in consumer.summary().items() if count}

    return consume


def test_a_decision_takes_effect_once_however_often_its_message_comes(desk: Desk) -> None:
    messages = [prediction(number) for number in range(12)]
    desk.send(*messages, *messages[::-1], *messages[:3])

    assert desk.consume() == {"received": 27, "applied": 12, "duplicates": 15, "receipts": 27}

    assert desk.work_list() == dict.fromkeys(range(12), (1, "leave", 1))
    assert desk.remaining() == 0
    receipts = desk.receipts()
    assert len({receipt.event_id for receipt in receipts}) == 12
    assert len({receipt.to_json() for receipt in receipts}) == 12  # a repeated receipt is the same, byte for byte
    assert {receipt.status for receipt in receipts} == {"applied"}


def test_both_versions_of_a_prediction_take_effect_and_a_score_out_of_its_range_does_not(
    desk: Desk, consumed: Consumed
) -> None:
    number = {"version": 2, "outcome": "spends", "kind": "amount", "lowest": 0, "highest": None, "detail": None}
    later = {**prediction(2, score=812.5, action="remind"), **number, "field_of_later": True}
    desk.send(prediction(1), later, {**prediction(3, score=-1), **number}, {**prediction(4), "version": 3})

    assert consumed() == {"received": 4, "applied": 2, "refused": 2, "receipts": 2}
    assert desk.work_list() == {1: (1, "leave", 1), 2: (1, "remind", 1)}


def test_a_higher_revision_replaces_a_lower_one_is_ignored_and_an_expired_one_has_no_effect(
    desk: Desk, consumed: Consumed
) -> None:
    desk.send(prediction(1, 5, action="remind"), prediction(1, 4), prediction(2, 1), prediction(2, 2, action="remind"))
    desk.send(prediction(3, expires_at=NOW.replace("Z", ".000000Z")))

    assert consumed() == {"received": 5, "applied": 3, "superseded": 1, "expired": 1, "receipts": 5}

    assert desk.work_list() == {1: (5, "remind", 1), 2: (2, "remind", 2)}
    last = {receipt.decision_id[-1]: receipt for receipt in sorted(desk.receipts(), key=lambda one: one.sequence)}
    assert {number: receipt.status for number, receipt in last.items()} == {
        "1": "applied",
        "2": "applied",
        "3": "expired",
    }


@pytest.mark.parametrize("schema", ["assembly-line/probe", "assembly-line/batch", "assembly-line/of-a-later-version"])
def test_what_is_no_prediction_is_acknowledged_and_has_no_effect(desk: Desk, consumed: Consumed, schema: str) -> None:
    desk.send({"schema": schema, "version": 1, "line": "x", "consumer": "desk"}, prediction(1))

    assert consumed() == {"received": 2, "applied": 1, "receipts": 1}
    assert (set(desk.work_list()), desk.remaining()) == ({1}, 0)


def test_a_poison_message_stays_in_the_queue_and_its_neighbours_are_applied(desk: Desk, consumed: Consumed) -> None:
    poison = [
        "not json",
        '{"schema": NaN}',
        prediction(91, version=2),
        prediction(92, surprise=1),
        prediction(93, score=1.5),
        prediction(94, decision_time="2017-08-08"),
    ]
    desk.send(prediction(1), *poison, prediction(2))

    assert consumed() == {"received": 8, "applied": 2, "refused": 6, "receipts": 2}

    assert desk.remaining() == len(poison)
    assert set(desk.work_list()) == {1, 2}


def poison() -> dict[str, str]:
    """Messages that a reader of another sort, an older schema or a database may choke on, and why each is refused."""
    number = itertools.count(1000)

    def with_instant(name: str, value: str) -> str:
        return json.dumps({**prediction(next(number)), name: value})

    decision = prediction(0)["decision_id"]
    return {
        **{with_instant(name, "2017-13-08T04:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "2017-08-08T24:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "2017-08-08T04:00:00.000000Z\n"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "2017-02-30T04:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "1900-02-29T04:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "0000-01-01T04:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        **{with_instant(name, "٢017-08-08T04:00:00.000000Z"): f"$.{name}: breaks" for name in INSTANTS},
        json.dumps(prediction(1, decision_id=f"{decision}\n")): "$.decision_id: breaks",
        json.dumps(prediction(1, decision_id=decision.replace("2017", "٢٠١٧"))): "$.decision_id: breaks",
        json.dumps(prediction(1, line="coupon_redemption\n")): "$.line: breaks",
        json.dumps(prediction(1, revision=2**63)): "$.revision: breaks",
        json.dumps(prediction(1, revision=2**70)): "$.revision: breaks",
        json.dumps(prediction(1, policy_version=10**400)): "$.policy_version: breaks",
        json.dumps(prediction(1, keys={"household_id": "\ud800"})): "is not strict JSON",
        json.dumps(prediction(1, keys={"\udfff": 1})): "is not strict JSON",
        json.dumps(prediction(1, action="\ud83d")): "is not strict JSON",
        json.dumps(prediction(1)).replace('"score": 0.25', '"score": 1e999'): "is not strict JSON",
        json.dumps(prediction(1)).replace('"revision": 1', '"revision": 1' + "0" * 5000): "is not strict JSON",
        json.dumps(prediction(1)).replace('"leave"', "[" * 900 + "]" * 900): "",
        "[" * 100_000: "is not strict JSON",
        "\ufeff" + json.dumps(prediction(1)): "is not strict JSON",
        json.dumps(prediction(1, action="explode")): "$.action: is none of leave, remind",
        "null": "$: breaks",
        '"text"': "$: breaks",
    }


def test_each_of_29_healthy_messages_is_applied_once_and_only_poison_becomes_a_dead_letter(
    desk: Desk, program: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = desk.redrive(after=2)
    reasons = poison()
    healthy = [json.dumps(prediction(number)) for number in range(29)]
    desk.send(*sorted([*healthy, *reasons], key=lambda body: digest_bytes(body.encode())))

    consumer = program.Consumer(program.read_arguments([*desk.arguments, *UNTIL_EMPTY, "--actions", "leave", "remind"]))
    consumer.run()
    consumer.inbox.close()

    assert desk.work_list() == dict.fromkeys(range(29), (1, "leave", 1))
    assert (consumer.counts["applied"], consumer.counts["receipts"]) == (29, 29)
    assert {receipt.decision_id for receipt in desk.receipts()} == {prediction(n)["decision_id"] for n in range(29)}
    letters = desk.bodies(dead)
    assert sorted(letters.values()) == sorted(reasons)
    said = capsys.readouterr().err
    for message_id, body in letters.items():
        assert f"refused message {message_id}: {reasons[body]}" in said
    assert "explode" not in said


def test_what_an_older_schema_lets_pass_still_fails_alone(
    desk: Desk, consumed: Consumed, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "schemas" / "prediction.v1.json").write_text("{}", encoding="utf-8")
    desk.send(prediction(1), prediction(91, revision=2**63), {"decision_id": 92}, prediction(2))

    assert consumed() == {"received": 4, "applied": 2, "refused": 2, "receipts": 2}

    assert set(desk.work_list()) == {1, 2}
    assert "cannot be applied: OverflowError" in capsys.readouterr().err


def test_nothing_is_kept_of_a_decision_whose_receipt_the_line_would_refuse(desk: Desk, consumed: Consumed) -> None:
    schema = desk.folder / "schemas" / "feedback.v1.json"
    schema.write_text(schema.read_text(encoding="utf-8").replace('"minimum": 1', '"minimum": 2'), encoding="utf-8")
    desk.send(prediction(1), prediction(2, revision=2))

    assert consumed() == {"received": 2, "applied": 1, "refused": 1, "receipts": 1}

    assert set(desk.work_list()) == {2}
    assert desk.remaining() == 1


@pytest.mark.parametrize(
    ("expires_at", "counted"), [("2999-01-01T00:00:00.000000Z", "refused"), ("2999-01-01T00:00:00.000001Z", "applied")]
)
def test_an_expiry_that_is_not_after_the_issue_is_refused(
    desk: Desk, program: ModuleType, expires_at: str, counted: str
) -> None:
    desk.send(prediction(1, issued_at="2999-01-01T00:00:00.000000Z", expires_at=expires_at))
    without_now = [argument for argument in desk.arguments if argument not in ("--now", NOW)]

    consumer = program.Consumer(program.read_arguments([*without_now, *UNTIL_EMPTY]))
    consumer.run()
    consumer.inbox.close()

    assert (consumer.counts[counted], len(desk.work_list())) == (1, int(counted == "applied"))


def test_one_revision_with_two_contents_is_refused(desk: Desk, consumed: Consumed) -> None:
    desk.send(prediction(1), prediction(1, action="remind"))
    counts = consumed()
    assert (counts["applied"], desk.remaining()) == (1, 1)
    assert desk.work_list() == {1: (1, "leave", 1)}


def test_a_crash_before_the_receipt_left_repeats_the_receipt_and_not_the_effect(desk: Desk) -> None:
    desk.sqs.set_queue_attributes(QueueUrl=desk.queue_url, Attributes={"VisibilityTimeout": "1"})
    desk.send(*(prediction(number) for number in range(5)))
    ended = desk.run("--feedback-queue-url", f"{desk.feedback_url}-gone")
    assert ended.returncode != 0
    assert len(desk.work_list()) == 5
    assert desk.remaining() == 5

    def is_empty() -> bool:
        desk.consume()
        return not desk.remaining()

    eventually(is_empty, "the queue is empty")

    assert desk.work_list() == dict.fromkeys(range(5), (1, "leave", 1))
    assert len({receipt.event_id for receipt in desk.receipts()}) == 5


def test_a_message_whose_receipt_was_not_taken_stays_in_the_queue(
    desk: Desk, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = program.Consumer(program.read_arguments([*desk.arguments, *UNTIL_EMPTY]))
    whole = consumer.sqs.send_message_batch

    def never_the_second(QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
        return (
            whole(QueueUrl=QueueUrl, Entries=taken) if (taken := [one for one in Entries if one["Id"] != "1"]) else {}
        )

    monkeypatch.setattr(consumer.sqs, "send_message_batch", never_the_second)
    desk.send(*(prediction(number) for number in range(3)))
    consumer.run()
    consumer.inbox.close()

    assert (consumer.counts["applied"], consumer.counts["receipts"], desk.remaining()) == (3, 2, 1)


def test_a_pointer_is_followed_and_an_altered_body_is_refused(desk: Desk, consumed: Consumed) -> None:
    bucket = "bodies"
    desk.s3.create_bucket(Bucket=bucket)

    def pointer(number: int, content: bytes) -> str:
        body = json.dumps(prediction(number)).encode()
        desk.s3.put_object(Bucket=bucket, Key=str(number), Body=content)
        return PredictionPointer(
            line="coupon_redemption",
            decision_id=f"d1-20170808-{number:032x}",
            revision=1,
            uri=f"s3://{bucket}/{number}",
            digest=digest_bytes(body),
            size=len(body),
        ).to_json()

    good = json.dumps(prediction(1)).encode()
    desk.send(pointer(1, good), pointer(2, json.dumps(prediction(2, action="remind")).encode()))
    counts = consumed()
    assert (counts["applied"], set(desk.work_list()), desk.remaining()) == (1, {1}, 1)


def test_sigterm_ends_it_cleanly_while_it_waits(desk: Desk) -> None:
    desk.send(prediction(1))
    process = subprocess.Popen(
        desk.command, env=desk.variables, cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: not desk.remaining(), "the queue is empty")
        assert process.poll() is None  # it works on
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["applied"] == 1


def test_a_queue_that_is_not_there_is_told_in_one_line(desk: Desk) -> None:
    desk.sqs.delete_queue(QueueUrl=desk.queue_url)

    ended = desk.run()

    assert ended.returncode == 1
    assert ended.stderr.startswith("consume.py: ")
    assert len(ended.stderr.splitlines()) == 1
    assert "does not exist" in ended.stderr


@pytest.mark.parametrize("now", ["2017-08-10T00:00:00", "soon"])
def test_a_business_time_without_a_zone_is_refused(
    desk: Desk, program: ModuleType, now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main([*desk.arguments, *UNTIL_EMPTY, "--now", now])
    assert ended.value.code == 2
    assert "--now" in capsys.readouterr().err
