"""The whole proof of one environment: every judgement over one recording and one set of templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from assembly_line.proof import legality, mutations
from assembly_line.proof.deployment import judgement as deployment
from assembly_line.proof.findings import Judgement, Outcome, remark
from assembly_line.proof.machines import judgement as state_machines
from assembly_line.proof.machines import mutations as machine_mutations
from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.permissions import grants
from assembly_line.proof.permissions import judgement as permission
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.physical_names import Place
from assembly_line.proof.recording import Recording
from assembly_line.proof.templates import Templates, renamed
from assembly_line.proof.translation import translator
from assembly_line.proof.world import World

RECORDED_ACCOUNT = "000000000000"
IAM_USERS = SignIn()
# As long as settings and declarations allow.
LONGEST_ENVIRONMENT = "e" * 16
LONGEST_LINE = 24


@dataclass(frozen=True, kw_only=True)
class Case:
    """Templates to judge by, in one place; `lines` are new names for declared ones, `sign_in` is the settings'."""

    name: str
    templates: Templates
    place: Place = field(default_factory=Place)
    lines: Mapping[str, str] = field(default_factory=dict)
    sign_in: SignIn = IAM_USERS


def cases(templates: Templates, lines: tuple[str, ...], sign_in: SignIn = IAM_USERS) -> tuple[Case, ...]:
    """The environment with its real names, and with the longest that its parts may have."""
    fixed = {"account": templates.account, "region": templates.region}
    place = Place(**{name: value for name, value in fixed.items() if value})
    longest = {
        name: name + "_" + "x" * (LONGEST_LINE - len(name) - 1) for name in lines if len(name) < LONGEST_LINE - 1
    }
    return (
        Case(name=templates.environment, templates=templates, place=place, sign_in=sign_in),
        Case(
            name=f"{templates.environment}, longest names",
            templates=renamed(templates, environment=LONGEST_ENVIRONMENT, lines=longest),
            place=place,
            lines=longest,
            sign_in=sign_in,
        ),
    )


@dataclass(frozen=True)
class Trial:
    """One case with the run that it is judged by."""

    recording: Recording
    case: Case

    @cached_property
    def world(self) -> World:
        return World(self.case.templates, self.case.place)

    @cached_property
    def rules(self) -> Rules:
        return Rules(self.world)

    @cached_property
    def told(self) -> Recording:
        """The run in the names of the environment."""
        translate = translator(self.recording, self.world, lines=self.case.lines, account=RECORDED_ACCOUNT)
        judged = self.recording.judged
        calls = (replace(call, who=translate(call.who), parameters=translate(call.parameters)) for call in judged)
        return replace(self.recording, calls=tuple(calls))

    @cached_property
    def judged(self) -> permission.Judged:
        """Every request with its decision."""
        return permission.judge(permission.requests_of(self.told, self.world, self.case.sign_in), self.rules)


def judge(trial: Trial, classes: frozenset[str]) -> tuple[Judgement, ...]:
    """Every judgement of one case.

    Args:
        classes: names of the exceptions that functions may raise.
    """
    recording, world, rules = trial.recording, trial.world, trial.rules
    return (
        permission.judgement(trial.judged, rules, trial.told),
        grants.judgement(rules),
        legality.judgement(trial.told),
        state_machines.judgement(machines(world), recording, classes),
        deployment.judgement(world),
    )


MUTATIONS = "mutations"


def mutate(trial: Trial, classes: frozenset[str], *, every: int = 1) -> Iterator[Outcome]:
    """Break one thing after the other; see `proof/mutations.py`.

    Args:
        classes: names of the exceptions that functions may raise.
        every: mutate only each n-th grant and bound.
    """
    yield from mutations.grants(trial.world, trial.judged, every=every)
    yield from mutations.of_conditions(trial.world, trial.judged)
    yield from mutations.dependencies(trial.world)
    yield from mutations.bounds(trial.recording, every=every)
    yield from mutations.of_templates(trial.world)
    yield from machine_mutations.of_machines(machines(trial.world), trial.recording, classes)


def told(outcomes: Iterable[Outcome]) -> Judgement:
    """How many mutations were caught, and each that survived."""
    outcomes = list(outcomes)
    kinds = sorted({outcome.kind for outcome in outcomes})
    counts = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in kinds}
    survivors = [
        remark(MUTATIONS, outcome.mutation, f"survived: {outcome.why}", "see whether two of them are needed")
        for outcome in outcomes
        if not outcome.caught
    ]
    figures = {"mutations": len(outcomes), "caught": len(outcomes) - len(survivors), **counts}
    return Judgement(check=MUTATIONS, counts=figures, findings=tuple(survivors))
