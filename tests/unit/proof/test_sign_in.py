"""Whether people can take the line's roles, by the way in which they sign in."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from assembly_line.proof.judging import Trial, cases
from assembly_line.proof.recording import Call, Recording
from tests.unit.proof.small_world import WORK, templates

ROLE = "arn:aws:iam::000000000000:role/AssemblyLine-embedded-Work-Role-XYZ1"
RUN = Recording(
    calls=(Call("operator", "sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "ann"}),),
    names={("Work", "Role"): ("AssemblyLine-embedded-Work-Role-XYZ1",)},
    transitions=(),
)
BY_USER = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
BY_TAG = {
    "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*"},
    "StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/userName}"},
}


@pytest.mark.parametrize(
    ("condition", "sign_in", "allowed"),
    [
        (BY_USER, "iam_users", True),
        (BY_USER, "identity_center", False),
        (BY_TAG, "identity_center", True),
        (BY_TAG, "iam_users", False),
        ({}, "unverified", True),
    ],
)
def test_a_trust_policy_admits_those_whose_sign_in_it_knows(
    condition: dict[str, Any], sign_in: str, allowed: bool
) -> None:
    role = copy.deepcopy(WORK["Role"])
    trust = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    trust.update(Principal={"AWS": "arn:aws:iam::123456789012:root"}, **({"Condition": condition} if condition else {}))
    real, _ = cases(templates(Role=role), (), sign_in)
    (decision,) = [
        decision
        for request, decision in Trial(RUN, real).judged.decisions.items()
        if request.principal.name == "operator"
    ]
    assert decision.allowed is allowed
