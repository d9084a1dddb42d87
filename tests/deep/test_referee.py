"""Another evaluator of policies, written by others, decides every request of the recorded run as ours does."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded.deployment import cdk_command
from assembly_line.proof.judging import Trial
from assembly_line.proof.permissions.evaluating import ASSUMPTIONS, Principal, PrincipalKind, Request, decide
from assembly_line.proof.permissions.rules import Rule, Rules
from tests.synth.test_sign_in import KINDS, PLACE, rules_of

PROGRAM = Path(__file__).with_name("referee.js")
LIMIT_SECONDS = 600
CHUNK = 400
# It refuses to judge these. Of tokens: AWS's own refusals name the machine (see proof/permissions/grants.py); of new
# model packages: ours asks for the group too, to be on the safe side; of logs: it drops keys with colons inside.
UNKNOWN_TO_IT = (
    re.compile("states:SendTask.*"),
    re.compile("sagemaker:CreateModelPackage on .*:model-package-group/.*"),
    re.compile("kms:.* for logs"),
)
EVERYTHING = {
    "name": "all",
    "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
}


def test_the_referee_agrees_on_every_request(trial: Trial) -> None:
    requests = list(trial.judged.decisions)
    differing = disagreements(requests, trial.rules)
    assert differing == []


def test_the_referee_agrees_on_requests_of_others(trial: Trial) -> None:
    """Each request once more, by another role: most are denied."""
    requests = [each for each in trial.judged.decisions if each.principal.kind is PrincipalKind.ROLE]
    roles = sorted({each.principal.name for each in requests})
    others = {name: roles[(number + 7) % len(roles)] for number, name in enumerate(roles)}
    swapped = [
        Request(Principal(PrincipalKind.ROLE, others[each.principal.name]), each.action, each.resource, each.context)
        for each in requests
    ]
    denied = [each for each in swapped if not decide(each, trial.rules).allowed]
    assert len(denied) > len(swapped) / 2
    assert disagreements(swapped, trial.rules) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_referee_agrees_who_takes_the_lines_roles(kind: str) -> None:
    """Each kind of person, under the own name and under another."""
    rules, person = rules_of(KINDS[kind]), Principal(PrincipalKind.OPERATOR, "somebody")
    asked = [
        Request(person, action, role, tuple({**other.context("ann", PLACE), "sts:RoleSessionName": (name,)}.items()))
        for role, action in itertools.product(rules.trust, KINDS[kind].asked)
        for other, name in itertools.product(KINDS.values(), ("ann", "bob"))
    ]
    assert {decide(each, rules).allowed for each in asked} == {True, False}
    assert disagreements(asked, rules) == []


def disagreements(requests: Iterable[Request], rules: Rules) -> list[str]:
    asked = [each for each in requests if not any(one.fullmatch(told(each)) for one in UNKNOWN_TO_IT)]
    found = []
    for begin in range(0, len(asked), CHUNK):
        part = asked[begin : begin + CHUNK]
        for request, answer in zip(part, simulate([simulation(each, rules) for each in part]), strict=True):
            ours = decide(request, rules).allowed
            if (answer == "Allowed") is not ours:
                found.append(f"{request}: ours {'allowed' if ours else 'denied'}, referee {answer}"[:600])
    return found


def told(request: Request) -> str:
    if any(key.startswith("kms:EncryptionContext:aws:logs") for key, _ in request.context):
        return f"{request.action} for logs"
    return f"{request.action} on {request.resource}"


def simulate(simulations: list[dict[str, Any]]) -> list[str]:
    modules = os.pathsep.join(filter(None, (str(REPOSITORY / "node_modules"), os.environ.get("NODE_PATH"))))
    answer = subprocess.run(
        [cdk_command(REPOSITORY)[0], str(PROGRAM)], input=json.dumps(simulations), capture_output=True, text=True,
        env={"NODE_PATH": modules, "PATH": os.defpath}, timeout=LIMIT_SECONDS, check=True,
    )  # fmt: skip
    found: list[str] = json.loads(answer.stdout)
    return found


def simulation(request: Request, rules: Rules) -> dict[str, Any]:
    """One request as the referee takes it."""
    account = rules.world.place.account
    owner = request.resource.partition("/")[0] if ":s3:::" in request.resource else request.resource
    trust = request.action in ASSUMPTIONS
    protecting = rules.trust.get(owner, []) if trust else rules.of_resources.get(owner, [])
    context: dict[str, Any] = {"aws:SecureTransport": "true"}
    if request.principal.kind is PrincipalKind.SERVICE:
        context |= {"aws:SourceAccount": account}
    context |= {key: list(values) if len(values) > 1 else values[0] for key, values in request.context}
    return {
        "request": {
            "principal": principal(request, account),
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": account},
            "contextVariables": context,
        },
        "identityPolicies": identity(request, rules),
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        "resourcePolicy": policy(protecting, of_resource=True, trust=trust) if protecting else None,
    }


def principal(request: Request, account: str) -> str:
    match request.principal.kind:
        case PrincipalKind.ROLE:
            return f"arn:aws:sts::{account}:assumed-role/{request.principal.name.rpartition('/')[2]}/session"
        case PrincipalKind.SERVICE:
            return request.principal.name
        case _:
            return f"arn:aws:iam::{account}:user/{request.principal.name}"


def identity(request: Request, rules: Rules) -> list[dict[str, Any]]:
    match request.principal.kind:
        case PrincipalKind.ROLE:
            return [{"name": "role", "policy": policy(rules.of_roles.get(request.principal.name, []))}]
        case PrincipalKind.CONSUMER:
            return [{"name": "consumer", "policy": policy(rules.of_consumers)}]
        case PrincipalKind.OPERATOR:
            return [EVERYTHING]
        case _:
            return []


def policy(rules: Iterable[Rule], *, of_resource: bool = False, trust: bool = False) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement(each, of_resource, trust) for each in rules]}


def statement(rule: Rule, of_resource: bool, trust: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow" if rule.allows else "Deny", "Action": list(rule.actions)}
    if not trust:
        found["Resource"] = list(rule.resources)
    if of_resource:
        principals: dict[str, list[str]] = {}
        for kind, value in rule.principals:
            principals.setdefault(kind, []).append(value)
        found["Principal"] = principals
    if rule.conditions:
        found["Condition"] = {op: {key: list(v) for key, v in keys.items()} for op, keys in rule.conditions.items()}
    return found
