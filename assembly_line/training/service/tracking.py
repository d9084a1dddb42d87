"""Runs for an experiment tracker: everything that is kept of each, so that a tracker can be filled at any time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from assembly_line.errors import Conflict, NotFound
from assembly_line.instants import format_instant
from assembly_line.names import EXECUTION_SOURCE, review_item
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import execution_arn, paid_seconds, runs
from assembly_line.training.review import EXPIRED
from assembly_line.training.service.recorded import history, told_of
from assembly_line.training.service.reviews import shown
from assembly_line.training.tracked import REVIEW, RUN, TrackedRun, experiment_of, key_of, tracked

if TYPE_CHECKING:
    from assembly_line.storage import Account


class Tracker(Protocol):
    """Where runs are recorded."""

    def keep(self, run: TrackedRun) -> str:
        """Write a run that is not there, or that changed since, and say what became of it."""

    def forget(self, experiment: str, keys: Collection[str]) -> None:
        """Delete runs that the line does not keep any more."""


def record_in(account: Account, line: str, tracker: Tracker) -> dict[str, str]:
    """Give every run of a line to a tracker, the latest first; run -> what became of it there.

    Runs that have expired go there, too.

    Raises:
        NotFound: the line was never released.
    """
    kept = {run.name: tracker.keep(run) for run in tracked_runs(account, line)}
    forget_in(account, line, tracker)
    return kept


def forget_in(account: Account, line: str, tracker: Tracker) -> None:
    """Let a tracker forget the runs that have expired."""
    if keys := forgotten_runs(account, line):
        tracker.forget(experiment_of(account.environment, line), keys)


def tracked_runs(account: Account, line: str) -> Iterator[TrackedRun]:
    """Every run of a line for a tracker, the latest first."""
    return (_tracked(account, line, found) for found in history(account, line) if found["state"] != EXPIRED)


def forgotten_runs(account: Account, line: str) -> list[str]:
    """Keys of runs that have expired, which no tracker shall have."""
    return [key_of(account.environment, line, run["run_id"]) for run in account.control.expired(line)]


def tracked_run(account: Account, told: Told) -> TrackedRun:
    """One run for a tracker, as far as it is now.

    Raises:
        Conflict: its review is not open yet.
    """
    found = told_of(account, told.line, told.run_id)
    if told.waits and found["state"] == "running":
        raise Conflict(f"run {told.run_id} (line {told.line}): its review is not open yet; it is recorded once it is")
    return _tracked(account, told.line, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event about a run. `waits`: it waits for its review, which the machine opens next."""

    line: str
    run_id: str
    waits: bool


def run_told_of(event: Mapping[str, Any]) -> Told | None:
    """The run of an event of EventBridge; None of a run that names no line.

    Args:
        event: a station event of training, or what Step Functions tells of an execution of the training machine.
    """
    detail = event["detail"]
    if event.get("source") != EXECUTION_SOURCE:
        return Told(line=str(detail["line"]), run_id=str(detail["item"]), waits=detail["kind"] == "waiting")
    try:
        line = json.loads(detail.get("input") or "{}").get("line")
    except (ValueError, AttributeError):  # the run refused it as well
        line = None
    return Told(line=line, run_id=str(detail["name"]), waits=False) if isinstance(line, str) else None


def _tracked(account: Account, line: str, found: Mapping[str, Any]) -> TrackedRun:
    record, review = _record(account, line, found["run_id"]), _review(account, line, found["run_id"])
    started, stopped = _execution(account, found["run_id"])
    return tracked(
        account.environment,
        line,
        {**found, "asked_at": found["asked_at"] or started},
        record=record,
        review=review,
        seconds=paid_seconds(account.client("sagemaker"), line, found["run_id"]),
        ended=found["opened_at"] or stopped,
        files=_files(record, review),
    )


def _record(account: Account, line: str, run_id: str) -> dict[str, Any] | None:
    try:
        return account.run(line, run_id).read_json(runs.RECORD)
    except NotFound:
        return None


def _review(account: Account, line: str, run_id: str) -> dict[str, Any] | None:
    found = account.control.read(line, review_item(run_id))
    return None if found is None else shown(found)


def _execution(account: Account, run_id: str) -> tuple[str | None, str | None]:
    """When it began and ended, as far as Step Functions still knows."""
    try:
        found = account.machines.describe(execution_arn(account.named(TRAINING_RUN.parameter), run_id))
    except NotFound:
        return None, None
    return format_instant(found.started), None if found.stopped is None else format_instant(found.stopped)


def _files(record: Mapping[str, Any] | None, review: Mapping[str, Any] | None) -> dict[str, bytes]:
    kept = {RUN: record, REVIEW: review}
    return {name: json.dumps(one, indent=2, sort_keys=True).encode() for name, one in kept.items() if one is not None}
