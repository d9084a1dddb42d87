"""What a run called its resources, told in the names of another environment, and the longest ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.names import ENVIRONMENT_TAG
from assembly_line.proof.judging import LONGEST_ENVIRONMENT, LONGEST_LINE, Trial, cases
from assembly_line.proof.permissions.evaluating import PrincipalKind
from assembly_line.proof.permissions.judgement import judgement, principal_of
from assembly_line.proof.recording import Call, Recording
from assembly_line.proof.translation import longest_of
from tests.unit.proof.small_world import templates

BUCKET = "assemblyline-embedded-base-store-abc123"
TOPIC = "arn:aws:sns:us-east-1:000000000000:assembly-line-embedded-news"
RUN = Recording(
    calls=(
        Call("arn:aws:sts::000000000000:assumed-role/AssemblyLine-embedded-Work-Role-XYZ1/f", "s3", "GetObject",
             {"Bucket": BUCKET, "Key": "runs/shop_line/x", "Tags": [{"topic": TOPIC}]}),
    ),
    names={
        ("Base", "Store"): (BUCKET,),
        ("Base", "Topic"): (TOPIC,),
        ("Work", "Role"): ("AssemblyLine-embedded-Work-Role-XYZ1",),
    },
    transitions=(),
)  # fmt: skip


def test_names_of_the_run_become_those_of_the_environment_in_every_text() -> None:
    real, _ = cases(templates(), ("shop_line",))
    trial = Trial(RUN, real)
    (call,) = trial.told.calls
    world = trial.world
    assert call.parameters["Bucket"] == world.name(world.resources["Base", "Store"])
    assert call.parameters["Tags"] == [{"topic": "arn:aws:sns:us-east-1:123456789012:assembly-line-dev-news"}]
    principal = principal_of(call.who, world)
    assert (principal.kind, principal.name) == (PrincipalKind.ROLE, world.arn(world.resources["Work", "Role"]))


def test_the_longest_names_are_as_long_as_settings_and_declarations_allow() -> None:
    _, longest = cases(templates(), ("shop_line",))
    trial = Trial(RUN, longest)
    (call,) = trial.told.calls
    line = str(call.parameters["Key"]).split("/")[1]
    assert len(line) == LONGEST_LINE
    assert line.startswith("shop_line")
    assert len(LONGEST_ENVIRONMENT) == 16
    assert call.parameters["Tags"][0]["topic"].endswith(f":assembly-line-{LONGEST_ENVIRONMENT}-news")


NAMES = st.lists(st.text("ab.", min_size=1, max_size=5), min_size=1, max_size=8)


@given(NAMES, st.text("ab.", max_size=20))
def test_the_longest_name_that_stands_at_a_place_is_told(names: list[str], text: str) -> None:
    one_by_one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    assert re.findall(longest_of(names), text) == re.findall(one_by_one, text)


def test_many_long_names_that_begin_alike_are_told() -> None:
    names = ["assembly-line-" + "x" * length for length in range(1, 240)]
    assert re.fullmatch(longest_of(names), names[100])


OWN_MODELS: dict[str, Any] = {
    "Type": "AWS::IAM::Policy",
    "Properties": {
        "Roles": [{"Ref": "Role"}],
        "PolicyName": "OwnModels",
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": action,
                    "Resource": "arn:aws:sagemaker:us-east-1:123456789012:model/*",
                    "Condition": {"StringEquals": {f"aws:{kind}/{ENVIRONMENT_TAG}": "dev"}},
                }
                for actions, kind in (
                    (("sagemaker:CreateModel", "sagemaker:AddTags"), "RequestTag"),
                    (("sagemaker:DeleteModel",), "ResourceTag"),
                )
                for action in actions
            ],
        },
    },
}


@pytest.mark.parametrize("case", [0, 1], ids=["real names", "longest names"])
@pytest.mark.parametrize("tag", ["embedded", "other", None])
def test_the_tag_of_the_runs_environment_becomes_that_of_the_environment_and_is_on_what_it_was_given(
    case: int, tag: str | None
) -> None:
    tags = {"Tags": [{"Key": ENVIRONMENT_TAG, "Value": tag}]} if tag else {}
    who, model = "arn:aws:sts::000000000000:assumed-role/AssemblyLine-embedded-Work-Role-XYZ1/f", {"ModelName": "m"}
    calls = (Call(who, "sagemaker", "CreateModel", {**model, **tags}), Call(who, "sagemaker", "DeleteModel", model))
    chosen = cases(templates(OwnModels=OWN_MODELS), ("shop_line",))[case]
    judged = Trial(Recording(calls=calls, names=RUN.names, transitions=()), chosen).judged.decisions

    asked = {request.action: decision for request, decision in judged.items() if request.resource.endswith("model/m")}

    assert {action: decision.allowed for action, decision in asked.items()} == dict.fromkeys(
        ("sagemaker:CreateModel", "sagemaker:DeleteModel", *(("sagemaker:AddTags",) if tag else ())), tag == "embedded"
    )


@pytest.mark.parametrize("case", [0, 1], ids=["real names", "longest names"])
def test_a_function_that_the_environment_does_without_is_named_and_its_calls_are_not_judged(case: int) -> None:
    who = "arn:aws:sts::000000000000:assumed-role/AssemblyLine-embedded-Work-TrackingRole12AB-XYZ1/f"
    beside = Call(who, "s3", "PutObject", {"Bucket": BUCKET, "Key": "runs/shop_line/x"})
    trial = Trial(
        Recording(calls=(*RUN.calls, beside), names=RUN.names, transitions=()), cases(templates(), ("shop_line",))[case]
    )

    found = judgement(trial.judged, trial.rules, trial.told)

    assert [request.action for request in trial.judged.decisions if request.action.startswith("s3:")] == [
        "s3:GetObject"
    ]
    said = [sentence for sentence in found.not_judged if "does not have it" in sentence]
    assert len(said) == 1
    assert "-Work-TrackingRole12AB-XYZ1 calls" in said[0]
