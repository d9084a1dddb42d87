"""What a change of lines would do to the stacks: both synthesized, and compared by `cdk diff`. It needs no account."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from assembly_line.embedded import assemble, cdk_command
from assembly_line.errors import EmbeddedAwsError

Note = Callable[[str], None]
SECONDS = 300
# What the templates of a stack that is not there yet, or no more, are compared with.
NOTHING: dict[str, dict[str, object]] = {"Resources": {}}


def stack_changes(
    repository: Path, state: Path, *, before: Path, now: Path, environment: str, note: Note
) -> dict[str, str]:
    """What `cdk diff` says of each stack that the two folders of lines make differently.

    Args:
        repository: the folder of the CDK app.
        state: keeps synthesized stacks, so that nothing is synthesized twice.
        before, now: folders of lines.
        environment: whose settings apply.
        note: is told what goes on.

    Returns:
        Name of the stack -> the difference as text. Stacks that stay as they are have none.

    Raises:
        EmbeddedAwsError: the app fails on one of the folders, or the command does.
    """
    was, will = (assemble(repository, state, note, environment=environment, lines=lines) for lines in (before, now))
    old, new = ({path.name: path for path in folder.glob("*.template.json")} for folder in (was, will))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "nothing.json"
        nothing.write_text(json.dumps(NOTHING), encoding="utf-8")
        for name in sorted({**old, **new}):
            one, other = old.get(name), new.get(name)
            if one and other and one.read_bytes() == other.read_bytes():
                continue
            stack = name.removesuffix(".template.json")
            if other is None:
                found[stack] = f"No line of this folder makes {stack} any more. `line remove` takes it away."
                continue
            found[stack] = _difference(repository, will, stack, one or nothing)
    return found


def _difference(repository: Path, assembly: Path, stack: str, template: Path) -> str:
    """What the command prints, without its advice on how to run it."""
    command = [
        *cdk_command(repository),
        "diff",
        stack,
        "--app",
        str(assembly),
        "--template",
        str(template),
        "--exclusively",
    ]
    done = subprocess.run(
        [*command, "--no-color", "--no-notices", "--no-version-reporting", "--fail-on", "never", "--ci"],
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL, cwd=assembly,
    )  # fmt: skip
    if done.returncode:
        raise EmbeddedAwsError(f"cdk diff {stack} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout.strip()
