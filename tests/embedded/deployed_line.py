"""An embedded AWS with the stacks and a slice of the tables: what the tests of the whole line act on."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target, embedded_target
from assembly_line.embedded import processes
from assembly_line.embedded.supervisor import running
from assembly_line.names import LedgerKind
from assembly_line.stations import DATASET
from assembly_line.storage.services.machines import Execution
from assembly_line.throughput.recorded import RecordedEvent
from tests.embedded.line_command import LineCommand
from tests.waiting import eventually

LINE = "coupon_redemption"
TRAIN = ("train", LINE, "--as-of", "2017-07-01", "--as", "scientist")


@dataclass(frozen=True)
class Deployed:
    """The command, bound to its state folder, and what was put into it."""

    line: LineCommand
    raw: Path
    folder: Path
    lines: Path

    @property
    def target(self) -> Target:
        return embedded_target(self.line.state)

    def release(self, lines: Path) -> None:
        assert self.line("release", LINE, "--lines", str(lines)).code == ExitCode.OK

    def predictions(self) -> list[dict[str, Any]]:
        return self.ledger(LedgerKind.PREDICTIONS)

    def ledger(self, kind: LedgerKind) -> list[dict[str, Any]]:
        return list(self.target.ledger.read(LINE, kind))

    @property
    def dataset_machine(self) -> str:
        return self.target.named(DATASET.parameter)

    def station_events(self) -> list[RecordedEvent]:
        return list(self.target.event_log.read())

    def end(self, arn: str) -> Execution:
        """The execution, once it is over."""
        target = self.target
        return eventually(lambda: over(target, arn))

    def kill_the_job(self, arn: str, program: str) -> Execution:
        """Kill the process of a job that runs `program` for this execution, and wait for the execution's end."""
        target, sagemaker = self.target, running(self.line.state).processes["sagemaker"]

        def workers() -> list[processes.ProcessIdentity]:
            found = processes.descendants(sagemaker)
            return [child for child in found if program.encode() in command_line(child.pid)]

        eventually(lambda: workers() or over(target, arn))
        for child in workers():
            os.kill(child.pid, signal.SIGKILL)
        return self.end(arn)


def over(target: Target, arn: str) -> Execution | None:
    """The execution if it is over."""
    found = target.machines.describe(arn)
    return None if found.status == "RUNNING" else found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
