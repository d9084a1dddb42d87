"""A released line as the feedback handlers find it."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger

from assembly_line.release import Release
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.api import handler

LINES = Path(__file__).parents[3] / "lines"
LINE = "coupon_redemption"
LogsOf = Callable[[Logger], io.StringIO]
ANNA = "arn:aws:sts::123456789012:assumed-role/Scientist/anna"
API_ROLE_ID = "AROAAPIFUNCTION"
NOBODY: dict[str, Any] = {}
Call = Callable[..., tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Context:
    """What a Lambda runtime hands to its function."""

    function_name: str = "feedback"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:feedback"
    aws_request_id: str = "request"


@pytest.fixture
def lambda_context() -> Any:
    return Context()


@pytest.fixture
def logs_of() -> Iterator[LogsOf]:
    """From now on, what a logger writes to the function's log, as it is written there."""
    changed: list[tuple[Any, Any]] = []

    def follow(logger: Logger) -> io.StringIO:
        written, writer = io.StringIO(), logger.registered_handler
        assert isinstance(writer, logging.StreamHandler)
        changed.append((writer, writer.setStream(written)))
        return written

    yield follow
    for written_to, stream in changed:
        written_to.setStream(stream)


@pytest.fixture
def released(store: ObjectStore, control: ControlTable, shipped: Release) -> str:
    """The digest of the shipped line's current release."""
    digest = ReleaseStore(store).publish(shipped)
    control.set_current_release(LINE, digest)
    return digest


@pytest.fixture
def ledger(ledger_objects: ObjectStore) -> Ledger:
    return Ledger(ledger_objects)


@pytest.fixture
def environment(
    store: ObjectStore, ledger_objects: ObjectStore, lake_objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that the stack sets for the collector and the outcomes step."""
    variables = {
        "ASSEMBLY_ENVIRONMENT": "embedded",
        "STORE_BUCKET": store.bucket,
        "LEDGER_BUCKET": ledger_objects.bucket,
        "LAKE_BUCKET": lake_objects.bucket,
        "CONTROL_TABLE": "control",
        "CHAMPION_TABLE": "champions",
        "FUNCTION_SCORING_MIB": "4",
        "API_ROLE_ID": API_ROLE_ID,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def request(method: str, path: str, body: object, who: str | None, *, encoded: bool = False) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    if encoded:
        text = base64.b64encode(text.encode()).decode()
    authorizer = {"authorizer": {"iam": {"userArn": who, "accountId": "123456789012"}}} if who else NOBODY
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            **authorizer,
            "accountId": "123456789012",
            "apiId": "api",
            "http": {
                "method": method,
                "path": path,
                "sourceIp": "203.0.113.1",
                "userAgent": "x",
                "protocol": "HTTP/1.1",
            },
            "requestId": "r",
            "routeKey": f"{method} {path}",
            "stage": "$default",
        },
        "body": text,
        "isBase64Encoded": encoded,
    }


@pytest.fixture
def queue_url(aws: None) -> str:
    return boto3.client("sqs").create_queue(QueueName="feedback")["QueueUrl"]


@pytest.fixture
def machine(aws: None) -> str:
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    return boto3.client("stepfunctions").create_state_machine(
        name="training", definition=definition, roleArn="arn:aws:iam::123456789012:role/states"
    )["stateMachineArn"]


@pytest.fixture
def variables(environment: None, queue_url: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_QUEUE_URL", queue_url)
    monkeypatch.setenv("TRAINING_MACHINE_ARN", machine)
    monkeypatch.setenv("DATASET_MACHINE_ARN", machine)
    monkeypatch.setenv("EXPLAIN_FUNCTION", "explain")
    monkeypatch.setenv("CHAMPIONS_FUNCTION", "champions")
    monkeypatch.setenv("ONLINE_TABLE", "online")
    monkeypatch.setenv("ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("EVENT_BUS", "bus")
    account_of.cache_clear()


@pytest.fixture
def api(variables: None, released: str, lambda_context: Any) -> Call:
    def call(
        method: str, path: str, body: object = "", *, who: str | None = ANNA, encoded: bool = False
    ) -> tuple[int, dict[str, Any]]:
        answer = handler.handle(request(method, path, body, who, encoded=encoded), lambda_context)
        kind = "application/json" if answer["statusCode"] < 400 else "application/problem+json"
        assert answer["headers"]["Content-Type"] == kind
        return answer["statusCode"], json.loads(answer["body"])

    return call
