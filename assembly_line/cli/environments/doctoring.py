"""What `line doctor` looks at: the environment's templates here, the account there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli.environments.environment_settings import sign_in_of
from assembly_line.cli.session import EMBEDDED, REPOSITORY
from assembly_line.doctor.examination import Examination, fast, whole
from assembly_line.doctor.wanted import Wanted
from assembly_line.embedded import assemble
from assembly_line.errors import RequestRefused
from assembly_line.loader import load_lines
from assembly_line.proof.physical_names import Place
from assembly_line.proof.templates import read_templates
from assembly_line.proof.world import World
from assembly_line.storage import Questions

if TYPE_CHECKING:
    from assembly_line.cli.session import Session


def examine(session: Session) -> Examination:
    """Look at the account of the session's environment.

    Raises:
        RequestRefused: it is the embedded one, or has no settings.
    """
    if session.embedded:
        raise RequestRefused(
            f"line doctor: {EMBEDDED!r} has no account; expected an environment of one: line --environment dev doctor",
            where="--environment",
            value=repr(EMBEDDED),
            expected="an environment of an account",
        )
    target = session.target
    wanted = wanted_of(session, account=target.account_id, region=target.region)
    available = {
        service
        for service in wanted.services
        if target.region in target.session.get_available_regions(service)
        # Botocore lists no Regions of services with one address for all.
        or not target.session.get_available_regions(service)
    }
    return whole(Questions(target.client), wanted, available=available)


def refuse_what_cannot_be_deployed(session: Session) -> None:
    """The fast half, before a deployment into an account.

    Raises:
        RequestRefused: something stands in the way; each thing with what to do.
    """
    target = session.target
    found = fast(Questions(target.client), wanted_of(session, account=target.account_id, region=target.region))
    for finding in found.findings:
        if finding not in found.faults:
            session.output.note(f"{finding.place}: {finding.says}. {finding.todo}")
    if found.faults:
        told = [f"{each.place}: {each.says}. To do: {each.todo}" for each in found.faults]
        raise RequestRefused("\n  ".join(["the deployment would fail:", *told]))


def wanted_of(session: Session, *, account: str, region: str) -> Wanted:
    """What the environment asks of its account, from its templates, its settings and the declared lines."""
    sign_in = sign_in_of(session.environment)
    assembly = assemble(REPOSITORY, session.state, session.output.note, environment=session.environment)
    templates = read_templates(assembly, session.environment)
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    place = Place(account=account, region=region, partition=partition)
    return Wanted(
        world=World(templates, place),
        lines=tuple(release.line for release in load_lines(session.lines).values()),
        region=region,
        bootstrap=_bootstrap_version(assembly),
        sign_in=sign_in,
    )


def _bootstrap_version(assembly: Path) -> int:
    """The newest that any stack of the assembly needs."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    properties = [artifact.get("properties", {}) for artifact in manifest["artifacts"].values()]
    return max(int(each.get("requiresBootstrapStackVersion", 0)) for each in properties)
