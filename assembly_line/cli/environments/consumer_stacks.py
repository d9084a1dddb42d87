"""The stack of a consumer that is added beside its line's declaration, deployed by the CDK's own command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from assembly_line.cli.session import REPOSITORY, require_settings
from assembly_line.declarations.codec import subscriber_to_json
from assembly_line.errors import RequestRefused, RunFailed

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.declarations.delivery.subscribers import Subscriber

LIMIT_SECONDS = 900
# Of what the CDK's command printed, what explains a failure.
KEPT_LINES = 20


def deploy_consumer(session: Session, line: str, consumer: Subscriber, *, approved: bool) -> None:
    """Deploy the consumer's own stack, or bring it up to date.

    Args:
        approved: creates a managed policy in an account without asking.

    Raises:
        RequestRefused: nobody approved it, and there is no terminal to ask in.
        RunFailed: the deployment failed; the message ends with what the CDK printed.
    """
    from assembly_line.embedded import cdk_command

    require_settings(session.environment)
    asks = not (session.embedded or approved)
    if asks and not sys.stdin.isatty():
        raise RequestRefused(
            "line consumers add: there is no terminal in which to ask before permissions are widened; approve with "
            "--yes"
        )
    context = {
        "environment": session.environment,
        "line": line,
        "consumer": json.dumps(subscriber_to_json(consumer)),
    }
    with TemporaryDirectory() as folder:
        command = [
            *cdk_command(REPOSITORY),
            *("deploy", "--app", f"{sys.executable} -m stacks.consumer", "--output", folder, "--all"),
            *(part for name, value in context.items() for part in ("-c", f"{name}={value}")),
            *(() if asks else ("--require-approval", "never")),
            "--no-notices",
        ]
        if asks:
            # The command asks its question itself; stdout belongs to the result.
            code, printed = (
                subprocess.run(
                    command, cwd=REPOSITORY, env=_variables(session), stdout=sys.stderr, check=False
                ).returncode,
                "see above",
            )
        else:
            answer = subprocess.run(
                command, cwd=REPOSITORY, env=_variables(session), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
            code, printed = answer.returncode, "\n  ".join(answer.stdout.splitlines()[-KEPT_LINES:])
    if code:
        raise RunFailed(f"the stack of consumer {consumer.name} was not deployed:\n  {printed}")


def _variables(session: Session) -> dict[str, str]:
    from assembly_line.cli.environments.account_deployment import account_variables
    from assembly_line.embedded import kept_packages, running

    own = running(session.state).cdk_environment() if session.embedded else account_variables(session)
    # jsii starts `node`.
    programs = os.pathsep.join((str(Path(sys.executable).parent), own.get("PATH", os.defpath)))
    return {**own, **kept_packages(REPOSITORY), "PATH": programs}
