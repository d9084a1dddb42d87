"""`line train --explain`: the jobs of a run before anything is started or paid for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line import Validation
from assembly_line.cli.target import Target
from assembly_line.release import Release
from assembly_line.stations import TRAINING_RUN
from tests.unit.training.test_searches import TUNING
from tests.unit.training.test_searches import line as searching

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"


@pytest.fixture(autouse=True)
def target(target: Target, line: Command) -> Target:
    line("release", LINE)
    return target


def release(target: Target, validation: Validation | None = None, **training: Any) -> None:
    scripts, declared = target.released.release(LINE).scripts, searching(**training)
    declared = replace(declared, validation=validation or declared.validation)
    target.control.set_current_release(LINE, target.releases.publish(Release(declared, scripts)))


def planned(line: Command, *arguments: str) -> Any:
    return json.loads(line("train", LINE, "--explain", "--json", *arguments).out)


def test_the_jobs_of_a_run_are_shown_with_instances_and_time_limits_and_nothing_starts(
    target: Target, line: Command
) -> None:
    release(target, spot=True, timeout=timedelta(hours=2), instance_count=2)

    found = planned(line)

    steps = {job["step"]: job for job in found["jobs"]}
    assert list(steps) == ["search", "judged", "final"]
    assert (steps["search"]["jobs"], steps["search"]["at_once"]) == (TUNING.trials, TUNING.parallel)
    assert {(job["runs_seconds"], job["takes_seconds"], job["spot"]) for job in found["jobs"]} == {(7200, 10800, True)}
    assert {job["instance_count"] for job in found["jobs"]} == {2}
    assert (found["search"], "max_depth" in found["hyperparameters"]) == (["max_depth", "subsample"], False)
    machine = target.named(TRAINING_RUN.parameter)
    assert boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []
    shown = " ".join(line("train", LINE, "--explain").out.split())
    for words in ("20 4 2 x ml.m5.large (spot)", "SM_CHECKPOINT_DIR", "sees nothing of the holdout", "3 times in all"):
        assert words in shown, words


def test_what_each_job_learns_from_is_shown_and_every_job_is_counted(target: Target, line: Command) -> None:
    looked_into = Validation(
        replicate=True, replicate_on="ml.c5.xlarge", folds=2, planted_noise=True, learning_curve=(0.25,)
    )
    release(target, looked_into)

    found = planned(line)

    earlier, held_out = "the earlier decisions", "the held-out decisions"
    assert [(job["step"], job["learns_from"], job["asked_about"]) for job in found["jobs"][1:]] == [
        ("judged", earlier, held_out),
        ("final", "all decisions", f"{held_out}, to check the path"),
        ("replica", earlier, held_out),
        ("fold 1", "the decisions before fold 1", "fold 1"),
        ("fold 2", "the decisions before fold 2", "fold 2"),
        ("noise", f"{earlier}, with planted noise", held_out),
        ("part 1", f"25% of {earlier}", held_out),
    ]
    elsewhere = [job["step"] for job in found["jobs"] if job["instance_type"] == "ml.c5.xlarge"]
    assert (elsewhere, found["training_jobs"]) == (["replica"], TUNING.trials + 7)
    shown = " ".join(line("train", LINE, "--explain").out.split())
    for words in ("starts 27 training jobs", "Folds, noise and parts run 3 at once", "part 1 25% of the earlier"):
        assert words in shown, words


def test_what_a_request_fixes_is_not_searched(target: Target, line: Command) -> None:
    release(target)
    fixed = [part for value in ("max_depth=4", "subsample=0.7") for part in ("--hyperparameter", value)]

    found = planned(line, *fixed)

    assert [job["step"] for job in found["jobs"]] == ["judged", "final"]
    assert (found["search"], found["hyperparameters"]["max_depth"], found["notes"]) == ([], "4", [])


def test_a_hyperparameter_that_is_not_declared_is_refused(line: Command) -> None:
    answer = line("train", LINE, "--explain", "--hyperparameter", "depth=4")
    assert answer.code != 0
    assert "declares no such hyperparameter" in answer.err
