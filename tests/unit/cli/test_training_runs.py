"""`line runs`: what a line has tried, one run whole, and two compared."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from rich.console import Console

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.cli.views.retention import draw_expired
from assembly_line.names import run_prefix
from assembly_line.stations import TRAINING_RUN
from tests.unit.training.test_comparison import RECORD, changed

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"
ANNA, BEN = (f"arn:aws:sts::0:assumed-role/{name}" for name in ("Scientist/anna", "Reviewer/ben"))


@pytest.fixture(autouse=True)
def target(target: Target, line: Command) -> Target:
    line("release", LINE)
    return target


def ask(target: Target, run: str, day: int) -> None:
    request = {"author": ANNA, "requested_at": f"2026-11-0{day}T00:00:00.000000Z"}
    target.control.add_run(LINE, run, request)
    boto3.client("stepfunctions").start_execution(stateMachineArn=target.named(TRAINING_RUN.parameter), name=run)


def open_review(target: Target, run: str, **decided: str) -> None:
    packet = {"as_of": "2026-11-01T00:00:00.000000Z", "metrics": {"auc": 0.8, "log_loss": 0.4}}
    review = {"run_id": run, "line": LINE, "state": "waiting", "author": ANNA, "packet": packet, "token": "secret"}
    target.control.open_review(LINE, run, {**review, "opened_at": "2026-11-09T00:00:00.000000Z", **decided})


def record(target: Target, run: str, document: dict[str, Any]) -> None:
    target.store.write_json(f"{run_prefix(LINE, run)}run.json", document)


def test_every_run_is_listed_with_how_far_it_is_and_the_latest_first(target: Target, line: Command) -> None:
    for day, run in enumerate(("refused", "waiting", "running", "failed"), start=1):
        ask(target, run, day)
    open_review(target, "refused", state="decided", decision="reject", reviewer=BEN)
    open_review(target, "waiting")
    open_review(target, "by-hand")  # started without the API: nobody recorded who asked
    machine = target.named(TRAINING_RUN.parameter)
    stop = machine.replace(":stateMachine:", ":execution:") + ":failed"
    boto3.client("stepfunctions").stop_execution(executionArn=stop)

    found = json.loads(line("runs", "list", LINE, "--json").out)

    assert [(run["run_id"], run["state"]) for run in found] == [
        ("by-hand", "unknown"),
        ("failed", "aborted"),
        ("running", "running"),
        ("waiting", "waiting"),
        ("refused", "rejected"),
    ]
    assert "secret" not in str(found)
    assert "AUC 0.8, log loss 0.4" in line("runs", "list", LINE).out


def test_a_run_is_shown_with_what_repeating_it_takes(target: Target, line: Command) -> None:
    record(target, "run-1", dict(RECORD))

    assert json.loads(line("runs", "show", LINE, "run-1", "--json").out) == RECORD
    shown = line("runs", "show", LINE, "run-1").out
    for words in ("rounds 100", "xgboost 3.2-0", "ds-1", "0.7 to 0.9", "s" * 64):
        assert words in shown


def test_two_runs_are_compared_from_their_figures_to_where_they_begin_to_differ(target: Target, line: Command) -> None:
    record(target, "run-1", dict(RECORD))
    record(target, "run-2", changed(("evaluation", "metrics", "auc"), 0.75))
    record(target, "run-3", changed(("context", "hyperparameters", "rounds"), "200"))

    figures = line("runs", "compare", LINE, "run-1", "run-2").out
    recipe = line("runs", "compare", LINE, "run-1", "run-3").out

    assert "-0.05" in figures
    assert "The runs differ in nothing else" in figures
    assert "begin to differ at the request" in recipe
    assert "context.hyperparameters.rounds" in recipe


@pytest.mark.parametrize(
    ("part", "change", "asked"),
    [
        ("outcome", {"present": 2}, "outcome.present"),
        ("outcome", {"gap": timedelta(days=3)}, "outcome.gap"),
        ("decision", {"boundary": "at_or_before"}, "decision.boundary"),
        ("policy", {"capacity": 0.5, "version": 2}, None),
        ("decision", {"history_since": datetime(2017, 2, 1, tzinfo=UTC)}, None),
    ],
)
def test_runs_that_answer_different_questions_are_said_not_to_compare(
    target: Target, line: Command, part: str, change: dict[str, Any], asked: str | None
) -> None:
    released = target.released.release(LINE)
    declared = replace(released.line, **{part: replace(getattr(released.line, part), **change)})
    other = target.releases.publish(replace(released, line=declared))
    record(target, "run-1", changed(("release",), released.digest))
    record(target, "run-2", changed(("release",), other))

    said = " ".join(line("runs", "compare", LINE, "run-1", "run-2").out.split())
    found = json.loads(line("runs", "compare", LINE, "run-1", "run-2", "--json").out)

    assert found["question"] == ([asked] if asked else [])
    assert ("Their figures do not compare" in said) == (asked is not None)
    differing = {one["name"] for one in found["differences"] if one["step"] == "declaration"}
    assert differing == {f"{part}.{name}" for name in change}


def test_only_an_interval_is_drawn_from_one_end_to_the_other(target: Target, line: Command) -> None:
    record(target, "run-1", dict(RECORD))
    record(target, "run-2", changed(("features",), ["visits", "orders", "returns"]))

    said = " ".join(line("runs", "compare", LINE, "run-1", "run-2").out.split())

    assert "0.7 to 0.9" in said
    assert "visits, orders, returns" in said
    assert "to orders" not in said


def test_a_run_without_a_record_is_refused_with_where_to_look(line: Command) -> None:
    answer = line("runs", "show", LINE, "nope")

    assert answer.code != 0
    assert f"line runs list {LINE}" in answer.err


def test_runs_of_a_line_without_a_retention_stay_and_the_answer_says_how_to_declare_one(line: Command) -> None:
    answer = line("runs", "expire", LINE, "--yes")

    assert answer.code == ExitCode.REFUSED
    assert "declares no retention, so its runs stay" in answer.err
    assert "Retention(older_than=timedelta(days=365))" in answer.err


def test_what_goes_and_what_stays_is_shown_with_its_reason(line: Command) -> None:
    run = {"kind": "training", "used": "2026-01-01T00:00:00.000000Z", "bytes": 2048}
    found = {
        "deleted": False,
        "bytes": 2048,
        "runs": [
            {**run, "run_id": "run-1", "kept": True, "why": "it decides"},
            {**run, "run_id": "run-2", "kept": False, "why": "nothing refers to it"},
        ],
    }
    console = Console(file=io.StringIO(), width=200)

    draw_expired(found)(console)

    shown = cast(io.StringIO, console.file).getvalue()
    for words in ("run-1", "kept", "it decides", "run-2", "would go", "nothing refers to it", "2026-01-01"):
        assert words in shown
