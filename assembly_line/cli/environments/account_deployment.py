"""Deploying into an account: the CDK's own command, shown as it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from assembly_line.cli.session import REPOSITORY, require_settings
from assembly_line.errors import RequestRefused, RunFailed

if TYPE_CHECKING:
    from pathlib import Path

    from assembly_line.cli.session import Session


def deploy_account(session: Session, lines: Path, *, approved: bool = False) -> dict[str, Any]:
    """Run `cdk deploy --all` for the session's environment; asks before it widens permissions.

    Args:
        lines: the folder of declared lines.
        approved: widens them without asking.

    Raises:
        RequestRefused: the environment has no settings file, there is no terminal to ask in, or the account is
            not ready: see `line doctor`.
        RunFailed: the deployment failed; CDK has printed why.
    """
    from assembly_line.cli.environments.doctoring import refuse_what_cannot_be_deployed
    from assembly_line.embedded import cdk_command

    require_settings(session.environment)
    if not approved and not sys.stdin.isatty():
        raise RequestRefused(
            "line deploy: there is no terminal in which to ask before permissions are widened; look at `cdk diff -c "
            f"environment={session.environment}`, then approve with `line deploy --yes`"
        )
    refuse_what_cannot_be_deployed(session)
    target = session.target
    approval = ("--require-approval", "never") if approved else ()
    which = ("--all", "-c", f"environment={session.environment}", "-c", f"lines={lines.resolve()}")
    command = [*cdk_command(REPOSITORY), "deploy", *which, "--no-notices", *approval]
    session.output.note(f"Running: cdk {' '.join(command[2:])}")
    began = time.monotonic()
    variables = account_variables(session)
    # stdout belongs to the command's own result.
    answer = subprocess.run(command, cwd=REPOSITORY, env=variables, stdout=sys.stderr, check=False)
    if answer.returncode:
        raise RunFailed(f"cdk deploy ended with code {answer.returncode}; what it printed says why")
    stacks = sorted(stack.name for stack in target.stacks.of_environment())
    return {"stacks": stacks, "seconds": round(time.monotonic() - began, 1)}


def account_variables(session: Session) -> dict[str, str]:
    """The environment variables of a command that reaches the session's account."""
    region, profile = session.target.region, session.options.profile
    named = {"AWS_PROFILE": profile} if profile else {}
    return {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **named}
