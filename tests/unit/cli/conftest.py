"""An environment `dev` in a mocked account, and the command called as from a shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import boto3
import pytest
from botocore.loaders import Loader
from moto import mock_aws

from assembly_line.cli.application import run
from assembly_line.cli.target import Target, account_target
from assembly_line.names import ControlKey, Parameter, parameter_name

REGION = "us-east-1"
MACHINES = {
    Parameter.DATASET_MACHINE: "Dataset",
    Parameter.TRAINING_MACHINE: "Training",
    Parameter.SCORING_MACHINE: "Scoring",
    Parameter.OUTCOMES_MACHINE: "Outcomes",
    Parameter.ONLINE_MACHINE: "Online",
}
BUCKETS = {Parameter.LAKE_BUCKET: "lake", Parameter.STORE_BUCKET: "store", Parameter.LEDGER_BUCKET: "ledger"}


@dataclass(frozen=True)
class Answer:
    """How a call of the command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture(scope="session")
def service_models() -> Loader:
    """Read once for all tests, instead of once for each call of the command."""
    return Loader()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, service_models: Loader) -> Iterator[None]:
    monkeypatch.setattr("botocore.session.create_loader", lambda _path: service_models)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "LINE_ENVIRONMENT": "dev",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def target(account: None) -> Target:
    """The account with everything that the stacks publish."""
    parameters: dict[Parameter, str] = {
        **BUCKETS,
        Parameter.CONTROL_TABLE: "control",
        Parameter.GLUE_DATABASE: "lake",
        Parameter.FEEDBACK_QUEUE: "https://sqs.us-east-1.amazonaws.com/123456789012/feedback",
    }
    s3 = boto3.client("s3")
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket)
    boto3.client("dynamodb").create_table(
        TableName="control",
        KeySchema=[
            {"AttributeName": ControlKey.PARTITION, "KeyType": "HASH"},
            {"AttributeName": ControlKey.SORT, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in (ControlKey.PARTITION, ControlKey.SORT)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    sfn = boto3.client("stepfunctions")
    for parameter, name in MACHINES.items():
        parameters[parameter] = sfn.create_state_machine(
            name=name, definition="{}", roleArn="arn:aws:iam::123456789012:role/machine"
        )["stateMachineArn"]
    ssm = boto3.client("ssm")
    for parameter, value in parameters.items():
        ssm.put_parameter(Name=parameter_name("dev", parameter), Value=value, Type="String")
    return account_target("dev", region=REGION, profile=None)


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call `line` with arguments."""

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(list(arguments))
        captured = capsys.readouterr()
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    return call
