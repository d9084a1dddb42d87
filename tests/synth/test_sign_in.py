"""Who may take the line's roles, and under which name: the synthesized trust policies, judged as IAM judges them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from assembly_line.proof.permissions.evaluating import Principal, PrincipalKind, Request, decide
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.physical_names import Place
from assembly_line.proof.templates import Templates
from assembly_line.proof.world import World
from stacks.constructs.access.people import People

HOME, OTHER_HOME = "people/Analysts", "Reviewers"
PLACE = Place()
KINDS = {
    "iam_users": SignIn("iam_users"),
    "identity_center": SignIn("identity_center"),
    "federation": SignIn("federation", (HOME, OTHER_HOME)),
}
ASSUME, HAND_ON = ("sts:AssumeRole",), ("sts:SetSourceIdentity",)
Keys = Mapping[str, tuple[str, ...]]


def rules_of(sign_in: SignIn) -> Rules:
    stack = Stack(App(), "AssemblyLine-dev-People")
    People(stack, "People", sign_in=sign_in.kind, federated_roles=sign_in.roles)
    template = dict(Template.from_stack(stack).to_json())
    return Rules(World(Templates("dev", {"People": template}, {}), PLACE))


def may_take(rules: Rules, asked: tuple[str, ...], session: str, known: Keys) -> bool:
    """Whether somebody of whom IAM knows these keys may take each role of the line, in a session of this name.

    Args:
        asked: the actions that must be allowed for it.
    """
    person = Principal(PrincipalKind.OPERATOR, "somebody")
    context = tuple({**known, "sts:RoleSessionName": (session,)}.items())
    roles = list(rules.trust)
    assert len(roles) == 3
    answers = {all(decide(Request(person, action, role, context), rules).allowed for action in asked) for role in roles}
    (answer,) = answers
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_people_take_the_roles_under_their_own_name_alone(kind: str) -> None:
    sign_in = KINDS[kind]
    rules, ann = rules_of(sign_in), sign_in.context("ann", PLACE)

    assert may_take(rules, sign_in.asked, "ann", ann)
    assert not may_take(rules, ASSUME, "bob", ann)
    # A wildcard or a variable in the name is just a name.
    assert not may_take(rules, ASSUME, "*", ann)
    assert not may_take(rules, ASSUME, "${aws:SourceIdentity}", ann)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_no_other_way_to_sign_in_opens_the_roles(kind: str, other: str) -> None:
    person = KINDS[other].context("ann", PLACE)
    assert may_take(rules_of(KINDS[kind]), ASSUME, "ann", person) is (kind == other)


def arn(role: str) -> tuple[str, ...]:
    return (f"arn:aws:iam::123456789012:role/{role}",)


@pytest.mark.parametrize(
    ("known", "allowed"),
    [
        ({"aws:PrincipalArn": arn(HOME), "aws:SourceIdentity": ("ann",)}, True),
        ({"aws:PrincipalArn": arn(OTHER_HOME), "aws:SourceIdentity": ("ann",)}, True),
        # Another role: whoever may assume it may have written the source identity.
        ({"aws:PrincipalArn": arn("Builder"), "aws:SourceIdentity": ("ann",)}, False),
        ({"aws:PrincipalArn": arn("Analysts"), "aws:SourceIdentity": ("ann",)}, False),
        ({"aws:PrincipalArn": arn(f"{HOME}2"), "aws:SourceIdentity": ("ann",)}, False),
        # A user or a role of another account, or an IAM user.
        ({"aws:PrincipalArn": ("arn:aws:iam::999999999999:role/" + HOME,), "aws:SourceIdentity": ("ann",)}, False),
        ({"aws:PrincipalArn": ("arn:aws:iam::123456789012:user/ann",), "aws:username": ("ann",)}, False),
        # The provider gave no source identity, and the call itself brings one.
        ({"aws:PrincipalArn": arn(HOME), "sts:SourceIdentity": ("ann",)}, False),
        ({"aws:PrincipalArn": arn(HOME)}, False),
    ],
)
def test_a_source_identity_counts_only_where_a_provider_gave_it(known: Keys, allowed: bool) -> None:
    assert may_take(rules_of(KINDS["federation"]), ASSUME, "ann", known) is allowed


def test_a_tag_counts_only_on_a_role_of_identity_center() -> None:
    """Whoever may tag a role of their own could claim any name."""
    rules, ann = rules_of(KINDS["identity_center"]), KINDS["identity_center"].context("ann", PLACE)
    assert may_take(rules, ASSUME, "ann", ann)
    assert not may_take(rules, ASSUME, "ann", {**ann, "aws:PrincipalArn": arn("Builder")})


def test_only_a_federated_role_hands_its_source_identity_on() -> None:
    rules, ann = rules_of(KINDS["federation"]), KINDS["federation"].context("ann", PLACE)
    assert may_take(rules, HAND_ON, "ann", ann)
    assert not may_take(rules, HAND_ON, "ann", {**ann, "aws:PrincipalArn": arn("Builder")})
    assert not may_take(rules_of(KINDS["iam_users"]), HAND_ON, "ann", ann)


def test_the_federated_roles_are_those_of_the_deployed_partition_and_account() -> None:
    stack = Stack(App(), "AssemblyLine-dev-People")
    People(stack, "People", sign_in="federation", federated_roles=(HOME,))
    assert "arn:aws:" not in json.dumps(Template.from_stack(stack).to_json())
