"""`line doctor` in an account: what is missing, in the way, too little or forbidden is a finding, never a trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.core import set_initial_no_auth_action_count

from assembly_line.cli.session import REPOSITORY
from assembly_line.declarations.lines import Line
from assembly_line.doctor import account_checks, quota_checks
from assembly_line.doctor.costs import costs, idle
from assembly_line.doctor.examination import NOT_LOOKED_AT, Examination, fast
from assembly_line.doctor.wanted import Wanted
from assembly_line.proof.findings import Finding
from assembly_line.proof.permissions.conditions import hold
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.release import Release
from assembly_line.storage.services.account_questions import Questions
from tests.unit.proof.small_world import world

FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 1024}}
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
JOB = {"Type": "AWS::Glue::Job", "Properties": {"WorkerType": "G.2X", "NumberOfWorkers": 4}}


@pytest.fixture
def line(shipped: Release) -> Line:
    return shipped.line


@pytest.fixture
def wanted(line: Line) -> Wanted:
    place = world(Worker=FUNCTION, Job=JOB)
    return Wanted(world=place, lines=(line,), region="us-east-1", bootstrap=8, sign_in=SignIn("iam_users"))


@pytest.fixture
def ask(aws: None) -> Questions:
    client: Any = boto3.client
    return Questions(client)


def bootstrapped(version: int = 30) -> None:
    name = f"/cdk-bootstrap/{account_checks.QUALIFIER}/version"
    boto3.client("ssm").put_parameter(Name=name, Value=str(version), Type="String")


def said(findings: Iterator[Finding]) -> list[str]:
    return [f"{each.weight}: {each.place} {each.says}" for each in findings]


def answering(operation: str, answer: dict[str, Any]) -> Iterator[Questions]:
    """Questions of a client whose one answer is checked against the service's model; moto does not know these."""
    service = "service-quotas" if operation == "list_service_quotas" else "lambda"
    client: Any = boto3.session.Session(region_name="us-east-1").client(service)  # type: ignore[call-overload]
    with Stubber(client) as stub:
        stub.add_response(operation, answer)
        yield Questions(lambda _: client)


def test_an_account_without_the_cdks_stack_is_told_so(ask: Questions, wanted: Wanted) -> None:
    (finding,) = account_checks.bootstrap(ask, wanted)
    assert (finding.weight, finding.says) == ("fault", "is missing: the CDK cannot deploy")
    assert "cdk bootstrap -c environment=dev" in finding.todo


def test_an_old_bootstrap_is_told_and_a_new_one_is_fine(ask: Questions, wanted: Wanted) -> None:
    bootstrapped(7)
    assert said(account_checks.bootstrap(ask, wanted)) == [
        "fault: stack CDKToolkit has version 7, at least 8 is needed"
    ]
    boto3.client("ssm").delete_parameter(Name=f"/cdk-bootstrap/{account_checks.QUALIFIER}/version")
    bootstrapped(8)
    assert said(account_checks.bootstrap(ask, wanted)) == []


def test_a_bootstrap_under_another_qualifier_is_recognised(ask: Questions, wanted: Wanted) -> None:
    template = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})
    boto3.client("cloudformation").create_stack(StackName="CDKToolkit", TemplateBody=template)
    (finding,) = account_checks.bootstrap(ask, wanted)
    assert "another qualifier" in finding.says


def test_what_an_earlier_life_left_under_a_fixed_name_is_found(ask: Questions, wanted: Wanted) -> None:
    assert said(account_checks.left_behind(ask, wanted)) == []
    boto3.client("sns").create_topic(Name="assembly-line-dev-news")
    assert said(account_checks.left_behind(ask, wanted)) == [
        "fault: AWS::SNS::Topic assembly-line-dev-news is there, and no stack of the environment owns it"
    ]


def test_what_a_stack_of_the_environment_owns_is_not_left_behind(ask: Questions, wanted: Wanted) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "assembly-line-dev-news"}}
    template = json.dumps({"Resources": {"Topic": topic}})
    boto3.client("cloudformation").create_stack(StackName="AssemblyLine-dev-Base", TemplateBody=template)
    assert said(account_checks.left_behind(ask, wanted)) == []


def test_a_line_that_lives_on_without_its_folder_is_found_with_the_command_that_removes_it(
    ask: Questions, wanted: Wanted
) -> None:
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    for name in ("AssemblyLine-dev-Line-bike-demand", "AssemblyLine-prod-Line-other", "AssemblyLine-dev-Base"):
        boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=template)

    (finding,) = account_checks.left_behind(ask, wanted)

    assert (finding.weight, finding.place) == ("remark", "AssemblyLine-dev-Line-bike-demand")
    assert "`line --environment dev remove bike_demand`" in finding.todo


@pytest.mark.parametrize(
    ("arn", "sign_in", "expected"),
    [
        ("arn:aws:iam::123456789012:user/ann", "iam_users", []),
        ("arn:aws:iam::123456789012:user/ann", "identity_center", ["fault"]),
        ("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ann", "identity_center", []),
        ("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ann", "iam_users", ["fault"]),
        ("arn:aws:sts::123456789012:assumed-role/deployer/ann", "iam_users", ["remark"]),
        ("arn:aws:sts::123456789012:assumed-role/deployer/ann", "unverified", []),
        ("arn:aws:sts::123456789012:assumed-role/deployer/ann", "federation", ["remark"]),
        ("arn:aws:sts::123456789012:assumed-role/Analysts/ann", "federation", []),
        ("arn:aws:iam::123456789012:user/Analysts", "federation", ["fault"]),
        ("arn:aws:iam::123456789012:root", "unverified", ["fault"]),
    ],
)
def test_an_identity_that_cannot_take_the_lines_roles_is_told(
    line: Line, arn: str, sign_in: str, expected: list[str]
) -> None:
    client = boto3.client("sts", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_response("get_caller_identity", {"Arn": arn})
        known = SignIn(sign_in, ("people/Analysts",) if sign_in == "federation" else ())
        wanted = Wanted(world=world(), lines=(line,), region="us-east-1", bootstrap=8, sign_in=known)
        assert [each.weight for each in account_checks.identities(Questions(lambda _: client), wanted)] == expected


def trust_policies_of_the_documentation() -> list[dict[str, Any]]:
    page = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


SAML, OIDC = trust_policies_of_the_documentation()
OPEN = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}


def changed(policy: dict[str, Any], *more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**policy, "Statement": [{**policy["Statement"][0], **fields}, *more]}


@pytest.mark.parametrize(
    ("path", "trust", "expected"),
    [
        ("/people/", SAML, None),
        ("/people/", OIDC, None),
        ("/people/", changed(SAML, Action="sts:*"), None),
        ("/people/", changed(SAML, {**OPEN, "Effect": "Deny"}), None),
        ("/", SAML, "the account has no such role"),
        ("/people/", changed(SAML, OPEN), "these could claim any name"),
        ("/people/", changed(SAML, Principal={"AWS": "*"}), "these could claim any name"),
        (
            "/people/",
            changed(SAML, Principal={**SAML["Statement"][0]["Principal"], "AWS": "*"}),
            "could claim any name",
        ),
        ("/people/", changed(OIDC, Action="sts:AssumeRoleWithWebIdentity"), "does not allow sts:SetSourceIdentity"),
    ],
)
def test_a_federated_role_must_be_a_providers_alone(
    ask: Questions, line: Line, path: str, trust: dict[str, Any], expected: str | None
) -> None:
    boto3.client("iam").create_role(RoleName="Analysts", Path=path, AssumeRolePolicyDocument=json.dumps(trust))
    sign_in = SignIn("federation", ("people/Analysts",))
    wanted = Wanted(world=world(), lines=(line,), region="us-east-1", bootstrap=8, sign_in=sign_in)

    findings = list(account_checks.federated_roles(ask, wanted))

    assert [each.weight for each in findings] == ([] if expected is None else ["fault"])
    assert expected is None or expected in findings[0].says


def test_a_federated_role_that_is_not_there_is_told(ask: Questions, line: Line) -> None:
    sign_in = SignIn("federation", ("people/Analysts",))
    wanted = Wanted(world=world(), lines=(line,), region="us-east-1", bootstrap=8, sign_in=sign_in)
    (finding,) = account_checks.federated_roles(ask, wanted)
    assert (finding.weight, finding.place) == ("fault", "people/Analysts")


@pytest.mark.parametrize("policy", [SAML, OIDC])
def test_the_documented_trust_policy_opens_to_a_person_with_a_name_alone(policy: dict[str, Any]) -> None:
    (statement,) = policy["Statement"]
    wanted = {
        operator: {key: (value,) for key, value in keys.items()} for operator, keys in statement["Condition"].items()
    }
    token = {key: value for keys in (wanted["StringEquals"],) for key, value in keys.items()}
    assert hold(wanted, {**token, "sts:SourceIdentity": ("ann",)})
    assert not hold(wanted, token)
    assert not hold(wanted, {"sts:SourceIdentity": ("ann",)})


def test_a_region_without_the_lines_image_is_told(ask: Questions, line: Line) -> None:
    wanted = Wanted(world=world(), lines=(line,), region="xx-nowhere-1", bootstrap=8, sign_in=SignIn("iam_users"))
    assert any("has no image in region 'xx-nowhere-1'" in each for each in said(account_checks.region(ask, wanted)))


def test_an_own_image_is_looked_for_by_its_digest_in_the_region_of_the_jobs(ask: Questions, line: Line) -> None:
    ecr = boto3.client("ecr", region_name="us-east-1")
    repository = ecr.create_repository(repositoryName="team/churn")["repository"]
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": DOCKER, "config": {"digest": f"sha256:{'1' * 64}"}, "layers": []}
    )
    pushed = ecr.put_image(repositoryName="team/churn", imageManifest=manifest)["image"]["imageId"]["imageDigest"]
    named = f"{repository['repositoryUri']}@{pushed}"

    def found(image: str, region: str = "us-east-1") -> list[str]:
        declared = replace(line, training=replace(line.training, image=image, framework_version=None))
        wanted = Wanted(world=world(), lines=(declared,), region=region, bootstrap=8, sign_in=SignIn("iam_users"))
        return [each for each in said(account_checks.region(ask, wanted)) if "team/churn" in each]

    assert found(named) == []
    absent = named.replace(pushed, f"sha256:{'2' * 64}")
    assert found(absent) == [f"fault: {absent} the image is not to be had"]
    assert found(named, "eu-west-1") == [f"fault: {named} lies in us-east-1, and the jobs run in eu-west-1"]


@pytest.mark.parametrize(("allowed", "weights"), [(1000, []), (10, ["remark"]), (5, ["fault"])])
def test_too_few_functions_at_once_are_told(wanted: Wanted, allowed: int, weights: list[str]) -> None:
    for ask in answering("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": allowed}}):
        assert [each.weight for each in quota_checks.functions(ask, wanted)] == weights


@pytest.mark.parametrize(
    ("allowed", "weight", "says"),
    [(0.0, "fault", "is 0"), (1.0, "remark", "the two fits of a run cannot run side by side")],
)
def test_a_quota_of_too_few_instances_is_told_for_training_and_transform_alike(
    wanted: Wanted, allowed: float, weight: str, says: str
) -> None:
    quotas = [
        {"QuotaName": "ml.m5.large for training job usage", "Value": allowed},
        {"QuotaName": "ml.m5.large for transform job usage", "Value": 4.0},
    ]
    for ask in answering("list_service_quotas", {"Quotas": quotas}):
        (finding,) = quota_checks.instances(ask, wanted)
        assert (finding.place, finding.weight) == ("SageMaker ml.m5.large for training job usage", weight)
        assert says in finding.says


def test_a_job_that_takes_more_dpus_than_the_account_has_is_told(wanted: Wanted) -> None:
    quota = {"QuotaName": "Max task DPUs per account", "Value": 4.0}
    for ask in answering("list_service_quotas", {"Quotas": [quota]}):
        assert said(quota_checks.workers(ask, wanted)) == ["fault: Glue DPUs 4 are allowed, one job takes 8"]


def test_no_room_for_another_log_resource_policy_is_told(ask: Questions, wanted: Wanted) -> None:
    logs = boto3.client("logs")
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert said(quota_checks.log_policies(ask, wanted)) == []
    for number in range(quota_checks.LOG_POLICIES):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=document)
    (finding,) = quota_checks.log_policies(ask, wanted)
    assert "10 of 10 are taken" in finding.says


def test_a_call_that_the_caller_may_not_make_is_a_finding(aws: None, wanted: Wanted) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    client: Any = session.client

    @set_initial_no_auth_action_count(0)
    def looked_at() -> Examination:
        return fast(Questions(client), wanted)

    found = looked_at()
    denied = [finding for finding in found.findings if "the caller lacks" in finding.says]
    assert any("ssm:GetParameter" in finding.todo for finding in denied)
    assert found.faults == ()


def test_a_question_that_would_change_something_is_not_asked(ask: Questions) -> None:
    with pytest.raises(ValueError, match="only reads"):
        ask("sns", "create_topic", Name="x")


def test_costs_are_those_of_the_templates(wanted: Wanted, line: Line) -> None:
    dashboard = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}}
    more = Wanted(
        world=world(Board=dashboard), lines=(line,), region="us-east-1", bootstrap=8, sign_in=SignIn("iam_users")
    )
    assert idle(costs(wanted)) == pytest.approx(1.10)  # a key and an alarm
    assert idle(costs(more)) == pytest.approx(1.10)  # three dashboards are free
    assert idle(costs(more, dashboards=3)) == pytest.approx(4.10)
    assert any("8 DPUs" in cost.what and cost.usd == pytest.approx(8 * 0.44 / 60) for cost in costs(wanted))
    assert Examination(findings=()).document()["not_looked_at"] == list(NOT_LOOKED_AT)
