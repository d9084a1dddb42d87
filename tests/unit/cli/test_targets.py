"""A command says which account it acts on, without a question of its own where the stacks told it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assembly_line.cli.target import Target, account_target
from assembly_line.errors import TargetUnreachable
from assembly_line.names import parameter_name
from assembly_line.stations import machines

REGION = "us-east-1"


def test_the_account_is_read_from_what_the_stacks_published(target: Target) -> None:
    elsewhere = "arn:aws-us-gov:states:us-gov-west-1:210987654321:stateMachine:"
    for machine in machines().values():
        name = parameter_name("dev", machine.parameter)
        boto3.client("ssm").put_parameter(Name=name, Value=elsewhere + machine.name, Type="String", Overwrite=True)

    assert account_target("dev", region=REGION, profile=None).account_id == "210987654321"


def test_an_account_without_the_environment_is_asked_who_it_is(account: None) -> None:
    target = account_target("dev", region=REGION, profile=None)
    assert target.where == "environment dev in account 123456789012, us-east-1"


def test_whoever_may_not_read_the_parameters_is_asked_who_they_are(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParametersByPath")

    monkeypatch.setattr("assembly_line.storage.services.parameters.Parameters.all", property(denied))
    assert account_target("dev", region=REGION, profile=None).account_id == "123456789012"


def test_credentials_that_do_not_hold_are_told_as_such(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}, "Any")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", expired)
    with pytest.raises(TargetUnreachable, match=r"environment 'dev': .*expired.*choose credentials with --profile"):
        account_target("dev", region=REGION, profile=None)
