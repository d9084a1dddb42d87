"""The replayed year after the training: decide, deliver, act, override, and let time pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.cli.days import bounds
from assembly_line.cli.demo.overrides import simulated_overrides
from assembly_line.cli.demo.timeline import Step, scored
from assembly_line.cli.feedback_files import send_all
from assembly_line.cli.runs import run_name
from assembly_line.cli.waiting import require_success, wait
from assembly_line.instants import format_instant
from assembly_line.names import LedgerKind, Parameter
from assembly_line.requests import OutcomesRequest, ScoringRequest
from assembly_line.storage.ledger.ledger import Ledger

if TYPE_CHECKING:
    from assembly_line.cli.demo.consumer import Consumer
    from assembly_line.cli.target import Target
    from assembly_line.declarations.lines import Line

Say = Callable[[str], None]
# The application looks at its queue in the evening of the day.
EVENING = timedelta(hours=18)


@dataclass
class Year:
    """Replays the steps; the sums are complete when `run` has returned.

    Business time keeps its order: the decisions of a day are scored, delivered and applied before those of the next
    day. Overrides and outcomes are no input of scoring; they follow in their own order, while the next day goes on.
    """

    target: Target
    line: Line
    consumer: Consumer
    zone: str
    scoring: Counter[str] = field(default_factory=Counter)
    overrides: int = 0
    derived: int = 0
    runs: list[str] = field(default_factory=list)

    def run(self, steps: Sequence[Step], say: Say) -> None:
        """Replay every step.

        Raises:
            RunFailed: an execution or the application failed.
        """
        of, days = len(scored(steps)), 0
        with ThreadPoolExecutor(max_workers=1) as aftermath:
            following: list[Future[None]] = []
            for step in steps:
                for earlier in following[:-1]:
                    earlier.result()
                if step.day is not None:
                    days += 1
                    names = ", ".join(map(str, step.campaigns))
                    say(f"{step.day}, campaign {names}: scoring ({days} of {of} days)")
                    self._score(step)
                    # Before the next day is scored: else it would be offered messages of the future.
                    self.consumer.run(step.at + EVENING, expected=self.scoring["delivered"])
                following.append(aftermath.submit(self._follow, step))
            for last in following:
                last.result()

    def _score(self, step: Step) -> None:
        if step.day is None:
            return
        replayed = {**bounds(step.day, self.zone), "at": format_instant(step.at)}
        request = ScoringRequest.parse({"line": self.line.name, **replayed})
        output = self._execute(Parameter.SCORING_MACHINE, "score", request, step)
        self.scoring.update({name: output[name] for name in ("offered", "delivered", "quarantined", "dead_lettered")})

    def _follow(self, step: Step) -> None:
        if step.day is not None:
            self._override(step)
        if step.outcomes:
            request = OutcomesRequest.parse({"line": self.line.name, "as_of": format_instant(step.at)})
            self.derived += self._execute(Parameter.OUTCOMES_MACHINE, "outcomes", request, step)["derived"]

    def _override(self, step: Step) -> None:
        since, until = f"{step.at:%Y%m%d}", f"{step.at + timedelta(days=1):%Y%m%d}"
        predictions = Ledger(self.target.ledger).read(
            self.line.name, LedgerKind.PREDICTIONS, since_day=since, until_day=until
        )
        events = simulated_overrides(predictions, self.line.policy.actions)
        self.overrides += len(send_all(self.target.api("decider"), events)) if events else 0

    def _execute(self, machine: Parameter, step_name: str, request: Any, step: Step) -> dict[str, Any]:
        name = run_name(self.line.name, step_name, step.at)
        self.runs.append(name)
        arn = self.target.machines.start(self.target.parameters.value(machine), name, request.to_json())
        output: dict[str, Any] = require_success(wait(self.target, arn, show=lambda _: None))
        return output
