"""Waiting for an execution while showing which state it is in, and judging how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import duration
from assembly_line.errors import RunFailed
from assembly_line.storage import RUNNING, SUCCEEDED, Execution

if TYPE_CHECKING:
    from assembly_line.cli.output import Output
    from assembly_line.cli.target import Target

EMBEDDED_POLL_SECONDS = 0.3
ACCOUNT_POLL_SECONDS = 2.0
Show = Callable[[str], None]


def wait(target: Target, arn: str, *, show: Show, until: Callable[[], bool] = lambda: False) -> Execution:
    """Wait until the execution ends, or `until` says that it needs no more waiting for.

    Args:
        show: gets the name of each state that is entered.
        until: asked at each look, such as whether a review waits.
    """
    poll = EMBEDDED_POLL_SECONDS if target.embedded else ACCOUNT_POLL_SECONDS
    shown: str | None = None
    while True:
        found = target.machines.describe(arn)
        if found.status != RUNNING:
            return found
        state = target.machines.current_state(arn)
        if state is not None and state != shown:
            show(state)
            shown = state
        if until():
            return found
        time.sleep(poll)


def require_success(found: Execution) -> Any:
    """The execution's output.

    Raises:
        RunFailed: it failed; the message is its reason and how to see more.
    """
    if found.status != SUCCEEDED:
        raise RunFailed(f"run {found.name} {found.status.lower()}: {found.reason}\n`line logs {found.name}` shows more")
    return found.output


@contextmanager
def progress(output: Output, title: str) -> Iterator[Show]:
    """Show the current state with the time it has taken: in one moving line on a terminal, else a line each."""
    try:
        with _shown(output, title) as show:
            yield show
    except KeyboardInterrupt:
        output.note(f"{title}: no longer watched; it goes on by itself, `line status` shows how it ends.")
        raise


@contextmanager
def _shown(output: Output, title: str) -> Iterator[Show]:
    began = time.monotonic()
    if not output.errors.is_terminal:
        yield lambda state: output.note(f"{title}: {state} ({duration(time.monotonic() - began)})")
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=output.errors, transient=True) as bar:
        task = bar.add_task(title)
        yield lambda state: bar.update(task, description=f"{title}: {state}")
