"""Requests for datasets in the deployed machine: explained without a trace, built once, cancelled and free at once."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.errors import Conflict
from assembly_line.features import dataset_runs
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.stations import DATASET
from assembly_line.throughput.station_visits import visits
from tests.embedded.deployed_line import LINE, Deployed
from tests.waiting import eventually

BUILD = ("dataset", "build", LINE, "--as-of")


def start(deployed: Deployed, as_of: str) -> dict[str, Any]:
    started: dict[str, Any] = deployed.line(*BUILD, as_of, "--no-wait").document
    return started


def entered(deployed: Deployed, arn: str) -> list[str]:
    return [visit.name for visit in deployed.target.machines.states(arn)]


def holds_its_dataset(target: Target, arn: str) -> bool:
    return "Claim" in [visit.name for visit in target.machines.states(arn)]


def test_an_explanation_leaves_no_trace_and_tells_the_dataset_that_is_built(deployed: Deployed) -> None:
    target = deployed.target
    before = {item.key for item in target.store.list("datasets/")}

    told = deployed.line(*BUILD, "2017-06-01", "--explain").document

    assert {item.key for item in target.store.list("datasets/")} == before
    assert (told["exists"], told["line"]) == (False, LINE)
    assert told["estimate"]["usd"] > 0
    built = deployed.line(*BUILD, "2017-06-01").document
    assert built["dataset_id"] == told["dataset_id"]
    machine = target.named(DATASET.parameter)
    (explained,) = [name for name, _ in target.machines.recent(machine) if "-explain-" in name]
    items = eventually(lambda: {event.item for event in target.event_log.read()})
    assert explained not in items


def test_model_inputs_are_prepared_by_the_machine_and_fetched_as_files(deployed: Deployed, tmp_path: Path) -> None:
    asked = (*BUILD, "2018-01-02", "--features", "spend_30d,campaign_type,age")
    linear = deployed.line(*asked, "--for", "linear").document
    ranking = deployed.line(*asked, "--for", "ranking", "--set", "group=campaign_id").document

    assert (linear["exists"], ranking["exists"]) == (False, True)
    for built in (linear, ranking):
        inputs = built["shape"]
        folder = tmp_path / inputs["type"]
        got = deployed.line("dataset", "get", built["dataset_id"], "--inputs", inputs["shape_id"], "--to", str(folder))
        assert got.code == ExitCode.OK
        train = next(part["rows"] for part in inputs["parts"] if part["name"] == "train")
        rows = {
            "linear": lambda at: len(read_columns(at / "train.parquet")["redeemed"]),
            "ranking": lambda at: sum(map(int, (at / "train.groups.csv").read_text().split())),
        }[inputs["type"]](folder)
        assert rows == train > 0
        assert (folder / "fitted.json").exists()
    listed = deployed.line("dataset", "inputs", linear["dataset_id"]).document
    assert {one["model"]["type"] for one in listed} == {"linear", "ranking"}


def test_of_two_equal_requests_at_once_one_builds_and_the_other_waits_for_it(deployed: Deployed) -> None:
    runs = [start(deployed, "2017-06-02") for _ in range(2)]

    ends = [deployed.end(run["execution_arn"]) for run in runs]

    assert [end.status for end in ends] == ["SUCCEEDED", "SUCCEEDED"], [end.reason for end in ends]
    assert len({end.output["dataset_id"] for end in ends}) == 1
    assert sorted(end.output["exists"] for end in ends) == [False, True]
    assert sum("Build" in entered(deployed, run["execution_arn"]) for run in runs) == 1


def cancelled(deployed: Deployed) -> tuple[str, dict[str, Any]]:
    """A run that was cancelled once it held its dataset. One that ends before that proves nothing.

    By the service that the command calls: a program of its own starts too late on a busy machine, and so does whoever
    makes new clients for each call. Even so, most runs may end first there: a day is tried after the other.
    """
    target = deployed.target
    for day in (f"2017-06-{number:02}" for number in range(3, 31)):
        run = start(deployed, day)
        eventually(partial(holds_its_dataset, target, run["execution_arn"]))
        with suppress(Conflict):
            if dataset_runs.cancelled(target, run["run_id"], by="test")["status"] == "ABORTED":
                return day, run
    raise AssertionError("every run ended before it could be cancelled")


def test_a_cancelled_run_frees_its_dataset_and_does_not_stay_open_on_the_board(deployed: Deployed) -> None:
    day, run = cancelled(deployed)

    # A function that was at work when its execution was cancelled may still finish; nothing waits for it.
    again = deployed.line(*BUILD, day).document
    assert again["rows"] > 0
    target = deployed.target
    # It may have announced its end before it was cancelled: the event of that is awaited, and not the first of any end.
    (told,) = eventually(
        lambda: [event for event in target.event_log.read() if (event.item, event.kind) == (run["run_id"], "failed")]
    )
    assert {one.result for one in visits(target.event_log.read()) if one.item == run["run_id"]} == {"failed"}
    assert told.cause is not None
    assert told.cause.startswith("stopped")
    assert deployed.line("dataset", "cancel", run["run_id"]).code == ExitCode.OK
    assert deployed.line("dataset", "cancel", again["run_id"]).code == ExitCode.REFUSED
