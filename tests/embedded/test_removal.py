"""A line and an environment are taken away in the embedded AWS, which holds exports and full buckets as AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assembly_line.cli.aws_sessions import new_session
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.embedded import ACCESS_KEY, REGION, SECRET_KEY, Runtime
from assembly_line.errors import RunFailed
from assembly_line.names import line_resource, line_stack, stack_name
from assembly_line.removal import environments
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.embedded_account import EmbeddedAccount, unique
from tests.embedded.reader_of_pages import LINE as TUTORIAL


@pytest.fixture
def target(embedded: Runtime) -> Target:
    """An environment of its own in the shared embedded AWS."""
    session = new_session(region=REGION)
    session.set_credentials(ACCESS_KEY, SECRET_KEY)
    endpoints = {"": embedded.endpoint_url, "sagemaker": embedded.sagemaker_url}
    return Target(environment=unique(), session=session, where="here", endpoints=endpoints)


@pytest.fixture
def stacks(target: Target, cloud: EmbeddedAccount) -> str:
    """Stacks of which each imports from the one before, a bucket that holds hidden versions, and a log that is kept."""
    client, bucket = cloud.client("cloudformation"), f"data-{target.environment}"
    versioned = {"BucketName": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    log = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain", "Properties": {"LogGroupName": bucket}}
    base = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": versioned}, "Log": log}
    exported = None
    for own in ("Foundation", "Features", "Line-x"):
        name = f"{target.environment}-{own}"
        display: dict[str, Any] = {"DisplayName": {"Fn::ImportValue": exported}} if exported else {}
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, **display}}
        template = {
            "Resources": {"Topic": topic, **(base if own == "Foundation" else {})},
            "Outputs": {"Name": {"Value": "v", "Export": {"Name": name}}},
        }
        client.create_stack(StackName=stack_name(target.environment, own), TemplateBody=json.dumps(template))
        exported = name
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="k")
    return bucket


def destroyed(target: Target, report: Callable[[str], None] = lambda _: None) -> environments.Destroyed:
    return environments.destroy(target, keep_data=False, report=report)


def test_an_environment_goes_in_the_order_of_its_imports_and_what_stays_is_named(target: Target, stacks: str) -> None:
    assert len(target.stacks.of_environment()) == 3

    found = destroyed(target)

    assert [name.rpartition(f"{target.environment}-")[2] for name in found.stacks] == [
        "Line-x",
        "Features",
        "Foundation",
    ]
    assert found.emptied == {stacks: 2}
    assert target.stacks.of_environment() == []
    kept = [(each.what, each.where) for each in found.kept]
    assert kept == [("LogGroup", stacks)]
    # Whoever asks again is told the same of what stays.
    assert destroyed(target).kept == found.kept


def test_a_bucket_that_is_not_empty_is_told_as_the_reason(target: Target, stacks: str) -> None:
    stacks_by_name = {each.own: each for each in target.stacks.of_environment()}
    for own in ("Line-x", "Features"):
        target.stacks.delete(stacks_by_name[own])
    with pytest.raises(RunFailed, match=r"Foundation is DELETE_FAILED: Bucket: .*not empty"):
        target.stacks.delete(stacks_by_name["Foundation"])
    destroyed(target)
    assert target.stacks.of_environment() == []


def test_a_line_goes_and_comes_back_with_its_history(deployed: Deployed) -> None:
    line, target = deployed.line, deployed.target
    before = target.control.current_release(TUTORIAL)

    removed = line("remove", TUTORIAL).document

    assert removed["stack"] == stack_name("embedded", line_stack(TUTORIAL))
    names = [stack.own for stack in target.stacks.of_environment()]
    assert line_stack(TUTORIAL) not in names
    assert line_stack(LINE) in names
    topics = [each["TopicArn"] for each in target.client("sns").list_topics()["Topics"]]
    assert not any(arn.endswith(line_resource("embedded", TUTORIAL)) for arn in topics)
    refused = line("train", TUTORIAL, "--as-of", "2017-07-01", "--as", "scientist")
    assert refused.code == ExitCode.REFUSED
    assert f"line '{TUTORIAL}' was removed at" in refused.err
    assert line("remove", TUTORIAL).document["stack"] is None

    again = line("deploy", "--lines", str(deployed.lines)).document

    assert again["releases"][TUTORIAL] == before
    assert line_stack(TUTORIAL) in [stack.own for stack in target.stacks.of_environment()]
