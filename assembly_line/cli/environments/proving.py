"""A proof from its beginning: the recorded run, the templates of each environment, every judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from assembly_line.cli.environments.environment_settings import sign_in_of
from assembly_line.cli.session import REPOSITORY, require_settings
from assembly_line.embedded import StateFolder, assemble, judged_definitions, judged_installations
from assembly_line.loader import load_lines
from assembly_line.proof.findings import Finding, Judgement
from assembly_line.proof.judging import Trial, cases, judge, mutate, told
from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.recording import read_recording
from assembly_line.proof.templates import read_templates

if TYPE_CHECKING:
    from assembly_line.cli.session import Session


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The judgements of one case: an environment with its own names, or with the longest ones."""

    case: str
    judgements: tuple[Judgement, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        return tuple(finding for judgement in self.judgements for finding in judgement.faults)

    def document(self) -> dict[str, Any]:
        return {"case": self.case, "judgements": [each.document() for each in self.judgements]}


def prove(session: Session, environments: Sequence[str], *, mutated: bool = False) -> list[Proof]:
    """Judge the run that the session's state folder recorded by the templates of each environment.

    Args:
        mutated: also break one thing after the other, to see that each is named.

    Raises:
        ProofError: nothing was recorded, or the templates hold what the proof cannot read.
        RequestRefused: an environment has no settings.
    """
    for environment in environments:
        require_settings(environment, option="--for")
    recording = read_recording(StateFolder(session.state).calls)
    releases = load_lines(REPOSITORY / "lines")
    found = [Proof(case="every environment", judgements=(judged_installations(releases.values()),))]
    for environment in environments:
        assembly = assemble(REPOSITORY, session.state, session.output.note, environment=environment)
        for case in cases(read_templates(assembly, environment), tuple(releases), sign_in_of(environment)):
            session.output.note(f"Judging {case.name} ...")
            trial = Trial(recording, case)
            judgements = judge(trial, raised())
            if not case.lines:
                judgements += (judged_definitions(machines(trial.world), REPOSITORY),)
                judgements += (told(mutate(trial, raised())),) if mutated else ()
            found.append(Proof(case=case.name, judgements=judgements))
    return found


@cache
def raised() -> frozenset[str]:
    """Names of the exceptions that functions may raise: the project's, the language's and those of the AWS client."""
    import builtins

    import botocore.exceptions

    from assembly_line import errors

    kinds = [each for module in (errors, builtins, botocore.exceptions) for each in vars(module).values()]
    return frozenset(each.__name__ for each in kinds if isinstance(each, type) and issubclass(each, Exception))
