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
from tests.embedded.line_slice import REPOSITORY
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

    def champion(self) -> dict[str, Any]:
        """The one that decides now; trained and approved if there is none yet."""
        (line,) = [one for one in self.line("status").document["lines"] if one["line"] == LINE]
        if line["champion"] is None:
            self.release(REPOSITORY / "lines")
            run = self.line(*TRAIN).document["run_id"]
            judged = self.line("review", "approve", LINE, run, "--reason", "looks fine", "--as", "reviewer")
            assert judged.code == ExitCode.OK, judged.err
        return self.target.control.champion(LINE).to_json()

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
        target = self.target
        eventually(lambda: self._workers(program) or over(target, arn))
        for child in self._workers(program):
            os.kill(child.pid, signal.SIGKILL)
        return self.end(arn)

    def kill_the_training(self, arn: str, job: str, *, after: str) -> Execution:
        """As `kill_the_job`, of one training job alone: it is held, and killed once the execution has left `after`."""
        target = self.target
        held = eventually(lambda: self._workers("-m\0train", job=job) or over(target, arn))
        assert isinstance(held, list), "the job ended before it could be held"
        for child in held:
            os.kill(child.pid, signal.SIGSTOP)
        eventually(lambda: any(one.name == after and one.exited for one in target.machines.states(arn)))
        for child in held:
            os.kill(child.pid, signal.SIGKILL)
        return self.end(arn)

    def _workers(self, program: str, *, job: str = "") -> list[processes.ProcessIdentity]:
        found = processes.descendants(running(self.line.state).processes["sagemaker"])
        return [
            child
            for child in found
            if program.encode() in told_of(child.pid, "cmdline") and job.encode() in told_of(child.pid, "environ")
        ]


def over(target: Target, arn: str) -> Execution | None:
    """The execution if it is over."""
    found = target.machines.describe(arn)
    return None if found.status == "RUNNING" else found


def told_of(pid: int, what: str) -> bytes:
    """`cmdline` or `environ` of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""
