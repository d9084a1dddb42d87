"""Runs as they were recorded: what a line has tried, one of them whole, and where two differ."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assembly_line.errors import AssemblyError, NotFound
from assembly_line.names import ControlKey, review_item
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import execution_arn, runs
from assembly_line.training.comparison import declared_differences, differences, in_order, question_of
from assembly_line.training.review import EXPIRED, NOT_PASSED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assembly_line.storage import Account
    from assembly_line.training.comparison import Difference


def history(account: Account, line: str) -> list[dict[str, Any]]:
    """Every run that was asked for by the API or came to a review, the latest first.

    Raises:
        NotFound: the line was never released.
    """
    control = account.control
    control.current_release(line)
    asked = {run["run_id"]: run for run in control.runs(line)}
    reviews = {review["run_id"]: review for review in control.reviews(line)}
    deciding = (control.read(line, ControlKey.CHAMPION) or {}).get("run_id")
    gone = {run["run_id"] for run in control.expired(line)}
    found = [_summary(account, asked.get(run), reviews.get(run), run, deciding) for run in {**asked, **reviews}]
    found = [{**run, "state": EXPIRED} if run["run_id"] in gone else run for run in found]
    return sorted(found, key=lambda run: str(run["asked_at"] or run["opened_at"]), reverse=True)


def told_of(account: Account, line: str, run_id: str) -> dict[str, Any]:
    """One run as `history` tells it. One that was started by hand is known once it came to a review."""
    asked, review = account.control.run(line, run_id), account.control.read(line, review_item(run_id))
    deciding = (account.control.read(line, ControlKey.CHAMPION) or {}).get("run_id")
    return _summary(account, asked, review, run_id, deciding)


def record_of(account: Account, line: str, run_id: str) -> dict[str, Any]:
    """The record of a run: everything that is needed to repeat it.

    Raises:
        NotFound: there is no such run, or it did not come to the end of its training.
    """
    try:
        return account.run(line, run_id).read_json(runs.RECORD)
    except NotFound as error:
        raise NotFound(
            f"run {run_id!r} of line {line!r} has no record: it does not exist, or its training did not end well; "
            f"`line runs list {line}` lists the runs, `line logs {run_id}` shows what happened",
            where="run",
            value=repr(run_id),
            expected=f"a run of line {line} that trained to the end",
        ) from error


def runs_compared(account: Account, line: str, first: str, second: str) -> dict[str, Any]:
    """The figures of two runs, and where the runs differ.

    `question` names what they were asked differently; None where a release is gone that would tell.

    Raises:
        NotFound: one of them has no record.
    """
    records = {run: record_of(account, line, run) for run in (first, second)}
    found = differences(records[first], records[second])
    declared = _declared_otherwise(account, records[first]["release"], records[second]["release"])
    return {
        "line": line,
        "runs": [first, second],
        "figures": [records[run]["evaluation"]["metrics"] for run in (first, second)],
        "question": None if declared is None else question_of(declared),
        "differences": [asdict(one) for one in in_order([*found, *(declared or ())])],
    }


def _declared_otherwise(account: Account, first: str, second: str) -> list[Difference] | None:
    """Where the declarations of two releases differ; None if one cannot be read any more."""
    if first == second:
        return []
    try:
        return declared_differences(account.released.of_release(first), account.released.of_release(second))
    except AssemblyError:
        return None


def _summary(
    account: Account, asked: Mapping[str, Any] | None, review: Mapping[str, Any] | None, run: str, deciding: str | None
) -> dict[str, Any]:
    packet = review["packet"] if review else {}
    return {
        "run_id": run,
        "asked_at": asked and asked["requested_at"],
        "opened_at": review and review["opened_at"],
        "author": (asked or review or {}).get("author"),
        "state": "champion" if run == deciding else _state(account, review, run),
        "as_of": packet.get("as_of"),
        "dataset_id": packet.get("dataset_id"),
        "release": packet.get("release"),
        "metrics": packet.get("metrics"),
    }


def _state(account: Account, review: Mapping[str, Any] | None, run: str) -> str:
    """How far the run is: what the review says, else what became of the execution."""
    if review and review["state"] == NOT_PASSED:
        return "did not pass"
    if review and review["state"] != "waiting":
        return "approved" if review["decision"] == "approve" else "rejected"
    try:
        status = account.machines.describe(execution_arn(account.named(TRAINING_RUN.parameter), run)).status
    except NotFound:
        return UNKNOWN
    if status == "RUNNING":
        return "waiting" if review else "running"
    return status.lower().replace("_", " ")
