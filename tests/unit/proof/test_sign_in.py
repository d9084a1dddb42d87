"""Whether people can take the line's roles, by the way in which they sign in."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from assembly_line.proof.judging import Trial, cases
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.physical_names import Place
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
FEDERATION = SignIn("federation", ("Analysts",))
OF_ANALYSTS = {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/Analysts"}}
BY_SOURCE = {**OF_ANALYSTS, "StringEquals": {"sts:RoleSessionName": "${aws:SourceIdentity}"}}


@pytest.mark.parametrize(
    ("condition", "sign_in", "allowed"),
    [
        (BY_USER, SignIn("iam_users"), {"sts:AssumeRole": True}),
        (BY_USER, SignIn("identity_center"), {"sts:AssumeRole": False}),
        (BY_TAG, SignIn("identity_center"), {"sts:AssumeRole": True}),
        (BY_TAG, SignIn("iam_users"), {"sts:AssumeRole": False}),
        # The role admits the person, and not the source identity that the session brings.
        (BY_SOURCE, FEDERATION, {"sts:AssumeRole": True, "sts:SetSourceIdentity": False}),
        (BY_SOURCE, SignIn("iam_users"), {"sts:AssumeRole": False}),
        ({}, SignIn("unverified"), {"sts:AssumeRole": True}),
    ],
)
def test_a_trust_policy_admits_those_whose_sign_in_it_knows(
    condition: dict[str, Any], sign_in: SignIn, allowed: dict[str, bool]
) -> None:
    role = copy.deepcopy(WORK["Role"])
    trust = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    trust.update(Principal={"AWS": "arn:aws:iam::123456789012:root"}, **({"Condition": condition} if condition else {}))
    real, _ = cases(templates(Role=role), (), sign_in)
    decisions = Trial(RUN, real).judged.decisions.items()
    assert {each.action: found.allowed for each, found in decisions if each.principal.name == "operator"} == allowed


def test_a_person_signs_in_to_the_account_that_the_settings_fix() -> None:
    place = Place(account="999999999999", partition="aws-cn")
    for sign_in in (SignIn("identity_center"), FEDERATION):
        (arn,) = sign_in.context("ann", place)["aws:PrincipalArn"]
        assert arn.startswith("arn:aws-cn:iam::999999999999:role/")
