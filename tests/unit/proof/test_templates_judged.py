"""Templates and machines with one planted fault each: the judgement names it, and nothing else."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from assembly_line.proof.deployment import hearing
from assembly_line.proof.deployment import judgement as deployment
from assembly_line.proof.findings import Judgement
from assembly_line.proof.machines import judgement as state_machines
from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.permissions import grants
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.physical_names import Place
from assembly_line.proof.recording import Recording, Transition
from assembly_line.proof.templates import renamed
from assembly_line.proof.world import World
from tests.unit.proof.small_world import BASE, DEFINITION, WORK, templates, world

NOTHING = Recording((), {}, ())


def test_what_is_right_has_no_faults() -> None:
    judged = [
        deployment.judgement(world(**heard({}))),
        state_machines.judgement(machines(world()), NOTHING, frozenset()),
        grants.judgement(Rules(world())),
    ]
    assert [each.findings for each in judged] == [(), (), ()]


def kept(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "DeletionPolicy": "Retain"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"Topic": kept(BASE["Topic"])}, "stays behind as 'assembly-line-dev-news'"),
        ({"Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}}}, "keeps its log for good"),
        ({"Store": {"Type": "AWS::S3::Bucket", "Properties": {}}}, "uploads that broke off"),
        ({"Fn": {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 4096}}}, "a fresh account gives 3008"),
        ({"Map": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {}}}, "bound MaximumConcurrency"),
        (
            {"Role": {**WORK["Role"], "Properties": {**WORK["Role"]["Properties"], "RoleName": "r" * 65}}},
            "65 characters",
        ),
    ],
)
def test_a_template_that_would_not_deploy_is_named(changed: dict[str, Any], expected: str) -> None:
    (finding,) = deployment.judgement(world(**heard({}), **changed)).faults
    assert expected in f"{finding.says} {finding.todo}"


def test_a_name_or_an_import_needs_a_dependency() -> None:
    loose = replace(templates(**heard({})), dependencies={"Base": frozenset(), "Work": frozenset()})
    said = [finding.says for finding in deployment.judgement(World(loose, Place())).faults]
    assert len(said) == 3
    assert sum("is named 'assembly-line-dev-news' in stack Work" in each for each in said) == 1
    assert sum("imports" in each for each in said) == 2


def judged_machine(change: Any, recording: Recording = NOTHING) -> Judgement:
    definition = copy.deepcopy(DEFINITION)
    change(definition["States"])
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {**WORK["Machine"]["Properties"], "DefinitionString": json.dumps(definition)},
    }
    return state_machines.judgement(machines(world(Machine=machine)), recording, frozenset())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda states: states["Ask"]["Catch"].pop(0), "escapes its Catch"),
        (lambda states: states["Ask"]["Retry"][0].update(ErrorEquals=["Lambda.NoSuchError"]), "Lambda.NoSuchError"),
        (lambda states: states["Ask"]["Retry"][0].update(MaxAttempts=99), "without a word"),
        (lambda states: states["Later"].update(Seconds=1), "events until its limit"),
        (lambda states: states["Later"].update(Type="Pass"), "without a wait"),
    ],
)
def test_a_machine_that_would_fail_is_named(change: Any, expected: str) -> None:
    (finding,) = judged_machine(change).faults
    assert expected in finding.says


def test_a_state_that_passed_on_too_much_is_named() -> None:
    grown = Recording((), {}, (Transition("m", "Ask", 10, 300_000),))
    (finding,) = judged_machine(lambda _: None, grown).faults
    assert "300000 bytes" in finding.says


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:GetObjekt", "*", "knows no action"),
        ("sqs:SendMessage", "arn:aws:sns:us-east-1:123456789012:topic", "is none"),
        ("lambda:ListFunctions", "arn:aws:lambda:us-east-1:123456789012:function:x", "knows no resource"),
        ("s3:GetObject", "*", "granted on everything"),
        ("sagemaker:StopTrainingJob", "arn:aws:sagemaker:us-east-1:123456789012:training-job/*", "other-project-x"),
        ("sns:Publish", "arn:aws:sns:us-east-1:123456789012:assembly-line-dev*", "assembly-line-dev2-x"),
    ],
)
def test_a_grant_that_is_void_or_reaches_too_far_is_named(action: str, resource: str, expected: str) -> None:
    policy = copy.deepcopy(WORK["RolePolicy"])
    policy["Properties"]["PolicyDocument"]["Statement"] = [{"Effect": "Allow", "Action": action, "Resource": resource}]
    (finding,) = grants.judgement(Rules(world(RolePolicy=policy))).faults
    assert expected in finding.says


def test_longest_names_take_the_place_of_the_real_ones_everywhere() -> None:
    long = World(renamed(templates(**heard({})), environment="e" * 16, lines={}), Place())
    topic = long.resources["Base", "Topic"]
    assert long.name(topic) == f"assembly-line-{'e' * 16}-news"
    assert deployment.judgement(long).findings == ()


RULE: dict[str, Any] = {
    "source": ["aws.states"],
    "detail": {"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [{"Ref": "Machine"}]},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"Failed": None}, "no alarm on ExecutionsFailed"),
        ({"Heard": {**RULE, "detail": {**RULE["detail"], "status": ["ABORTED", "TIMED_OUT"]}}}, "end as FAILED"),
    ],
)
def test_a_machine_whose_end_nobody_hears_is_named(changed: dict[str, Any], expected: str) -> None:
    (finding,) = hearing.unheard_machines(world(**heard(changed)))
    assert expected in finding.says


def heard(changed: dict[str, Any]) -> dict[str, Any]:
    """Alarms on both bad ends and a rule for all, but for what is changed; None takes it out."""
    pattern = changed.get("Heard", RULE)
    resources = {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern, "Targets": []}}}
    for id_, metric in (("Failed", "ExecutionsFailed"), ("TimedOut", "ExecutionsTimedOut")):
        dimensions = [{"Name": "StateMachineArn", "Value": {"Ref": "Machine"}}]
        alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": metric, "Dimensions": dimensions}}
        resources |= {} if id_ in changed else {id_: alarm}
    return resources


def test_a_scheduled_job_that_fails_unheard_is_named() -> None:
    trigger = {"Type": "AWS::Glue::Trigger", "Properties": {"Type": "SCHEDULED", "Actions": []}}
    listener = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["aws.glue"]}, "Targets": []}}
    (finding,) = hearing.unheard_schedules(world(Nightly=trigger))
    assert "nobody hears" in finding.says
    assert list(hearing.unheard_schedules(world(Nightly=trigger, Listener=listener))) == []


def test_a_job_that_keeps_its_name_after_a_redrive_is_named() -> None:
    def train(states: dict[str, Any]) -> None:
        arguments = {"TrainingJobName": "{% $run & '-train' %}", "RoleArn": "arn:aws:iam::123456789012:role/jobs"}
        states["Ask"].update(Resource="arn:aws:states:::sagemaker:createTrainingJob.sync", Arguments=arguments)
        states["Ask"]["Retry"][0]["ErrorEquals"] = ["SageMaker.ResourceLimitExceededException"]

    def counted(states: dict[str, Any]) -> None:
        train(states)
        states["Ask"]["Arguments"]["TrainingJobName"] = "{% $run & $states.context.Execution.RedriveCount %}"

    (finding,) = judged_machine(train).faults
    assert "the same names after a redrive" in finding.says
    assert judged_machine(counted).faults == ()
