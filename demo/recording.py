"""What a recording shows: the demo, then other commands, and people who type what nobody expects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded import StateFolder, sources_digest
from assembly_line.errors import RunFailed
from demo.platform import last_deployment

if TYPE_CHECKING:
    from assembly_line.cli.session import Session

LIMIT_SECONDS = 1800
LINE = "coupon_redemption"
AS_OF = "2017-07-01"
# Line breaks, other scripts, what a shell, a template and a query would read, and as long as a reason may be.
HOSTILE = "no:\r\n\tDrop it; 'one' \"two\" {% $x %} ${y} <b>\u00e9 \u00df \u6f22\u5b57 \U0001f642</b>" + " \u9577" * 950


def record_run(session: Session) -> None:
    """Run the demo and more in the session's state folder, unless it holds a recording of these very sources."""
    folder = StateFolder(session.state)
    recorded = folder.recorded.exists() and folder.deployment.exists()
    if recorded and last_deployment(session.state)["digest"] == sources_digest(REPOSITORY, "embedded"):
        session.output.note(f"The run recorded in {folder.calls} is of these very sources.")
        return
    session.output.note("Recording a run; on two cores this takes some three minutes.")
    record(session.state, session.output.note)
    folder.recorded.touch()
    # Nobody works there: the next recording takes its place.
    folder.mark_disposable()


def record(state: Path, say: Callable[[str], None]) -> None:
    """Run the demo in a state folder, then further commands, and stop.

    Raises:
        RunFailed: a command failed; its last words are told.
    """
    call = _Caller(state, say)
    call("demo")
    call("up")
    try:
        # The demo's batches are small, so a function scores them.
        run = str(call("train", LINE, "--as-of", AS_OF, "--scored-by", "transform", "--as", "scientist")["run_id"])
        call("review", "show", LINE, run, "--as", "reviewer")
        call("review", "reject", LINE, run, "--reason", HOSTILE, "--as", "reviewer")
        call("runs", "replicate", LINE, run, "--as", "scientist")
        datasets = call("dataset", "list", LINE)
        dataset = str(datasets[0]["dataset_id"])
        for question in ("show", "quality", "verify"):
            call("dataset", question, dataset)
        call("dataset", "profile", dataset, "--to", str(state / "profile.html"))
        call("dataset", "build", LINE, "--as-of", "2017-10-01", "--explain")
        call("features", "publish", LINE)
        if find_spec("pyspark"):
            call("tables", "refresh", LINE)
            call("dataset", "build", LINE, "--as-of", "2017-06-15", "--engine", "spark")
        call("ledger", "compact", LINE)
        for page in ("report", "dashboard"):
            call(page, LINE, "--to", str(state / f"{page}.html"))
        call("delivery", "reconcile", LINE)
        call("consumers", "add", LINE, "crm", "--where", "action=remind")
        call("consumers", "list", LINE)
        call("status")
        call("board")
        call("performance", LINE)
        call("logs", run)
    finally:
        call("down", "--interrupt")


class _Caller:
    def __init__(self, state: Path, say: Callable[[str], None]) -> None:
        self._state, self._say = state, say

    def __call__(self, *arguments: str) -> Any:
        self._say(f"line {' '.join(arguments)[:60]}")
        command = [sys.executable, "-m", "assembly_line.cli", "--state", str(self._state), "--json", *arguments]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False, env=dict(os.environ)
        )
        if answer.returncode:
            raise RunFailed(f"line {arguments[0]}: {(answer.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        return json.loads(answer.stdout)
