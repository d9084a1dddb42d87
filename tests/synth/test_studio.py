"""The setting `studio`: SageMaker Studio in a VPC, whose apps become the scientist under their owner's name alone."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.session import Session

from assembly_line.errors import DeclarationError
from assembly_line.proof.deployment import judgement as deployment
from assembly_line.proof.permissions import grants
from assembly_line.proof.permissions.evaluating import Principal, PrincipalKind, Request, decide
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.physical_names import Place
from assembly_line.proof.templates import read_templates
from assembly_line.proof.world import World
from stacks.foundation import Deployment
from stacks.settings import Settings, load_settings
from tests.synth.cloud_assembly import ROOT, Assembly, run

WITH_STUDIO = """
import base64
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from aws_cdk import App
from stacks.foundation import Deployment, FoundationStack
from stacks.rules import apply_rules
from stacks.foundation import Deployment
from stacks.settings import load_settings
from stacks.studio import StudioStack

app = App()
given = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(sys.argv[2]).items()}
settings = replace(load_settings(Path("settings"), "dev"), **given)
layer = Path(sys.argv[1])
deployment = Deployment(environment="dev", settings=settings, layer=layer, serving_layer=layer)
StudioStack(app, foundation=FoundationStack(app, deployment))
apply_rules(app)
app.synth()
"""
CHOSEN = {
    "studio": True,
    "studio_people": ["ann", "bob"],
    "studio_vpc": "vpc-0123456789abcdef0",
    "studio_subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
    "studio_repository": "https://git.example.com/team/lines.git",
}
GIVEN = {name: tuple(value) if isinstance(value, list) else value for name, value in CHOSEN.items()}
PLACE = Place()


def synthesized(folder: Path, layer: str, **more: object) -> Assembly:
    command = [sys.executable, "-c", WITH_STUDIO, layer, json.dumps({**CHOSEN, **more})]
    return Assembly(folder, run(command, folder))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, empty_layer: str) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("studio") / "cdk.out", empty_layer)


@pytest.fixture(scope="module")
def rules(studio: Assembly) -> Rules:
    return Rules(World(read_templates(studio.folder, studio.environment), PLACE))


def test_the_security_rules_find_nothing(studio: Assembly) -> None:
    assert studio.process.returncode == 0, studio.process.stderr[-3000:]


def test_an_idle_app_is_shut_down_and_nobody_puts_that_off(studio: Assembly) -> None:
    (domain,) = studio.of_type("AWS::SageMaker::Domain")
    user = domain.properties["DefaultUserSettings"]
    assert user["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"] == {
        "LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 60
    }  # fmt: skip
    # What has no such setting would run, and cost, until somebody thinks of it.
    assert {"JupyterServer", "KernelGateway", "Canvas", "RStudioServerPro"} <= set(
        user["StudioWebPortalSettings"]["HiddenAppTypes"]
    )


def test_each_person_has_a_profile_and_finds_the_repository(studio: Assembly) -> None:
    profiles = studio.of_type("AWS::SageMaker::UserProfile")
    (domain,) = studio.of_type("AWS::SageMaker::Domain")
    assert {each.properties["UserProfileName"] for each in profiles} == {"ann", "bob"}
    assert not any("UserSettings" in each.properties for each in profiles), "no profile has a role of its own"
    assert domain.properties["DefaultUserSettings"]["JupyterLabAppSettings"]["CodeRepositories"] == [
        {"RepositoryUrl": CHOSEN["studio_repository"]}
    ]


@pytest.mark.parametrize(("isolated", "access"), [(True, "VpcOnly"), (False, "PublicInternetOnly")])
def test_the_network_is_that_of_the_setting(
    studio: Assembly, tmp_path: Path, empty_layer: str, isolated: bool, access: str
) -> None:
    assembly = studio if isolated else synthesized(tmp_path / "cdk.out", empty_layer, studio_isolated=False)

    (domain,) = assembly.of_type("AWS::SageMaker::Domain")
    assert domain.properties["AppNetworkAccessType"] == access
    assert domain.properties["HomeEfsFileSystemCreation"] == "Disabled"
    assert "DataKey" in json.dumps(domain.properties["KmsKeyId"])
    (group,) = assembly.of_type("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group.properties
    (ingress,) = assembly.of_type("AWS::EC2::SecurityGroupIngress")
    assert ingress.properties["SourceSecurityGroupId"] == ingress.properties["GroupId"], "from its own members alone"
    assert [(each["FromPort"], each["ToPort"]) for each in group.properties["SecurityGroupEgress"]] == [(443, 443)]


def test_an_app_becomes_the_scientist_under_its_owners_name_alone(rules: Rules) -> None:
    (studio_role,) = (each for each in rules.trust if "Studio" in each)

    def may_take(action: str, role: str, session: str, known: Mapping[str, str]) -> bool:
        somebody = Principal(PrincipalKind.OPERATOR, "somebody")
        (arn,) = (each for each in rules.trust if role in each)
        context = {**{name: (value,) for name, value in known.items()}, "sts:RoleSessionName": (session,)}
        return decide(Request(somebody, action, arn, tuple(context.items())), rules).allowed

    ann = {"aws:PrincipalArn": studio_role, "aws:SourceIdentity": "ann", "sts:SourceIdentity": "ann"}
    assert may_take("sts:AssumeRole", "Scientist", "ann", ann)
    assert may_take("sts:SetSourceIdentity", "Scientist", "ann", ann)
    assert not may_take("sts:AssumeRole", "Scientist", "bob", ann)
    # A job that somebody starts under the role has no source identity, and another role may have any.
    assert not may_take("sts:AssumeRole", "Scientist", "ann", {"aws:PrincipalArn": studio_role})
    assert not may_take("sts:AssumeRole", "Scientist", "ann", {**ann, "aws:PrincipalArn": f"{studio_role}2"})
    for role in ("Reviewer", "Decider"):
        assert not may_take("sts:AssumeRole", role, "ann", ann)


def test_an_app_starts_with_the_scientists_role_under_its_owners_name(
    rules: Rules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script runs with a stand-in for AWS's command; botocore then reads what it wrote."""
    world = rules.world
    (config,) = (one for one in world.resources.values() if one.type == "AWS::SageMaker::StudioLifecycleConfig")
    packed = world.text(config.properties["StudioLifecycleConfigContent"], config.stack)
    metadata, home, program = tmp_path / "metadata.json", tmp_path / "home", tmp_path / "bin" / "aws"
    script = base64.b64decode(packed).decode().replace("/opt/ml/metadata/resource-metadata.json", str(metadata))
    metadata.write_text(json.dumps({"DomainId": "d-1", "SpaceName": "mine"}), encoding="utf-8")
    home.mkdir()
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$AWS_CONFIG_FILE $@" >> "$HOME/calls"\necho ann\n', encoding="utf-8")
    program.chmod(0o755)
    variables = {"HOME": str(home), "PATH": f"{program.parent}:{os.environ['PATH']}"}

    for _ in range(2):
        subprocess.run(["bash", "-c", script], env=variables, check=True)

    (scientist,) = (each for each in rules.trust if "Scientist" in each)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
    assert Session().get_scoped_config() == {
        "region": PLACE.region, "role_arn": scientist, "role_session_name": "ann", "credential_source": "EcsContainer"
    }  # fmt: skip
    assert (
        (home / "calls")
        .read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith(f"/dev/null sagemaker describe-space --region {PLACE.region} --domain-id d-1 --space-name mine")
    )
    assert (home / ".bashrc").read_text(encoding="utf-8") == "export LINE_ENVIRONMENT=dev\n"
    names: dict[str, object] = {}
    monkeypatch.setenv("LINE_ENVIRONMENT", "embedded")
    exec((home / ".ipython/profile_default/startup/10-line.py").read_text(encoding="utf-8"), names)  # noqa: S102
    assert os.environ["LINE_ENVIRONMENT"] == "dev"


def test_the_grants_mean_something_and_reach_no_other_environment(rules: Rules) -> None:
    found = grants.judgement(rules)
    own = [str(each) for each in found.findings if "Studio" in str(each)]
    assert own == []
    assert found.counts["statements"] > 0


def test_the_apps_role_may_do_no_more(studio: Assembly) -> None:
    allowed: dict[str, list[object]] = {}
    for resource in studio.resources:
        if not resource.type.endswith("Policy") or "Studio" not in json.dumps(resource.document) + resource.stack:
            continue
        for statement in resource.properties["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for action in actions:
                allowed.setdefault(action, []).append(statement.get("Condition"))
    changing = {
        name for name in allowed if name.startswith("sagemaker:") and not name.split(":")[1].startswith(READING)
    }
    assert {name for name in allowed if not name.startswith("sagemaker:")} == {
        "sts:AssumeRole", "sts:SetSourceIdentity", "kms:CreateGrant", "kms:DescribeKey"
    }  # fmt: skip
    assert changing == {*OF_OWN_SPACES, "sagemaker:CreatePresignedDomainUrl"}
    for action in OF_OWN_SPACES:
        (condition,) = allowed[action]
        assert "${aws:SourceIdentity}" in json.dumps(condition)
        assert '"sagemaker:SpaceSharingType": "Private"' in json.dumps(condition)


READING = ("Describe", "List")
OF_OWN_SPACES = {
    f"sagemaker:{name}" for name in ("CreateSpace", "UpdateSpace", "DeleteSpace", "CreateApp", "DeleteApp")
}


def test_it_goes_into_a_fresh_account_and_a_second_time(studio: Assembly, rules: Rules) -> None:
    found = deployment.judgement(rules.world)
    assert [str(each) for each in found.findings if "Studio" in str(each)] == []


def test_no_environment_has_one_unless_its_settings_say_so(each_assembly: Assembly) -> None:
    assert "Studio" not in each_assembly.templates
    roles = {each.id for each in each_assembly.of_type("AWS::IAM::Role") if each.stack == "Foundation"}
    assert not any("Studio" in role for role in roles)


def test_the_embedded_aws_says_that_it_has_none(empty_layer: str) -> None:
    settings = replace(load_settings(ROOT / "settings", "embedded"), **GIVEN)  # type: ignore[arg-type]
    layer = Path(empty_layer)
    with pytest.raises(DeclarationError, match="studio = true: expected false in the embedded AWS"):
        Deployment(environment="embedded", settings=settings, layer=layer, serving_layer=layer)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"studio": False, "studio_people": ("ann",)}, r"studio_people \('ann',\): expected none, as studio is false"),
        ({"studio_vpc": None}, r"studio_vpc None: expected a value, as studio is true"),
        ({"studio_subnets": ()}, r"studio_subnets \(\): expected a value"),
        (
            {"studio_people": ("ann.b",)},
            r"studio_people 'ann.b': expected a name of 2 to 63",
        ),
        ({"studio_vpc": "main"}, r"studio_vpc 'main': expected the id of a VPC"),
        ({"studio_instances": ("t3.medium",)}, r"studio_instances 't3.medium': expected an instance type"),
        ({"studio_instances": ()}, r"studio_instances \[\]: expected at least one"),
        ({"studio_repository": "git@github.com:team/lines"}, r"studio_repository .*: expected an address"),
        ({"studio_idle_minutes": 59}, r"studio_idle_minutes 59: expected 60 to 1440"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, object], message: str) -> None:
    base: Settings = load_settings(ROOT / "settings", "dev")
    with pytest.raises(DeclarationError, match=message):
        replace(base, **{**GIVEN, **given})  # type: ignore[arg-type]
