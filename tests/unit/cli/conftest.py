"""An environment `dev` in a mocked account, and the command called as from a shell."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import typer.main
from botocore.session import Session
from moto import mock_aws

from assembly_line.cli.application import run
from assembly_line.cli.aws_sessions import new_session
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target, account_target
from assembly_line.names import ControlKey, Parameter, parameter_name
from assembly_line.stations import machines

if TYPE_CHECKING:
    from tests.unit.cli.released_world import PreparedSources

REGION = "us-east-1"
BUCKETS: dict[str, str] = {
    Parameter.LAKE_BUCKET: "lake",
    Parameter.STORE_BUCKET: "store",
    Parameter.LEDGER_BUCKET: "ledger",
}


@dataclass(frozen=True)
class Answer:
    """How a call of the command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture(scope="session")
def made_once() -> dict[str, Any]:
    """What botocore and Typer make anew in each process of the command, here made once for all calls of it.

    A client takes longer to make than what most tests ask of it. The sessions of all accounts are alike: moto gives
    them the same credentials, and answers to the account that is open.
    """
    return {
        "boto3.session.Session.client": cache(boto3.Session.client),
        "assembly_line.cli.target.new_session": cache(new_session),
        "botocore.session.Session.create_client": cache(Session.create_client),
        "typer.main.get_command": cache(typer.main.get_command),
    }


@contextmanager
def open_account(made_once: Mapping[str, Any]) -> Iterator[None]:
    """An account in which nothing is, for the calls that are made meanwhile."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, made in made_once.items():
            patch.setattr(name, made)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "LINE_ENVIRONMENT": "dev",
        }.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield


def deploy() -> Target:
    """Put everything into the open account that the stacks publish."""
    parameters: dict[str, str] = {
        **BUCKETS,
        Parameter.CONTROL_TABLE: "control",
        Parameter.CHAMPION_TABLE: "champions",
        Parameter.GLUE_DATABASE: "lake",
        Parameter.FEEDBACK_QUEUE: "https://sqs.us-east-1.amazonaws.com/123456789012/feedback",
    }
    s3 = boto3.client("s3")
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket)
    for table in ("control", "champions"):
        boto3.client("dynamodb").create_table(
            TableName=table,
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
    for machine in machines().values():
        parameters[machine.parameter] = sfn.create_state_machine(
            name=machine.name, definition="{}", roleArn="arn:aws:iam::123456789012:role/machine"
        )["stateMachineArn"]
    ssm = boto3.client("ssm")
    for parameter, value in parameters.items():
        ssm.put_parameter(Name=parameter_name("dev", parameter), Value=value, Type="String")
    return account_target("dev", region=REGION, profile=None)


@pytest.fixture
def account(made_once: dict[str, Any]) -> Iterator[None]:
    with open_account(made_once):
        yield


@pytest.fixture
def target(account: None) -> Target:
    """A deployed environment in an account of the test's own, for tests that change what others would read.

    Opening an account empties every other: a module takes either these or the shared ones.
    """
    return deploy()


@pytest.fixture(scope="module")
def shared_account(made_once: dict[str, Any]) -> Iterator[None]:
    with open_account(made_once):
        yield


@pytest.fixture(scope="module")
def shared_target(shared_account: None) -> Target:
    """A deployed environment that all tests of a module share: each leaves it as it found it."""
    return deploy()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSources:
    # Few tests need a world; the others need not import what it is made of.
    from tests.unit.cli.released_world import PreparedSources

    return PreparedSources(tmp_path_factory.mktemp("prepared"))


def call(*arguments: str) -> Answer:
    with io.StringIO() as out, io.StringIO() as err:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            run(list(arguments))
        return Answer(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture
def line() -> Command:
    """Call `line` with arguments."""
    return call


@pytest.fixture(scope="module")
def shared_release(shared_target: Target) -> dict[str, str]:
    """Line -> release of what `line release` published into the shared environment: the shipped lines."""
    answer = call("release", "--json")
    assert answer.code == ExitCode.OK, answer.err
    return dict(json.loads(answer.out))
