"""The demo from beginning to end: stations in order, what each found, and what to do when one fails."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli import reviewing
from assembly_line.cli.exits import describe
from assembly_line.cli.invocation import program
from assembly_line.cli.releasing import release_lines
from assembly_line.cli.target import embedded_target
from assembly_line.cli.waiting import require_success, wait
from assembly_line.embedded import StateFolder, require_nothing_at_work, stop
from assembly_line.errors import RequestRefused, RunFailed
from assembly_line.features import load_into, raw_tables
from assembly_line.feedback import judged_line
from assembly_line.instants import format_instant
from assembly_line.names import Parameter, run_name
from assembly_line.requests import DatasetRequest, TrainingRequest
from assembly_line.stations import DATASET
from demo import figures as figures_of
from demo.consumer import CONSUMER, Consumer
from demo.figures import Figures
from demo.platform import Platform, prepare
from demo.settling import drained, settled_board
from demo.stages import Stages
from demo.summary import draw
from demo.timeline import Step, campaigns_of, timeline
from demo.year import Year

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.cli.target import Target
    from assembly_line.declarations.lines import Line

LINE = "coupon_redemption"
SUBSCRIBER = "campaign_desk"
BY = "campaign_id"
TRAINED_AT = datetime(2017, 7, 1, tzinfo=UTC)
# By then the outcomes of three campaigns are certain that the champion decided.
CHALLENGED_AT = datetime(2017, 10, 1, tzinfo=UTC)
# Two days after the data ends: every outcome that it can tell is certain.
OBSERVED_AT = datetime(2018, 1, 2, tzinfo=UTC)
STAGES = 9


def run_demo(session: Session) -> None:
    """Run everything, print the summary, write `demo.json`, stop what was started.

    Raises:
        RequestRefused: another environment than the embedded one was named, or work is going on in that one.
        RunFailed: a station failed; the message names it, the reason, and how to see more.
    """
    if not session.embedded:
        raise RequestRefused("`line demo` runs in the embedded AWS only; leave --environment out")
    require_nothing_at_work(session.state)
    demo = Demo(session)
    try:
        with stopped_at_the_end(demo):
            found = demo.run()
    except Exception as error:
        where = demo.stages.current or "the end"
        raise RunFailed(
            f"the demo failed in {where!r}: {describe(error)}\n"
            f"Everything up to there is kept: `{program()} up`, then `line status` and `line board`; logs of the "
            f"embedded AWS are in {session.state / 'logs'}; `line demo` begins anew"
        ) from error
    session.output.result(found.to_json(), draw(found, session.state))


@contextlib.contextmanager
def stopped_at_the_end(demo: Demo) -> Iterator[None]:
    """Stop the embedded AWS however the demo ends, also when it is interrupted or told to end.

    The next demo removes an account that this one began, unless somebody works in it in between.
    """
    state, note = demo.session.state, demo.session.output.note
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        if stop(state, report=note).clean and demo.has_begun:
            StateFolder(state).mark_disposable()


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


@dataclass
class Demo:
    """The demo's stations; each leaves what it found in `figures`."""

    session: Session

    def __post_init__(self) -> None:
        self.runs: list[str] = []
        self.has_begun = False
        self.stages = Stages(self.session.output, of=STAGES)
        self.figures = Figures(
            line=LINE,
            trained_at=format_instant(TRAINED_AT),
            challenged_at=format_instant(CHALLENGED_AT),
            observed_at=format_instant(OBSERVED_AT),
        )

    def run(self) -> Figures:
        began = time.monotonic()
        (self.session.state / "demo.json").unlink(missing_ok=True)
        target, platform = self._platform()
        self.has_begun = True
        with contextlib.ExitStack() as until_the_end:
            temporary = tempfile.TemporaryDirectory(prefix="demo-", dir=self.session.state / "tmp")
            folder = Path(until_the_end.enter_context(temporary))
            raw = self._sources(target, folder, until_the_end)
            line = target.released.current(LINE)
            self._dataset(target)
            self._training(target)
            year = self._year(target, platform, line, folder)
            steps = timeline(campaigns_of(line, raw), trained_at=TRAINED_AT, last=OBSERVED_AT, zone=year.zone)
            self._campaigns("Campaigns of July to September", year, [each for each in steps if each.at < CHALLENGED_AT])
            self._challenger(target)
            self._campaigns(
                "Campaigns of October to December", year, [each for each in steps if each.at >= CHALLENGED_AT]
            )
            self._delivered(target, year, steps)
            self._performance(target, line)
            self._throughput(target)
        self.figures.stages = self.stages.seconds
        self.figures.total_seconds = round(time.monotonic() - began, 1)
        self.figures.write(self.session.state / "demo.json")
        return self.figures

    def _platform(self) -> tuple[Target, Platform]:
        with self.stages.stage("Embedded AWS and stacks") as stage:
            platform = prepare(self.session.state, stage.say, self.session.output.note)
            target = embedded_target(self.session.state)
            stage.say("releasing the lines")
            release_lines(self.session, target, self.session.lines)
            self.figures.deployment = {
                "seconds": platform.seconds,
                "stack_names": list(platform.stacks),
                "restored": platform.restored,
                "synth_seconds": platform.synth_seconds,
                "cdk_seconds": platform.cdk_seconds,
            }
            how = "restored as deployed before" if platform.restored else "synthesized and deployed"
            stage.result = f"{len(platform.stacks)} stacks {how}, at {target.where.rsplit(' ', 1)[-1]}"
        return target, platform

    def _sources(self, target: Target, folder: Path, until_the_end: contextlib.ExitStack) -> Path:
        with self.stages.stage("Raw tables into the lake") as stage:
            fetched = raw_tables(self.session.lines, LINE, None, stage.say, within=folder)
            raw = until_the_end.enter_context(fetched)
            loaded = load_into(target, LINE, raw, stage.say)
            stage.result = ", ".join(f"{one.rows:,} {one.source}" for one in loaded)
        return raw

    def _dataset(self, target: Target) -> None:
        with self.stages.stage("Dataset as of 2017-07-01") as stage:
            request = DatasetRequest.parse({"line": LINE, "purpose": "training", "as_of": format_instant(TRAINED_AT)})
            name = run_name(LINE, "dataset", TRAINED_AT)
            self.runs.append(name)
            arn = target.machines.start(target.named(DATASET.parameter), name, request.to_json())
            found = figures_of.dataset(require_success(wait(target, arn, show=stage.say)))
            self.figures.dataset = found
            stage.result = f"{found['rows']:,} mature decisions x {found['features']} features, {found['engine']}"

    def _training(self, target: Target) -> None:
        with self.stages.stage("Training and review") as stage:
            request = TrainingRequest.parse({"line": LINE, "as_of": format_instant(TRAINED_AT)})
            started = reviewing.start(target, request, "scientist")
            self.runs.append(started["run_id"])
            review = reviewing.wait_until_review(target, LINE, started, stage.say)
            self.figures.training = figures_of.training(review["packet"])
            stage.say("the reviewer decides")
            reason = (
                f"Simulated review of the demo. Log loss on later campaigns {self.figures.training['log_loss']:.4f}, "
                f"of the prior rate {self.figures.training['prior_log_loss']:.4f}."
            )
            decided = reviewing.judge(
                target, LINE, started["run_id"], decision="approve", reason=reason, role="reviewer", show=stage.say
            )
            self.figures.review = {name: decided[name] for name in ("author", "reviewer", "decision", "reason")}
            auc = self.figures.training["auc"]
            stage.result = f"AUC {auc:.3f} on later campaigns; approved by another than the author"

    def _challenger(self, target: Target) -> None:
        """Train on what three more months taught. The reviewer lets it decide if it is clearly better."""
        with self.stages.stage("Challenger and review") as stage:
            request = TrainingRequest.parse({"line": LINE, "as_of": format_instant(CHALLENGED_AT)})
            started = reviewing.start(target, request, "scientist")
            self.runs.append(started["run_id"])
            packet = reviewing.wait_until_review(target, LINE, started, stage.say)["packet"]
            found = figures_of.challenger(packet)
            better = found["says"] == "better"
            reason = (
                f"Simulated review of the demo. The {found['words']} on {found['compared_rows']:,} decisions of the "
                f"champion: {found['challenger']:.4f} in place of {found['champion']:.4f}, which is "
                f"{'better' if better else 'no clear progress'}."
            )
            decided = reviewing.judge(
                target,
                LINE,
                started["run_id"],
                decision="approve" if better else "reject",
                reason=reason,
                role="reviewer",
                show=stage.say,
            )
            self.figures.challenger = {**found, **{name: decided[name] for name in ("reviewer", "decision", "reason")}}
            done = "takes over" if better else "is kept, the champion goes on"
            stage.result = (
                f"{found['words']} {found['challenger']:.4f}, champion {found['champion']:.4f}; the challenger {done}"
            )

    def _year(self, target: Target, platform: Platform, line: Line, folder: Path) -> Year:
        consumer = Consumer(
            queue_url=target.queue_url(target.parameters.subscriber_queue(LINE, SUBSCRIBER)),
            feedback_queue_url=target.queue_url(target.named(Parameter.FEEDBACK_QUEUE)),
            database=folder / "campaign_desk.sqlite",
            log=self.session.state / "logs" / "consumer.log",
            environment=platform.runtime.client_environment() | {"AWS_ACCESS_KEY_ID": CONSUMER},
            actions=line.policy.actions,
        )
        return Year(target, line, consumer, line.decision.zone)

    def _campaigns(self, title: str, year: Year, steps: Sequence[Step]) -> None:
        with self.stages.stage(title) as stage:
            before = year.scoring["delivered"], year.overrides
            year.run(steps, stage.say)
            delivered, overridden = year.scoring["delivered"] - before[0], year.overrides - before[1]
            stage.result = f"{delivered:,} predictions delivered, {overridden} overridden (simulated)"

    def _delivered(self, target: Target, year: Year, steps: Sequence[Step]) -> None:
        """What the year sums up to, once the last feedback has arrived."""
        drained(target, year.consumer.feedback_queue_url)
        self.runs += year.runs
        self.figures.scoring = {**year.scoring, "campaigns": sum(len(step.campaigns) for step in steps)}
        self.figures.consumer = dict(year.consumer.counts)

    def _performance(self, target: Target, line: Line) -> None:
        with self.stages.stage("Outcomes and performance") as stage:
            judged = judged_line(target, line, by=BY)
            self.figures.feedback = dict(judged.counts)
            self.figures.performance, self.figures.performance_pooled = figures_of.performance(judged.performance)
            pooled = self.figures.performance_pooled
            stage.result = f"AUC {pooled['auc']:.3f} over {pooled['rows']:,} mature decisions"

    def _throughput(self, target: Target) -> None:
        with self.stages.stage("The line's own throughput") as stage:
            board = settled_board(target, LINE, self.runs)
            self.figures.board = board
            stage.result = f"{sum(kind.items for kind in board.kinds)} work items, most time in {board.most_time_in}"
