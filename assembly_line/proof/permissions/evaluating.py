"""Whether a request would be allowed: policies of the identity, of the resource and of its key, and conditions.

It judges within one account. Service control policies, boundaries and session policies are not in any template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from assembly_line.proof.permissions.conditions import Context, Values, hold
from assembly_line.proof.permissions.rules import Rule, Rules

ASSUMPTIONS = ("sts:AssumeRole", "sts:SetSourceIdentity")


class PrincipalKind(StrEnum):
    ROLE = "role"  # of the templates
    SERVICE = "service"  # of AWS
    CONSUMER = "consumer"  # an application with the consumers' policies
    OPERATOR = "operator"  # whoever deploys and works with the command, under an administrator's permissions


@dataclass(frozen=True)
class Principal:
    """Args: `name`: ARN of a role, the name of a service such as `sns.amazonaws.com`, or a word for people."""

    kind: PrincipalKind
    name: str

    def __str__(self) -> str:
        return self.name.rpartition("/")[2] if self.kind is PrincipalKind.ROLE else self.name


@dataclass(frozen=True)
class Request:
    """One action on one resource. `source` says where it was seen, or why a service makes it."""

    principal: Principal
    action: str
    resource: str
    context: tuple[tuple[str, Values], ...] = ()
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.principal}: {self.action} on {self.resource}"


@dataclass(frozen=True)
class Decision:
    """Args: `by`: the rules that allow, or the one that denies; `why`: in words, of a denial."""

    allowed: bool
    by: tuple[Rule, ...] = ()
    why: str = ""


def decide(request: Request, rules: Rules) -> Decision:
    """Evaluate as IAM does: an explicit denial wins, then one allowance suffices, of a key its own policy must give."""
    context = {"aws:SecureTransport": ("true",), **_of_principal(request, rules), **dict(request.context)}
    if request.action in ASSUMPTIONS:
        return _trusted(request, rules, context)
    identity = _of_identity(request.principal, rules)
    protecting = [rule for rule in _protecting(request.resource, rules) if _names(rule, request.principal, rules)]
    applying = [rule for rule in (*identity, *protecting) if _applies(rule, request, context)]
    if denied := [rule for rule in applying if not rule.allows]:
        return Decision(False, (denied[0],), f"{denied[0]} denies it")
    own = tuple(rule for rule in applying if rule in identity)
    given = tuple(rule for rule in applying if rule in protecting)
    if request.action.startswith("kms:"):
        return _of_key(request, own, given, rules)
    direct = tuple(rule for rule in given if not _is_account(rule, rules))
    if request.principal.kind is PrincipalKind.OPERATOR or own or direct:
        return Decision(True, own + direct)
    kind = "the resource's policy" if request.principal.kind is PrincipalKind.SERVICE else "any policy of the identity"
    return Decision(False, (), f"{kind} does not allow it")


def _of_key(request: Request, own: tuple[Rule, ...], given: tuple[Rule, ...], rules: Rules) -> Decision:
    """A key's policy names the principal, or the account, which leaves it to the policies of identities."""
    direct = tuple(rule for rule in given if not _is_account(rule, rules))
    through_account = tuple(rule for rule in given if _is_account(rule, rules))
    if direct:
        return Decision(True, direct)
    if through_account and (own or request.principal.kind is PrincipalKind.OPERATOR):
        return Decision(True, own + through_account)
    return Decision(False, (), "the key's policy does not allow it" if not given else "no policy of the identity does")


def _trusted(request: Request, rules: Rules, context: Context) -> Decision:
    trusting = rules.trust.get(request.resource, [])
    found = tuple(
        rule
        for rule in trusting
        if rule.allows and _names(rule, request.principal, rules) and _applies(rule, request, context)
    )
    return Decision(bool(found), found, "" if found else "the role's trust policy does not allow it")


def _of_identity(principal: Principal, rules: Rules) -> list[Rule]:
    if principal.kind is PrincipalKind.ROLE:
        return list(rules.of_roles.get(principal.name, []))
    return rules.of_consumers if principal.kind is PrincipalKind.CONSUMER else []


def _protecting(resource: str, rules: Rules) -> Iterable[Rule]:
    """Rules of the policy of what is asked for; an object is protected by its bucket's."""
    owner = resource.partition("/")[0] if ":s3:::" in resource else resource
    return rules.of_resources.get(owner, [])


def _applies(rule: Rule, request: Request, context: Context) -> bool:
    return rule.covers(request.action, request.resource) and hold(rule.conditions, context)


def _names(rule: Rule, principal: Principal, rules: Rules) -> bool:
    """Whether a rule of a resource binds the principal."""
    place = rules.world.place
    account = place.fill("arn:{p}:iam::{a}:root")
    for kind, value in rule.principals:
        if value == "*":
            return True
        if principal.kind is PrincipalKind.SERVICE:
            if kind == "Service" and value == principal.name:
                return True
        elif kind == "AWS" and value in (principal.name, account, place.account):
            return True
    return False


def _is_account(rule: Rule, rules: Rules) -> bool:
    """Whether it allows the account as a whole, which by itself allows no identity anything."""
    account = rules.world.place.fill("arn:{p}:iam::{a}:root")
    return bool(rule.principals) and all(value == account for _, value in rule.principals)


def _of_principal(request: Request, rules: Rules) -> Mapping[str, Values]:
    account = (rules.world.place.account,)
    if request.principal.kind is PrincipalKind.SERVICE:
        return {"aws:SourceAccount": account, "aws:PrincipalIsAWSService": ("true",)}
    found: dict[str, Values] = {"aws:PrincipalAccount": account}
    if request.principal.kind is PrincipalKind.ROLE:
        found["aws:PrincipalArn"] = (request.principal.name,)
    return found
