"""The event recorder against S3: each event is kept, a bad one goes back alone, repetition changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from assembly_line.canonical import digest_bytes
from assembly_line.errors import MalformedMessage
from assembly_line.names import station_events_prefix
from assembly_line.stations import machines
from assembly_line.storage.ledger.event_log import EventLog
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.throughput.station_visits import visits
from lambdas.account import account_of
from lambdas.event_recorder import handler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

BUCKET = "ledger"
MACHINES = {name: f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}" for name in machines()}


@dataclass
class Context:
    function_name: str = "event-recorder"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:event-recorder"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def context() -> LambdaContext:
    return Context()  # type: ignore[return-value]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLog]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LEDGER_BUCKET": BUCKET,
        "ASSEMBLY_ENVIRONMENT": "embedded",
        "MACHINES": ",".join(f"{name}={arn}" for name, arn in MACHINES.items()),
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        account_of.cache_clear()
        handler.recorder.cache_clear()
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        yield EventLog(ObjectStore(s3, BUCKET))
    account_of.cache_clear()
    handler.recorder.cache_clear()


def detail(number: int, *, at: str = "2026-11-01T09:00:00.000000Z", **changes: Any) -> dict[str, Any]:
    return {
        "schema": "assembly-line/station-event",
        "version": 1,
        "id": f"run-1/training/finished/{number}",
        "environment": "embedded",
        "account": "000000000000",
        "line": "coupon_redemption",
        "station": "training",
        "item": "run-1",
        "kind": "finished",
        "attempt": 1,
        "at": at,
        **changes,
    }


def envelope(event: object, **changes: Any) -> str:
    return json.dumps(
        {"version": "0", "source": "assembly-line", "detail-type": "Station event", "detail": event, **changes}
    )


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs", "receiptHandle": "r", "attributes": {}}
            for number, body in enumerate(bodies)
        ]
    }


def failed(response: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def test_keeps_good_events_and_returns_only_the_bad_ones(log: EventLog, context: LambdaContext) -> None:
    response = handler.handle(
        batch(
            envelope(detail(1)),
            "not json",
            envelope(detail(2, kind="exploded")),
            envelope(detail(3), source="somebody.else"),
            envelope({**detail(4), "at": "2026-11-01T09:00:00"}),
            envelope(detail(5)),
        ),
        context,
    )

    assert failed(response) == ["m1", "m2", "m3", "m4"]
    assert [event.id for event in log.read()] == ["run-1/training/finished/1", "run-1/training/finished/5"]


def test_each_of_29_healthy_events_is_kept_once_among_poison_of_every_sort(
    log: EventLog, context: LambdaContext
) -> None:
    poison = [
        *(envelope(detail(50, at=at)) for at in ("2026-13-01", "2026-11-31T00:00:00Z", "2026-11-01T24:00:00Z")),
        *(envelope(detail(51, **{name: "\ud800"})) for name in ("id", "cause", "principal", "item")),
        *(envelope(detail(52, attempt=attempt)) for attempt in (0, 2**53, 2**63, 2**70)),
        envelope(detail(53, cost={"unit": "s", "quantity": 1})).replace('"quantity": 1', '"quantity": 1e999'),
        envelope("a detail that is no object"),
        stopped(stopDate=10**30),
        stopped(stopDate="soon"),
        json.dumps({**json.loads(stopped()), "detail": [1]}),
        "[" * 100_000,
    ]
    healthy = [envelope(detail(number)) for number in range(29)]
    bodies = sorted([*healthy, *poison], key=lambda body: digest_bytes(body.encode()))

    response = handler.handle(batch(*bodies), context)

    assert failed(response) == [f"m{place}" for place, body in enumerate(bodies) if body in poison]
    assert sorted(event.id for event in log.read()) == sorted(detail(number)["id"] for number in range(29))


def test_a_batch_of_bad_ones_alone_goes_back_whole_and_writes_nothing(log: EventLog, context: LambdaContext) -> None:
    assert failed(handler.handle(batch("{", "[]"), context)) == ["m0", "m1"]
    assert list(log.read()) == []


def test_the_same_batch_again_writes_nothing_new(log: EventLog, context: LambdaContext) -> None:
    bodies = [envelope(detail(number)) for number in range(3)]

    handler.handle(batch(*bodies), context)
    handler.handle(batch(*reversed(bodies)), context)

    assert len(list(log.read())) == 3


def test_events_lie_under_the_day_on_which_they_happened(log: EventLog, context: LambdaContext) -> None:
    handler.handle(
        batch(
            envelope(detail(1, at="2026-10-31T23:59:59.999999Z")),
            envelope(detail(2, at="2026-11-01T01:00:00.000000+02:00")),
            envelope(detail(3, at="2026-11-01T00:00:00.000000Z")),
        ),
        context,
    )

    assert [event.id[-1] for event in log.read(since_day="20261101")] == ["3"]
    assert sorted(event.id[-1] for event in log.read(until_day="20261031")) == ["1", "2"]


def test_a_store_that_is_gone_fails_the_batch(
    log: EventLog, context: LambdaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_of.cache_clear()
    handler.recorder.cache_clear()
    monkeypatch.setenv("LEDGER_BUCKET", "gone")

    with pytest.raises(Exception, match="NoSuchBucket"):
        handler.handle(batch(envelope(detail(1))), context)


def stopped(name: str = "run-1-dataset", status: str = "ABORTED", **changes: Any) -> str:
    """As Step Functions tells EventBridge that an execution ended."""
    told = {
        "executionArn": f"arn:aws:states:us-east-1:000000000000:execution:dataset:{name}",
        "stateMachineArn": MACHINES["dataset"],
        "name": name,
        "status": status,
        "startDate": 1793523600000,
        "stopDate": 1793523661250,
        "input": json.dumps({"line": "coupon_redemption", "purpose": "training", "as_of": "2017-07-01"}),
        "redriveCount": 0,
        "error": "Cancelled",
        "cause": "cancelled by arn:aws:iam::000000000000:user/anna",
        **changes,
    }
    kind = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    return json.dumps({"version": "0", "account": "000000000000", **kind, "detail": told})


def test_a_stopped_execution_fails_its_work_item_once(log: EventLog, context: LambdaContext) -> None:
    begun = {"id": "run-1-dataset:features:started:1", "station": "features", "kind": "started"}
    response = handler.handle(
        batch(envelope(detail(1, at="2026-11-01T09:00:00.000000Z", **begun)), stopped(), stopped()), context
    )

    assert failed(response) == []
    _, end = sorted(log.read(), key=lambda event: event.at)
    assert (end.id, end.kind, end.attempt) == ("run-1-dataset:features:failed:1", "failed", 1)
    assert (end.line, end.station, end.item) == ("coupon_redemption", "features", "run-1")
    assert end.at.isoformat() == "2026-11-01T09:01:01.250000+00:00"
    assert end.cause == "stopped: Cancelled: cancelled by arn:aws:iam::000000000000:user/anna"
    (visit,) = visits(log.read())
    assert (visit.result, visit.ended) == ("failed", end.at)


def test_one_that_ran_out_of_time_says_so_and_a_redrive_is_another_attempt(
    log: EventLog, context: LambdaContext
) -> None:
    late = stopped("run-2", "TIMED_OUT", redriveCount=2, error="States.Timeout", cause=None)

    assert failed(handler.handle(batch(late), context)) == []

    (event,) = log.read()
    assert (event.id, event.attempt, event.item) == ("run-2:features:failed:3", 3, "run-2")
    assert event.cause == "stopped: it ran out of time: States.Timeout"


@pytest.mark.parametrize(
    ("error", "cause", "told"),
    [
        ("States.DataLimitExceeded", "the state grew too large", "States.DataLimitExceeded: the state grew too large"),
        (
            "RequestRefused",
            '{"errorMessage": "line: is missing", "stackTrace": []}',
            "RequestRefused: line: is missing",
        ),
        ("States.TaskFailed", '{"FailureReason": "AlgorithmError: bad"}', "States.TaskFailed: AlgorithmError: bad"),
        ("States.TaskFailed", '{"Error": "QualityGateFailed", "Cause": "no rows"}', "QualityGateFailed: no rows"),
        ("Broken", "{not json}", "Broken: {not json}"),
    ],
)
def test_one_that_failed_is_told_with_the_reason_a_person_can_read(
    log: EventLog, context: LambdaContext, error: str, cause: str, told: str
) -> None:
    assert failed(handler.handle(batch(stopped("run-3", "FAILED", error=error, cause=cause)), context)) == []

    (event,) = log.read()
    assert (event.id, event.kind, event.cause) == ("run-3:features:failed:1", "failed", told)


def test_a_redriven_one_starts_another_pass_of_its_work_item(log: EventLog, context: LambdaContext) -> None:
    redriven = stopped("run-4", "RUNNING", redriveCount=1, redriveDate=1793523700000, stopDate=None)

    assert failed(handler.handle(batch(stopped("run-4", "FAILED"), redriven), context)) == []

    first, second = visits(log.read())
    assert (first.result, first.repeated) == ("failed", True)
    assert (second.ended, second.began.isoformat()) == (None, "2026-11-01T09:01:40+00:00")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ('{"line": "\\ud800"}', "unknown"),
        ("[" * 100_000, "unknown"),
        ('{"line": 7}', "unknown"),
        ("[1]", "unknown"),
        ("null", "unknown"),
        (None, "unknown"),
        ('{"line": "x"}', "x"),
    ],
)
def test_whatever_its_input_was_it_is_told(log: EventLog, context: LambdaContext, given: str | None, line: str) -> None:
    assert failed(handler.handle(batch(stopped(input=given)), context)) == []
    assert [event.line for event in log.read()] == [line]


def test_an_explanation_that_was_stopped_was_no_work(log: EventLog, context: LambdaContext) -> None:
    asked = json.dumps({"line": "coupon_redemption", "explain": True})

    assert failed(handler.handle(batch(stopped(input=asked)), context)) == []
    assert list(log.read()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SUCCEEDED"},
        {"status": "RUNNING"},
        {"stateMachineArn": "arn:of:somebody:else"},
        {"stopDate": None},
        {"name": ""},
    ],
)
def test_what_is_not_about_a_stopped_execution_of_the_line_goes_back(
    log: EventLog, context: LambdaContext, changes: dict[str, Any]
) -> None:
    assert failed(handler.handle(batch(stopped(**changes)), context)) == ["m0"]
    assert list(log.read()) == []


@pytest.mark.parametrize("content", ["{}", "not json", '{"id": "a", "line": 1}', "[]", '{"at": "2026-13-01"}'])
def test_a_log_that_holds_something_else_is_told_from_an_event(log: EventLog, content: str) -> None:
    log_of_day = f"{station_events_prefix('20261101')}strange.jsonl"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=log_of_day, Body=content.encode())

    with pytest.raises(MalformedMessage, match=r"station event.*: expected"):
        list(log.read())
