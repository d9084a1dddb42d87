"""Which role a command works under: `--as`, and who it says it is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from assembly_line.cli.exits import ExitCode, exit_code_of
from assembly_line.cli.target import Target, account_target
from assembly_line.errors import NotPermitted, RequestRefused
from assembly_line.names import Parameter, parameter_name

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

ANN = "arn:aws:sts::123456789012:assumed-role/Analysts/ann"
ROLE = "arn:aws:iam::123456789012:role/Reviewer"
KEYS = {
    "AccessKeyId": "AKIA0123456789012345",
    "SecretAccessKey": "secret",
    "SessionToken": "token",
    "Expiration": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def target(account: None) -> Target:
    boto3.client("ssm").put_parameter(Name=parameter_name("dev", Parameter.REVIEWER_ROLE), Value=ROLE, Type="String")
    return account_target("dev", region="us-east-1", profile=None)


@pytest.fixture
def stub(target: Target) -> Iterator[Stubber]:
    """The answers of STS to somebody who signed in by SAML; a call with other parameters fails."""
    with Stubber(target.client("sts")) as stubber:
        stubber.add_response("get_caller_identity", {"Arn": ANN}, {})
        yield stubber


def test_a_session_is_named_as_the_one_that_people_signed_in_to(target: Target, stub: Stubber) -> None:
    stub.add_response("assume_role", {"Credentials": KEYS}, {"RoleArn": ROLE, "RoleSessionName": "ann"})
    assert target.assume("reviewer").token == "token"


def test_a_refused_role_is_told_with_the_name_and_the_way_out(target: Target, stub: Stubber) -> None:
    stub.add_client_error("assume_role", "AccessDenied", "User is not authorized", 403)
    stub.add_response("get_caller_identity", {"Arn": ANN}, {})

    with pytest.raises(NotPermitted) as refused:
        target.assume("reviewer")

    assert exit_code_of(refused.value) == ExitCode.REFUSED
    said = str(refused.value)
    assert all(
        part in said for part in ("--as reviewer", ANN, "session 'ann'", ROLE, "`line --environment dev doctor`")
    )


def test_a_failure_that_is_no_refusal_stays_what_it_is(target: Target, stub: Stubber) -> None:
    stub.add_client_error("assume_role", "Throttling")
    with pytest.raises(target.client("sts").exceptions.ClientError, match="Throttling"):
        target.assume("reviewer")


def test_in_the_embedded_aws_one_person_plays_several(target: Target) -> None:
    target.endpoints[""] = "http://127.0.0.1:1"
    with Stubber(target.client("sts")) as stub:
        for role, name in (("reviewer/ben", "ben"), ("reviewer", "reviewer")):
            stub.add_response("assume_role", {"Credentials": KEYS}, {"RoleArn": ROLE, "RoleSessionName": name})
            assert target.assume(role).token == "token"
        with pytest.raises(RequestRefused, match=r"--as reviewer: 'b n': expected a name of 2 to 64 letters"):
            target.assume("reviewer/b n")


def test_in_an_account_nobody_chooses_the_own_name(target: Target) -> None:
    with pytest.raises(RequestRefused, match=r"--as reviewer: 'ben'.* a session carries your own name"):
        target.assume("reviewer/ben")


def test_other_programs_get_the_roles_credentials_and_where_to_go(target: Target, stub: Stubber) -> None:
    stub.add_response("assume_role", {"Credentials": KEYS}, {"RoleArn": ROLE, "RoleSessionName": "ann"})
    assert target.variables("reviewer") == {
        "AWS_ACCESS_KEY_ID": KEYS["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_shell_takes_what_is_printed(target: Target, line: Command) -> None:
    answer = line("credentials")

    done = subprocess.run(
        ["sh", "-c", f'{answer.out}\necho "$AWS_SECRET_ACCESS_KEY $AWS_DEFAULT_REGION"'],
        capture_output=True, text=True, check=True, env={},
    )  # fmt: skip
    assert done.stdout == "testing us-east-1\n"
