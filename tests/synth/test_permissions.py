"""Who may do what: no wildcard without a reason, roles passed by name alone, and people only what their part is."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from assembly_line.stations import machines
from tests.synth.cloud_assembly import Assembly
from tests.synth.policies import Statement, as_text, identity_statements, resource_statements, trust_statements

# Actions that know no resource. Each is harmless without one, or held by a condition.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListModelPackages",
    "sagemaker:ListTrainingJobs",
    "sagemaker:ListTransformJobs",
    # Step Functions configures the delivery of its logs and traces by these.
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
INLINE_LIMIT = 10_240
CONFUSABLE = ("sagemaker.amazonaws.com", "glue.amazonaws.com", "states.amazonaws.com")


JOBS = ("TrainingJob", "HyperParameterTuningJob", "TransformJob")


def test_no_identity_is_allowed_an_action_by_wildcard(each_assembly: Assembly) -> None:
    wild = [str(each) for each in identity_statements(each_assembly) if any("*" in action for action in each.actions)]
    assert wild == []


def test_only_actions_that_know_no_resource_are_allowed_on_all(each_assembly: Assembly) -> None:
    everywhere = [each for each in identity_statements(each_assembly) if each.allows and "*" in each.resources]
    assert [str(each) for each in everywhere if not set(each.actions) <= WITHOUT_RESOURCE] == []


def test_metrics_are_held_to_a_namespace(each_assembly: Assembly) -> None:
    writing = [each for each in identity_statements(each_assembly) if "cloudwatch:PutMetricData" in each.actions]
    assert writing
    assert [str(each) for each in writing if "cloudwatch:namespace" not in each.condition_keys] == []


def test_no_managed_policy_of_aws_is_attached(each_assembly: Assembly) -> None:
    roles = each_assembly.of_type("AWS::IAM::Role")
    assert [str(role) for role in roles if role.properties.get("ManagedPolicyArns")] == []


def test_only_the_roles_of_line_jobs_are_passed_and_only_to_sagemaker(each_assembly: Assembly) -> None:
    passing = [
        each for each in identity_statements(each_assembly) if any("PassRole" in action for action in each.actions)
    ]
    assert {each.owner.stack for each in passing} == {"Training"}
    for each in passing:
        assert each.actions == ["iam:PassRole"]
        assert len(each.resources) == 1
        assert each.resources[0].startswith("arn:<AWS::Partition>:iam::<AWS::AccountId>:role/assembly-line-")
        assert each.resources[0].endswith("-*-jobs")
        assert each.conditions == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_services_assume_roles_for_this_account_only(each_assembly: Assembly) -> None:
    confusable = [each for each in trust_statements(each_assembly) if set(each.services) & set(CONFUSABLE)]
    assert {service for each in confusable for service in each.services} == set(CONFUSABLE)
    assert [
        str(each)
        for each in confusable
        if each.conditions.get("StringEquals", {}).get("aws:SourceAccount") != {"Ref": "AWS::AccountId"}
    ] == []


def test_nobody_outside_the_account_may_assume_a_role(each_assembly: Assembly) -> None:
    for each in trust_statements(each_assembly):
        principal = each.document["Principal"]
        assert set(principal) in ({"Service"}, {"AWS"}), str(each)
        if "AWS" in principal:
            assert as_text(principal["AWS"]) == "arn:<AWS::Partition>:iam::<AWS::AccountId>:root", str(each)


def test_people_take_their_roles_under_their_own_name_in_production(production: Assembly) -> None:
    people = [each for each in trust_statements(production) if "AWS" in each.document["Principal"]]
    assert len(people) == 3
    for each in people:
        assert each.conditions == {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}, str(each)


def test_training_and_models_can_only_be_created_isolated(each_assembly: Assembly) -> None:
    creating = [
        each
        for each in identity_statements(each_assembly)
        if {f"sagemaker:Create{kind}" for kind in ("TrainingJob", "HyperParameterTuningJob", "Model")}
        & set(each.actions)
    ]
    assert len(creating) == 3
    for each in creating:
        assert each.conditions["Bool"] == {"sagemaker:NetworkIsolation": "true"}, str(each)


def test_only_jobs_and_models_of_the_environment_are_made_tagged_stopped_and_deleted(each_assembly: Assembly) -> None:
    """Every job carries the environment as a tag: those of other teams in the account are out of reach."""
    by_request = {"AddTags", *(f"Create{kind}" for kind in (*JOBS, "Model"))}
    by_resource = {"DeleteModel", *(f"Stop{kind}" for kind in JOBS)}
    seen: set[str] = set()
    for each in identity_statements(each_assembly):
        actions = {action.removeprefix("sagemaker:") for action in each.actions if action.startswith("sagemaker:")}
        for changed, kind in ((by_request, "Request"), (by_resource, "Resource")):
            if actions & changed:
                seen |= actions
                key = f"aws:{kind}Tag/assembly-line:environment"
                assert each.conditions["StringEquals"] == {key: each_assembly.environment}, str(each)
    assert seen == by_request | by_resource


def test_one_function_alone_writes_who_decides(each_assembly: Assembly) -> None:
    writing = [
        each
        for each in identity_statements(each_assembly)
        if {
            action
            for action in each.actions
            if action.startswith(("dynamodb:Put", "dynamodb:Update", "dynamodb:Batch"))
        }
        and any("ChampionsTable" in resource for resource in each.resources)
    ]
    assert [each.owner.id.startswith("ChampionsRole") for each in writing] == [True]
    asking = [
        each
        for each in identity_statements(each_assembly)
        if "lambda:InvokeFunction" in each.actions and any("ChampionsFunction" in name for name in each.resources)
    ]
    assert sorted(each.owner.id.partition("Role")[0] for each in asking) == ["ApiFunction", "Training"]


def test_nobody_may_delete_data_but_what_can_be_made_again_and_what_old_runs_left(each_assembly: Assembly) -> None:
    deleting = ("s3:Delete", "dynamodb:Delete", "sagemaker:DeleteModelPackage", "kms:ScheduleKeyDeletion")
    found = [each for each in identity_statements(each_assembly) if any(a.startswith(deleting) for a in each.actions)]
    of_runs = [each for each in found if each.owner.id.startswith("ExpireRole")]
    assert {action for each in of_runs for action in each.actions if action.startswith(deleting)} == {
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "sagemaker:DeleteModelPackage",
    }
    found = [each for each in found if each not in of_runs]
    deletes = [[action for action in each.actions if action.startswith(deleting)] for each in found]
    assert sorted(each.owner.id.partition("Role")[0] for each in found) == ["Ledger", "TablesJob"]
    assert deletes == [["s3:DeleteObject"]] * 2
    assert {resource.partition(">")[2] for each in found for resource in each.resources} == {"/tables/*"}


def test_jobs_of_a_line_touch_their_own_line_alone(each_assembly: Assembly) -> None:
    (role,) = [
        role
        for role in each_assembly.of_type("AWS::IAM::Role")
        if str(role.properties.get("RoleName", "")).endswith("-coupon-redemption-jobs")
    ]
    own = [
        each
        for each in identity_statements(each_assembly)
        if {"Ref": role.id} in each.owner.properties.get("Roles", [])
    ]
    touched: dict[str, set[str]] = defaultdict(set)
    for each in own:
        for action in each.actions:
            if action.startswith("s3:"):
                touched[action] |= {resource.partition(">")[2] for resource in each.resources}
    assert touched["s3:PutObject"] == {"/runs/coupon_redemption/*", "/scoring/coupon_redemption/*"}
    assert touched["s3:GetObject"] == {"/releases/*", "/runs/coupon_redemption/*", "/scoring/coupon_redemption/*"}
    (listing,) = [each for each in own if each.actions == ["s3:ListBucket"]]
    assert set(listing.conditions["StringLike"]["s3:prefix"]) == {
        "releases/*",
        "runs/coupon_redemption/*",
        "scoring/coupon_redemption/*",
    }
    services = {action.partition(":")[0] for each in own for action in each.actions}
    assert services == {"s3", "kms", "logs", "ecr", "cloudwatch"}
    pulled = {one for each in own if "ecr:BatchGetImage" in each.actions for one in each.resources}
    assert {one.rpartition("repository/")[2] for one in pulled} == {
        *("pytorch-inference", "pytorch-training", "sagemaker-scikit-learn", "sagemaker-xgboost"),
    }


@pytest.mark.parametrize(
    ("role", "routes"),
    [
        (
            "Scientist",
            {
                "POST/lines/*/datasets",
                "GET/lines/*/datasets/*",
                "GET/lines/*/datasets/runs/*",
                "DELETE/lines/*/datasets/runs/*",
                "POST/lines/*/runs",
                "GET/lines/*/runs/*/review",
                "POST/lines/*/features",
            },
        ),
        ("Reviewer", {"GET/lines/*/runs/*/review", "POST/lines/*/runs/*/review", "POST/lines/*/champion"}),
        (
            "Decider",
            {
                "POST/feedback",
                "POST/lines/*/features",
                "POST/lines/*/decisions",
                "GET/lines/*/decisions",
                "GET/lines/*/decisions/*",
            },
        ),
    ],
)
def test_each_person_calls_exactly_the_routes_of_their_part(
    each_assembly: Assembly, role: str, routes: set[str]
) -> None:
    found = {
        resource.partition("/*/")[2]
        for each in identity_statements(each_assembly)
        if "execute-api:Invoke" in each.actions and _attached_to(each, f"People{role}")
        for resource in each.resources
    }
    assert found == routes


def test_only_scientists_start_machines_by_hand(each_assembly: Assembly) -> None:
    starting = [
        each
        for each in identity_statements(each_assembly)
        if "states:StartExecution" in each.actions and _attached_to(each, "People")
    ]
    assert len(starting) == len(machines())
    assert all(_attached_to(each, "PeopleScientist") for each in starting)


def test_only_the_api_answers_a_waiting_review(each_assembly: Assembly) -> None:
    answering = [each for each in identity_statements(each_assembly) if "states:SendTaskSuccess" in each.actions]
    assert [each.owner.id.startswith("ApiFunctionRole") for each in answering] == [True]


def test_services_use_keys_and_queues_only_for_this_account_or_one_source(each_assembly: Assembly) -> None:
    for type_ in ("AWS::KMS::Key", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"):
        for each in resource_statements(each_assembly, type_):
            if each.allows and each.services:
                held = {"aws:SourceArn", "aws:SourceAccount", "kms:EncryptionContext:aws:logs:arn"}
                assert held & each.condition_keys, str(each)


def test_services_send_into_queues_only_from_a_named_source(each_assembly: Assembly) -> None:
    sending = [
        each for each in resource_statements(each_assembly, "AWS::SQS::QueuePolicy") if each.allows and each.services
    ]
    assert {service for each in sending for service in each.services} == {"sns.amazonaws.com", "events.amazonaws.com"}
    assert [str(each) for each in sending if "aws:SourceArn" not in each.condition_keys] == []


def test_alarms_may_use_the_encrypted_topic_that_they_go_to(each_assembly: Assembly) -> None:
    for type_, action in (("AWS::SNS::TopicPolicy", "sns:Publish"), ("AWS::KMS::Key", "kms:GenerateDataKey")):
        (statement,) = [
            each
            for each in resource_statements(each_assembly, type_)
            if each.allows and "cloudwatch.amazonaws.com" in each.services
        ]
        assert action in {name.removesuffix("*") for name in statement.actions}


def test_sns_may_use_a_lines_key_for_the_lines_topic_alone(each_assembly: Assembly) -> None:
    keys = [
        each for each in resource_statements(each_assembly, "AWS::KMS::Key") if "sns.amazonaws.com" in each.services
    ]
    assert keys
    for each in keys:
        assert each.owner.stack.startswith("Line-")
        assert "aws:SourceArn" in each.condition_keys, str(each)
        assert {"kms:Decrypt", "kms:GenerateDataKey"} <= {a.removesuffix("*") for a in each.actions}


def test_no_role_has_more_inline_policy_than_iam_takes(each_assembly: Assembly) -> None:
    sizes: dict[str, int] = defaultdict(int)
    for resource in each_assembly.of_type("AWS::IAM::Policy"):
        for role in resource.properties["Roles"]:
            name = as_text(role)
            # A role of another stack is known by its export, which ends in its id and a digest.
            key = name.rpartition("Ref")[2][:-9] if "import" in name else name.strip("<>")
            sizes[key] += len(json.dumps(resource.properties["PolicyDocument"], separators=(",", ":")))
    assert sizes
    assert {role: size for role, size in sizes.items() if size > INLINE_LIMIT} == {}


def _attached_to(statement: Statement, role: str) -> bool:
    """Whether the policy is attached to the foundation's role of that name, from its own stack or another."""
    return role in json.dumps(statement.owner.properties.get("Roles", []))
