"""A freshly deployed embedded AWS for the demo: restored from a copy if these very stacks were deployed before."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded import (
    Runtime,
    StateFolder,
    assemble,
    deploy,
    moved_aside,
    restore,
    snapshot,
    snapshots,
    start,
    status,
    stop,
)

PREFIX = "deployed-"
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What was deployed, and what it took. `restored` means that a copy of the just-deployed state was used.

    Args:
        seconds: from nothing running to all stacks deployed, this time.
        synth_seconds: 0 if these stacks were synthesized before.
        cdk_seconds: what `cdk deploy` took when these stacks were deployed, this time or before.
    """

    runtime: Runtime
    stacks: tuple[str, ...]
    seconds: float
    synth_seconds: float
    cdk_seconds: float
    restored: bool


def prepare(state: Path, say: Say, note: Say) -> Platform:
    """Start the embedded AWS with the stacks deployed and nothing else in it.

    What runs there is stopped. What an earlier demo left is given up; an account that somebody worked in since is
    moved aside.

    Args:
        say: gets how far it is.
        note: gets what a person should still read afterwards.

    Raises:
        EmbeddedAwsError: it does not start, or the stacks do not deploy.
    """
    if status(state).runtime is not None:
        say("stopping the embedded AWS that was left running")
        stop(state)
    aside = StateFolder(state.resolve()).give_way()
    if aside is not None:
        note(moved_aside(aside, "Somebody worked in the account that was here"))
    began = time.monotonic()
    assembly = assemble(REPOSITORY, state, say)
    synthesized = time.monotonic() - began
    name = f"{PREFIX}{assembly.parent.name}"
    restored = name in snapshots(state)
    if restored:
        say("restoring the deployed stacks")
        restore(state, name, note)
        runtime = start(state, report=say)
    else:
        runtime = _deploy_and_keep(state, assembly, name, say)
    found = last_deployment(state)
    return Platform(
        runtime=runtime,
        stacks=tuple(found["stacks"]),
        seconds=round(time.monotonic() - began, 1),
        synth_seconds=round(synthesized, 1),
        cdk_seconds=found["seconds"],
        restored=restored,
    )


def last_deployment(state: Path) -> dict[str, Any]:
    """Digest, stacks and seconds of what is deployed."""
    found: dict[str, Any] = json.loads(StateFolder(state).deployment.read_text(encoding="utf-8"))
    return found


def _deploy_and_keep(state: Path, assembly: Path, name: str, say: Say) -> Runtime:
    runtime = start(state, fresh=True, report=say)
    deploy(runtime, assembly, say)
    say("keeping a copy for the next time")
    stop(state)
    _forget_others(state, name)
    snapshot(state, name)
    return start(state, report=say)


def _forget_others(state: Path, name: str) -> None:
    folder = StateFolder(state)
    for old in snapshots(state):
        if old.startswith(PREFIX) and old != name:
            shutil.rmtree(folder.snapshots / old, ignore_errors=True)
