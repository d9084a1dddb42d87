"""Judges permission: every recorded call, every call of a definition, and every call that services make for us."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from assembly_line.proof.findings import Finding, Judgement, fault, remark
from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.permissions import jobs_on_behalf, on_behalf
from assembly_line.proof.permissions.actions import context_of, needed
from assembly_line.proof.permissions.evaluating import Decision, Principal, PrincipalKind, Request, decide
from assembly_line.proof.permissions.jobs_on_behalf import JOB_SOURCE
from assembly_line.proof.permissions.on_behalf import key_of
from assembly_line.proof.permissions.rules import Rule, Rules
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.recording import Call, Recording
from assembly_line.proof.world import World

CHECK = "permission"
OPERATOR = Principal(PrincipalKind.OPERATOR, "operator")
CONSUMER = Principal(PrincipalKind.CONSUMER, "consumer")
# What touching encrypted data asks of its key, on behalf of whoever touches it.
KEY_USES = {
    "s3:GetObject": ("Decrypt",),
    "s3:GetObjectVersion": ("Decrypt",),
    "s3:PutObject": ("GenerateDataKey", "Decrypt"),
    "sqs:SendMessage": ("GenerateDataKey", "Decrypt"),
    "sqs:ReceiveMessage": ("Decrypt",),
    "sns:Publish": ("GenerateDataKey", "Decrypt"),
    "dynamodb:GetItem": ("Decrypt",),
    "dynamodb:BatchGetItem": ("Decrypt",),
    "dynamodb:Query": ("Decrypt",),
    "dynamodb:PutItem": ("Decrypt",),
    "dynamodb:BatchWriteItem": ("Decrypt",),
}
# As much of a role's id as stands in every name made of it.
ID_LENGTH = 16
ADVICE = "grant it where the stack grants this role its work, or stop calling it"


@dataclass(frozen=True)
class Judged:
    """Every request with its decision."""

    decisions: Mapping[Request, Decision]

    @property
    def used(self) -> dict[Rule, set[str]]:
        """Rule -> the actions for which some request was allowed by it."""
        found: dict[Rule, set[str]] = defaultdict(set)
        for request, decision in self.decisions.items():
            for rule in decision.by:
                found[rule].add(request.action)
        return found


def requests_of(recording: Recording, world: World, sign_in: SignIn) -> list[Request]:
    """Every distinct request that the run, told in the world's names, and its templates lead to.

    Args:
        sign_in: how people sign in to the account, by the environment's settings.
    """
    found = dict.fromkeys(
        [
            *_recorded(recording, world, sign_in),
            *_by_table(world),
        ]
    )
    return list(dict.fromkeys([*found, *_of_keys(found, world)]))


def judge(requests: Iterable[Request], rules: Rules) -> Judged:
    return Judged({request: decide(request, rules) for request in requests})


def judgement(judged: Judged, rules: Rules, recording: Recording) -> Judgement:
    """Denials are faults; what was granted and never used is told, for a person to look at."""
    denied = [
        fault(CHECK, str(request), f"denied: {decision.why} ({request.source})", ADVICE)
        for request, decision in judged.decisions.items()
        if not decision.allowed
    ]
    unused = list(_unused(judged, rules))
    return Judgement(
        check=CHECK,
        counts={
            "calls": len(recording.judged),
            "kinds": len({(call.who, call.kind) for call in recording.judged}),
            "requests": len(judged.decisions),
            "denied": len(denied),
            "grants": sum(len(rule.actions) for rule in rules.every_rule() if rule.allows),
            "unused": len(unused),
        },
        findings=(*sorted(denied), *sorted(unused)),
        not_judged=(
            "Service control policies, permission boundaries and session policies: they are not in the templates.",
            "What `cdk deploy` itself does: it works under the roles of the CDK's bootstrap.",
            *(f"A request that is no call of a modelled service: {each}" for each in recording.unread),
            *(
                f"What {role} calls: environment {rules.world.environment} does not have it"
                for role in sorted(set(elsewhere_only(recording, rules.world).values()))
            ),
        ),
    )


def _recorded(recording: Recording, world: World, sign_in: SignIn) -> Iterator[Request]:
    seen, tagged, elsewhere = set(), _tags(recording, world), elsewhere_only(recording, world)
    for call in recording.judged:
        if call.who in elsewhere:
            continue
        principal = principal_of(call.who, world)
        source = f"recorded: {call.kind}" + (f" in state {call.state}" if call.state else "")
        own, asking = context_of(call), needed(call, world.place)
        if call.kind == "sts:AssumeRole":
            own |= sign_in.context(call.parameters["RoleSessionName"], world.place)
            asking = [(action, resource) for _, resource in asking for action in sign_in.asked]
        for action, resource in asking:
            # A token names a task of the one machine that waits for people.
            asked = _waiting_machine(world) if action.startswith("states:SendTask") else resource
            context = {**own, **(tagged.get(resource, {}) if not call.operation.startswith("Create") else {})}
            request = Request(principal, action, asked, tuple(context.items()), source)
            if request not in seen:
                seen.add(request)
                yield request
        if call.service == "sagemaker" and call.operation.startswith("Create"):
            yield from _of_job_calls(call, principal, world)


def _tags(recording: Recording, world: World) -> dict[str, dict[str, tuple[str, ...]]]:
    """Resource -> the condition keys of the tags that the run gave it when it made it."""
    return {
        resource: {f"aws:ResourceTag/{tag['Key']}": (str(tag["Value"]),) for tag in call.parameters["Tags"]}
        for call in recording.judged
        if call.service == "sagemaker" and call.operation.startswith("Create") and call.parameters.get("Tags")
        for _, resource in needed(call, world.place)
    }


def _waiting_machine(world: World) -> str:
    waiting = {
        task.machine.arn for each in machines(world) for task in each.tasks() if "waitForTaskToken" in task.pattern
    }
    return sorted(waiting)[0] if waiting else "*"


def _of_job_calls(call: Call, principal: Principal, world: World) -> Iterator[Request]:
    if call.parameters.get("Tags"):
        for action, resource in needed(call, world.place):
            if action != "sagemaker:CreateModelPackage":
                yield Request(
                    principal, "sagemaker:AddTags", resource, tuple(context_of(call).items()), "SageMaker: tags"
                )
    for request in jobs_on_behalf.of_sagemaker_call(call, principal.name, world):
        yield replace(request, source=f"{JOB_SOURCE} ({call.operation})")
    defined = call.parameters.get("TrainingJobDefinition", call.parameters)
    passed = defined.get("RoleArn") or defined.get("ExecutionRoleArn") or _job_role(world)
    if passed and call.operation in (*jobs_on_behalf.LOGGED, "CreateModel"):
        for request in jobs_on_behalf.of_job(call, str(passed), world):
            yield replace(request, source=f"{JOB_SOURCE} ({call.operation})")


def _job_role(world: World) -> str | None:
    """The role of the line's models, which a transform job works under."""
    found = [world.arn(each) for each in world.of_type("AWS::IAM::Role") if each.id.startswith("Jobs")]
    return found[0] if len(found) == 1 else None


def _by_table(world: World) -> Iterator[Request]:
    for row in (*on_behalf.TABLE, *jobs_on_behalf.TABLE):
        for request in row.requests(world):
            yield replace(request, source=f"{row.what} ({row.source})")


def _of_keys(requests: Iterable[Request], world: World) -> Iterator[Request]:
    keys: dict[str, str | None] = {}
    for request in requests:
        if request.action not in KEY_USES or request.principal.kind is PrincipalKind.SERVICE:
            continue
        owner = request.resource.partition("/")[0] if ":s3:::" in request.resource else request.resource
        if owner not in keys:
            keys[owner] = key_of(world, owner)
        key = keys[owner]
        if key is not None:
            for use in KEY_USES[request.action]:
                yield Request(request.principal, f"kms:{use}", key, source=f"the key of {owner}, for {request.action}")


def principal_of(who: str, world: World) -> Principal:
    """The principal of a call in the names of the environment."""
    if who == CONSUMER.name:
        return CONSUMER
    if ":assumed-role/" in who:
        name = who.partition(":assumed-role/")[2].partition("/")[0]
        return Principal(PrincipalKind.ROLE, world.place.fill("arn:{p}:iam::{a}:role/{n}", n=name))
    if ":role/" in who:
        return Principal(PrincipalKind.ROLE, who)
    return OPERATOR


def elsewhere_only(recording: Recording, world: World) -> dict[str, str]:
    """Callers of the run that this environment does not have -> their roles' names.

    Settings decide about some functions: the embedded AWS may have one that an account does without.
    """
    stacks = tuple(f"{world.templates.full_name(stack)}-" for stack in world.templates.by_stack)
    # A generated name has the stack, the role's id and something random, each as far as there is room.
    there = tuple(
        f"{world.templates.full_name(role.stack)}-{role.id[:ID_LENGTH]}" for role in world.of_type("AWS::IAM::Role")
    )
    roles = {call.who: call.who.partition(":assumed-role/")[2].partition("/")[0] for call in recording.judged}
    return {who: role for who, role in roles.items() if role.startswith(stacks) and not role.startswith(there)}


def _unused(judged: Judged, rules: Rules) -> Iterator[Finding]:
    used = judged.used
    for rule in rules.every_rule():
        if not rule.allows or ("AWS", rules.world.place.fill("arn:{p}:iam::{a}:root")) in rule.principals:
            continue
        for action in rule.actions:
            if not any(_same(action, each) for each in used.get(rule, ())):
                yield remark(
                    CHECK, str(rule), f"{action} was granted and not used in this run", "see whether code uses it"
                )


def _same(granted: str, used: str) -> bool:
    return used.lower().startswith(granted.rstrip("*").lower()) if "*" in granted else granted.lower() == used.lower()
