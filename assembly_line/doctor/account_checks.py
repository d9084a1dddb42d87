"""The fast half: bootstrap, identities, Region, and what an earlier life left under fixed names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assembly_line.declarations.images import OWN_URI, image_of
from assembly_line.doctor.wanted import Answer, Ask, Wanted, joined
from assembly_line.errors import DeclarationError
from assembly_line.names import stack_name
from assembly_line.proof.findings import Finding, fault, remark
from assembly_line.proof.permissions.policies import as_list
from assembly_line.proof.permissions.rules import matches
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.templates import Resource

QUALIFIER = "hnb659fds"
TOOLKIT = "CDKToolkit"
RUNTIME = "python3.14"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"
# Type -> service, operation, parameter, by which a thing is looked for under its name. `{name}` or `{arn}`.
LOOK_UPS = {
    "AWS::SNS::Topic": ("sns", "get_topic_attributes", {"TopicArn": "{arn}"}),
    "AWS::Glue::Job": ("glue", "get_job", {"JobName": "{name}"}),
    "AWS::Glue::Database": ("glue", "get_database", {"Name": "{name}"}),
    "AWS::Glue::SecurityConfiguration": ("glue", "get_security_configuration", {"Name": "{name}"}),
    "AWS::Glue::Trigger": ("glue", "get_trigger", {"Name": "{name}"}),
    "AWS::IAM::Role": ("iam", "get_role", {"RoleName": "{name}"}),
    "AWS::StepFunctions::StateMachine": ("stepfunctions", "describe_state_machine", {"stateMachineArn": "{arn}"}),
    "AWS::SSM::Parameter": ("ssm", "get_parameter", {"Name": "{name}"}),
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", {"logGroupNamePrefix": "{name}"}),
    "AWS::Athena::WorkGroup": ("athena", "get_work_group", {"WorkGroup": "{name}"}),
    "AWS::DynamoDB::Table": ("dynamodb", "describe_table", {"TableName": "{name}"}),
}


def unanswered(check: str, place: str, answer: Answer) -> Iterator[Finding]:
    """A question that was refused or failed is a finding."""
    if answer.denied:
        todo = f"ask for {answer.denied}, or let somebody run `line doctor` who has it"
        yield remark(check, place, f"could not be looked at: the caller lacks {answer.denied}", todo)
    elif answer.failed:
        yield remark(check, place, f"could not be looked at: {answer.failed}", "repeat it, or look by hand")


def bootstrap(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """The CDK's own stack: there, of this qualifier, and new enough."""
    check, place = "bootstrap", f"stack {TOOLKIT}"
    todo = f"run `.tools/bin/cdk bootstrap -c environment={wanted.environment}` as an administrator"
    version = ask("ssm", "get_parameter", "Parameter", Name=f"/cdk-bootstrap/{QUALIFIER}/version")
    yield from unanswered(check, place, version)
    if not version.known:
        return
    if version.value is None:
        stack = ask("cloudformation", "describe_stacks", "Stacks", StackName=TOOLKIT)
        other = bool(stack.known and stack.value)
        says = f"is there under another qualifier than {QUALIFIER}" if other else "is missing: the CDK cannot deploy"
        yield fault(check, place, says, todo)
    elif int(version.value["Value"]) < wanted.bootstrap:
        says = f"has version {version.value['Value']}, at least {wanted.bootstrap} is needed"
        yield fault(check, place, says, todo)


def identities(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Whether the caller's kind of identity can take the line's roles, by the setting `sign_in`."""
    check, caller = "identities", ask("sts", "get_caller_identity", "Arn")
    yield from unanswered(check, "caller", caller)
    if not caller.value:
        return
    arn, sign_in = str(caller.value), wanted.sign_in.kind
    kind = _kind_of(arn, wanted.sign_in)
    if arn.endswith(":root"):
        yield fault(
            check, arn, "is the account's root user, who cannot assume a role", "sign in as an identity of your own"
        )
    elif sign_in != "unverified" and kind is None:
        says = f"is a session of another role; sign_in = {sign_in} lets only others become scientist or reviewer"
        yield remark(check, arn, says, "sign in by the kind of the setting, or change sign_in in the settings file")
    elif sign_in not in ("unverified", kind):
        says = f"signs in as {kind}, and sign_in is {sign_in}: it can assume none of the line's roles"
        yield fault(check, arn, says, f'set sign_in = "{kind}" in settings/{wanted.environment}.toml')


def _kind_of(arn: str, sign_in: SignIn) -> str | None:
    """The setting `sign_in` under which this caller can take the line's roles."""
    if ":user/" in arn:
        return "iam_users"
    opened = arn.partition(":assumed-role/")[2].partition("/")[0]
    if opened.startswith("AWSReservedSSO_"):
        return "identity_center"
    return "federation" if opened in {role.rpartition("/")[2] for role in sign_in.roles} else None


def federated_roles(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Whether only an identity provider opens each role of `federated_roles`, and can give its source identity."""
    check = "identities"
    for role, arn in zip(wanted.sign_in.roles, wanted.sign_in.arns(wanted.world.place), strict=True):
        answer = ask("iam", "get_role", "Role", RoleName=role.rpartition("/")[2])
        yield from unanswered(check, role, answer)
        if answer.known and (problem := _in_the_way(answer.value, arn)):
            yield fault(check, role, *problem)


def _in_the_way(role: Mapping[str, Any] | None, arn: str) -> tuple[str, str] | None:
    """Why nobody can trust the names of a federated role's sessions, and what to do."""
    if role is None or role["Arn"] != arn:
        says = "is in federated_roles, and the account has no such role: nobody takes the line's roles through it"
        return says, "create it, or name it with its path, as docs/configuration.md says"
    allowing = [each for each in as_list(role["AssumeRolePolicyDocument"]["Statement"]) if _allows(each)]
    if not all(_federated(each) for each in allowing):
        says = "opens to others than an identity provider, and these could claim any name"
        return says, "let its trust policy allow Federated principals alone"
    actions = [action for each in allowing for action in as_list(each.get("Action", []))]
    if not any(matches(action, SET_SOURCE_IDENTITY, fold=True) for action in actions):
        says = f"does not allow {SET_SOURCE_IDENTITY}: no session of it carries a name that the line can trust"
        return says, f"allow {SET_SOURCE_IDENTITY} in its trust policy, beside the sign-in"
    return None


def _allows(statement: dict[str, Any]) -> bool:
    return bool(statement["Effect"] == "Allow")


def _federated(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return isinstance(principal, dict) and set(principal) == {"Federated"}


def region(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Services, the functions' runtime, and the images of the lines."""
    check = "region"
    layers = ask("lambda", "list_layers", "Layers", CompatibleRuntime=RUNTIME)
    yield from unanswered(check, RUNTIME, layers)
    if layers.known and layers.value is None:
        yield fault(
            check, wanted.region, f"Lambda does not know {RUNTIME} there", "choose another Region in the settings"
        )
    for line in wanted.lines:
        try:
            found = image_of(line.training, wanted.region)
        except DeclarationError as error:
            yield fault(check, line.name, str(error), "choose another framework version or Region")
            continue
        for uri in dict.fromkeys((found.uri, found.serving_uri)):
            yield from _image(ask, check, uri, wanted.region)


def _image(ask: Ask, check: str, uri: str, region: str) -> Iterator[Finding]:
    """Whether an image is to be had, in the Region of the jobs: SageMaker takes it from no other one."""
    own = OWN_URI.fullmatch(uri)
    if own is not None and own["region"] != region:
        yield fault(check, uri, f"lies in {own['region']}, and the jobs run in {region}", "push it there as well")
        return
    account, _, rest = uri.partition(".dkr.ecr.")
    repository, _, tag = rest.partition("/")[2].partition(":")
    repository, named = (own["repository"], {"imageDigest": own["digest"]}) if own else (repository, {"imageTag": tag})
    answer = ask("ecr", "batch_get_image", "images", registryId=account, repositoryName=repository, imageIds=[named])
    yield from unanswered(check, uri, answer)
    if answer.known and not answer.value:
        todo = "push it, or declare another digest" if own else "choose another framework version"
        yield fault(check, uri, "the image is not to be had", todo)


def services(available: set[str], wanted: Wanted) -> Iterator[Finding]:
    """Args: `available`: the services that the Region has, by botocore's list of endpoints."""
    if missing := [name for name in wanted.services if name not in available]:
        yield remark("region", wanted.region, f"botocore lists no endpoint of {joined(missing)} there", "look it up")


def left_behind(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Things under a fixed name that no stack of the environment owns: they stop the deployment."""
    check = "left behind"
    stacks = ask("cloudformation", "describe_stacks", "Stacks")
    yield from unanswered(check, "stacks", stacks)
    if not stacks.known:
        return
    there = {str(stack["StackName"]): str(stack["StackStatus"]) for stack in stacks.value or []}
    for name in wanted.stacks:
        if there.get(name) in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            says = f"is {there[name]}: CloudFormation updates no such stack"
            yield fault(check, name, says, f"delete the stack first: {_deletes(wanted, name)}")
    for name in sorted(set(there) - set(wanted.stacks)):
        if name.startswith(stack_name(wanted.environment, "Line-")) and there[name] != "DELETE_COMPLETE":
            says = "is deployed, and no line of lines/ is its own: its schedules go on, its topic can be scored into"
            yield remark(check, name, says, f"put the line's folder back, or take it away: {_deletes(wanted, name)}")
    refused: set[str] = set()
    for resource in wanted.world.resources.values():
        fixed = wanted.world.lasting_name(resource)
        full = wanted.world.templates.full_name(resource.stack)
        if fixed is None or full in there or resource.type not in LOOK_UPS:
            continue
        yield from _found(ask, wanted, resource, fixed, refused)


def _deletes(wanted: Wanted, name: str) -> str:
    """The command that deletes a stack."""
    of_line = name.removeprefix(stack_name(wanted.environment, "Line-"))
    # A line's name has no hyphen of its own.
    what = "destroy" if of_line == name else f"remove {of_line.replace('-', '_')}"
    return f"`line --environment {wanted.environment} {what}`"


def _found(ask: Ask, wanted: Wanted, resource: Resource, name: str, refused: set[str]) -> Iterator[Finding]:
    service, operation, pattern = LOOK_UPS[resource.type]
    arn = wanted.world.arn(resource) if "{arn}" in str(pattern) else ""
    answer = ask(service, operation, **{key: text.format(name=name, arn=arn) for key, text in pattern.items()})
    if not answer.known:
        # One finding for each permission, not for each thing.
        if (problem := str(answer.denied or answer.failed)) not in refused:
            refused.add(problem)
            yield from unanswered("left behind", resource.type, answer)
    elif _is_there(answer.value, name):
        says = f"{name} is there, and no stack of the environment owns it"
        yield fault("left behind", resource.type, says, "delete it, or deploy under another environment's name")


def _is_there(found: Any, name: str) -> bool:
    if isinstance(found, dict) and "logGroups" in found:
        return any(group["logGroupName"] == name for group in found["logGroups"])
    return isinstance(found, dict) and any(found.values())
