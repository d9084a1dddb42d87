"""The whole proof of one environment: every judgement over one recording and one set of templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assembly_line.proof import legality
from assembly_line.proof.deployment import judgement as deployment
from assembly_line.proof.findings import Judgement
from assembly_line.proof.machines import judgement as state_machines
from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.permissions import grants
from assembly_line.proof.permissions import judgement as permission
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.physical_names import Place
from assembly_line.proof.recording import Recording
from assembly_line.proof.templates import Templates, renamed
from assembly_line.proof.translation import translator
from assembly_line.proof.world import World

RECORDED_ACCOUNT = "000000000000"
# As long as settings and declarations allow.
LONGEST_ENVIRONMENT = "e" * 16
LONGEST_LINE = 24


@dataclass(frozen=True, kw_only=True)
class Case:
    """Templates to judge by, in one place; `lines` are new names for declared ones."""

    name: str
    templates: Templates
    place: Place = field(default_factory=Place)
    lines: Mapping[str, str] = field(default_factory=dict)


def cases(templates: Templates, lines: tuple[str, ...]) -> tuple[Case, ...]:
    """The environment with its real names, and with the longest that its parts may have."""
    fixed = {"account": templates.account, "region": templates.region}
    place = Place(**{name: value for name, value in fixed.items() if value})
    longest = {
        name: name + "_" + "x" * (LONGEST_LINE - len(name) - 1) for name in lines if len(name) < LONGEST_LINE - 1
    }
    return (
        Case(name=templates.environment, templates=templates, place=place),
        Case(
            name=f"{templates.environment}, longest names",
            templates=renamed(templates, environment=LONGEST_ENVIRONMENT, lines=longest),
            place=place,
            lines=longest,
        ),
    )


def judge(recording: Recording, case: Case, classes: frozenset[str]) -> tuple[Judgement, ...]:
    """Every judgement of one case.

    Args:
        classes: names of the exceptions that functions may raise.
    """
    world = World(case.templates, case.place)
    rules = Rules(world)
    translate = translator(recording, world, lines=case.lines, account=RECORDED_ACCOUNT)
    requests = permission.requests_of(recording, world, translate)
    return (
        permission.judgement(permission.judge(requests, rules), rules, recording),
        grants.judgement(rules),
        legality.judgement(recording, translate),
        state_machines.judgement(machines(world), recording, classes),
        deployment.judgement(world),
    )
