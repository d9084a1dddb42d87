"""Whether a request would be allowed, as IAM decides it."""

from __future__ import annotations

from typing import Any

import pytest

from assembly_line.errors import ProofError
from assembly_line.proof.permissions.conditions import hold
from assembly_line.proof.permissions.evaluating import Principal, PrincipalKind
from tests.unit.proof.small_world import BASE, WORK, asked, world

WORLD = world()
STORE = WORLD.arn(WORLD.resources["Base", "Store"])
KEY = WORLD.arn(WORLD.resources["Base", "Key"])
SNS = Principal(PrincipalKind.SERVICE, "sns.amazonaws.com")
LAMBDA = Principal(PrincipalKind.SERVICE, "lambda.amazonaws.com")
OPERATOR = Principal(PrincipalKind.OPERATOR, "operator")


def test_a_role_may_do_what_its_policy_allows_on_that_prefix_alone() -> None:
    assert asked(WORLD, "s3:GetObject", f"{STORE}/data/x").allowed
    assert not asked(WORLD, "s3:GetObject", f"{STORE}/other/x").allowed
    assert not asked(WORLD, "s3:PutObject", f"{STORE}/data/x").allowed


def test_what_a_bucket_denies_wins_over_what_a_role_is_allowed() -> None:
    refused = asked(WORLD, "s3:GetObject", f"{STORE}/data/x", aws__SecureTransport="false")
    assert not refused.allowed
    assert "StorePolicy" in refused.why


def test_a_key_is_used_only_where_its_own_policy_leaves_it_to_identities() -> None:
    assert asked(WORLD, "kms:Decrypt", KEY).allowed
    closed: dict[str, Any] = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}
    assert "key's policy" in asked(world(Key=closed), "kms:Decrypt", KEY).why
    assert not asked(WORLD, "kms:Encrypt", KEY).allowed
    assert not asked(WORLD, "kms:Decrypt", KEY, SNS).allowed


def test_an_operator_is_allowed_what_no_resource_denies() -> None:
    assert asked(WORLD, "s3:DeleteObject", f"{STORE}/x", OPERATOR).allowed
    assert not asked(WORLD, "s3:DeleteObject", f"{STORE}/x", OPERATOR, aws__SecureTransport="false").allowed


def test_a_role_is_passed_to_the_service_of_the_condition_alone() -> None:
    jobs = "arn:aws:iam::123456789012:role/jobs"
    assert asked(WORLD, "iam:PassRole", jobs, iam__PassedToService="sagemaker.amazonaws.com").allowed
    assert not asked(WORLD, "iam:PassRole", jobs, iam__PassedToService="glue.amazonaws.com").allowed
    assert not asked(WORLD, "iam:PassRole", jobs).allowed


def test_a_role_is_assumed_by_whom_it_trusts() -> None:
    role = WORLD.arn(WORLD.resources["Work", "Role"])
    assert asked(WORLD, "sts:AssumeRole", role, LAMBDA).allowed
    assert not asked(WORLD, "sts:AssumeRole", role, SNS).allowed


def test_a_service_needs_the_resources_own_policy() -> None:
    topic = WORLD.arn(WORLD.resources["Base", "Topic"])
    assert not asked(WORLD, "sns:Publish", topic, Principal(PrincipalKind.SERVICE, "cloudwatch.amazonaws.com")).allowed


@pytest.mark.parametrize(
    ("conditions", "context", "expected"),
    [
        ({"StringEquals": {"a:K": ("x", "y")}}, {"a:k": ("y",)}, True),
        ({"StringEquals": {"a:K": ("x",)}}, {}, False),
        ({"StringEqualsIfExists": {"a:K": ("x",)}}, {}, True),
        ({"StringNotEquals": {"a:K": ("x",)}}, {}, True),
        ({"StringNotEquals": {"a:K": ("x",)}}, {"a:K": ("x",)}, False),
        ({"ArnLike": {"a:K": ("arn:aws:sns:*:1:t*",)}}, {"a:K": ("arn:aws:sns:us-east-1:1:topic",)}, True),
        ({"Null": {"a:K": ("true",)}}, {}, True),
        ({"Null": {"a:K": ("true",)}}, {"a:K": ("x",)}, False),
        ({"ForAllValues:StringEquals": {"a:K": ("x", "y")}}, {"a:K": ("x", "z")}, False),
        ({"ForAllValues:StringEquals": {"a:K": ("x",)}}, {}, True),
        ({"StringEquals": {"a:K": ("${aws:username}",)}}, {"a:K": ("ann",), "aws:username": ("ann",)}, True),
        ({"StringEquals": {"a:K": ("${aws:username}",)}}, {"a:K": ("ann",)}, False),
        ({"Bool": {"a:K": ("true",)}, "StringLike": {"a:L": ("x*",)}}, {"a:K": ("true",), "a:L": ("y",)}, False),
    ],
)
def test_conditions_hold_as_iam_says(conditions: Any, context: Any, expected: bool) -> None:
    assert hold(conditions, context) is expected


def test_an_operator_that_nobody_taught_is_not_guessed() -> None:
    with pytest.raises(ProofError, match="DateLessThan"):
        hold({"DateLessThan": {"a:K": ("2026",)}}, {"a:K": ("2025",)})


def test_references_that_the_proof_cannot_fill_in_are_told() -> None:
    broken = {**WORK["Log"], "Properties": {"LogGroupName": {"Fn::ImportValue": "Nothing"}}}
    with pytest.raises(ProofError, match="imports Nothing"):
        world(Log=broken).fixed_name(world(Log=broken).resources["Work", "Log"])


def test_generated_names_fit_their_types() -> None:
    long = world()
    for resource in long.resources.values():
        if resource.type in ("AWS::IAM::Role", "AWS::S3::Bucket"):
            assert 3 <= len(long.name(resource)) <= 64
    assert long.name(long.resources["Base", "Store"]).islower()
    assert BASE["Topic"]["Properties"]["TopicName"] == long.name(long.resources["Base", "Topic"])
