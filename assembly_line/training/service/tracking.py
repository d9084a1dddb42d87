"""Runs for an experiment tracker: everything that is kept of each, so that a tracker can be filled at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.instants import format_instant
from assembly_line.names import review_item
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import execution_arn, paid_seconds, runs
from assembly_line.training.service.recorded import history
from assembly_line.training.service.reviews import shown
from assembly_line.training.tracked import REVIEW, RUN, TrackedRun, tracked

if TYPE_CHECKING:
    from assembly_line.storage import Account


def record_in(account: Account, line: str, keep: Callable[[TrackedRun], str]) -> dict[str, str]:
    """Give every run of a line to a tracker, the latest first; run -> what became of it there.

    Args:
        keep: writes a run that the tracker does not have, or that changed since.

    Raises:
        NotFound: the line was never released.
    """
    return {run.name: keep(run) for run in tracked_runs(account, line)}


def tracked_runs(account: Account, line: str) -> Iterator[TrackedRun]:
    """Every run of a line for a tracker, the latest first."""
    for found in history(account, line):
        record, review = _record(account, line, found["run_id"]), _review(account, line, found["run_id"])
        yield tracked(
            account.environment,
            line,
            found,
            record=record,
            review=review,
            seconds=paid_seconds(account.client("sagemaker"), line, found["run_id"]),
            ended=found["opened_at"] or _stopped(account, found["run_id"]),
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


def _stopped(account: Account, run_id: str) -> str | None:
    try:
        stopped = account.machines.describe(execution_arn(account.named(TRAINING_RUN.parameter), run_id)).stopped
    except NotFound:
        return None
    return None if stopped is None else format_instant(stopped)


def _files(record: Mapping[str, Any] | None, review: Mapping[str, Any] | None) -> dict[str, bytes]:
    kept = {RUN: record, REVIEW: review}
    return {name: json.dumps(one, indent=2, sort_keys=True).encode() for name, one in kept.items() if one is not None}
