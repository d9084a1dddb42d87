"""The steps of a run that searches hyperparameters, against a simulated account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from assembly_line import ContinuousRange, IntegerRange, Tuning
from assembly_line.errors import TrainingRejected
from assembly_line.release import Release
from assembly_line.storage import trials_of
from assembly_line.training import Trial, request_of
from lambdas.training import handler as training
from lambdas.training import searching
from tests.aws.conftest import REGION
from tests.aws.training.conftest import ReleaseAs
from tests.aws.training.training_run import LINE, RunSoFar, call

TUNING = Tuning(
    metric="validation:logloss",
    direction="Minimize",
    ranges={"max_depth": IntegerRange(2, 8), "subsample": ContinuousRange(0.5, 1.0)},
    trials=3,
    seed=5,
)
TRIALS = [
    Trial(name="t-1", status="Completed", value=0.5, hyperparameters={"max_depth": "2", "subsample": "0.90"}),
    Trial(name="t-2", status="Completed", value=0.4, hyperparameters={"max_depth": "6", "subsample": "0.75"}),
    Trial(name="t-3", status="Failed", value=None, hyperparameters={"max_depth": "8", "subsample": "0.6"}),
]


@pytest.fixture
def searching_run(run: RunSoFar, release: Release, release_as: ReleaseAs) -> RunSoFar:
    release_as(replace(release.line, training=replace(release.line.training, tuning=TUNING, spot=True)))
    return run


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What SageMaker lists, which the simulated one does not."""

    def listed(*trials: Trial) -> None:
        monkeypatch.setattr(searching, "trials_of", lambda _client, _job: list(trials))

    return listed


def best(run: RunSoFar, job: str) -> dict[str, Any]:
    answer = run.answers["context"] = call(training.prepare, {**run.event, "phase": "best", "job": job})
    assert answer["tuned"]["fold"] == run.answers["search"]["fold"]
    return answer


def trials(run: RunSoFar) -> dict[str, Any]:
    answer = run.answers["search"] = call(training.prepare, {**run.event, "phase": "trials"})
    return answer


def test_the_trials_read_the_decisions_before_the_holdout_and_report_on_the_latest_of_them(
    searching_run: RunSoFar,
) -> None:
    """Of four instants the last is held out, and the outcomes of the third were not known by then."""
    run = searching_run
    assert run.begin()["search"] == ["max_depth", "subsample"]

    prepared = trials(run)

    read = {
        name: run.store.read(run.store.key_of(prepared[f"{name}_uri"]) + f"{name}.csv").decode().splitlines()
        for name in ("train", "validation")
    }
    assert {name: len(rows) for name, rows in read.items()} == {"train": 60, "validation": 60}
    assert prepared["fold"] == {"rows": 60, "fold_rows": 60, "fold_from": "2017-04-01T00:00:00.000000Z", "purged": 0}
    judged = run.prepare()
    learnt = run.store.read(run.store.key_of(judged["train_uri"]) + "train.csv").decode().splitlines()
    assert sorted([*read["train"], *read["validation"]]) == sorted(learnt)
    assert prepared["job_name"].startswith("coupon-redempt-")
    assert "max_depth" not in prepared["hyperparameters"]
    assert prepared["hyperparameters"]["seed"] == "7"
    assert prepared["config"]["RandomSeed"] == 5
    assert set(prepared["algorithm"]) == {"TrainingImage", "TrainingInputMode"}
    limits = {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert (prepared["spot"], prepared["stopping"], prepared["longest_seconds"]) == (True, limits, 2 * 7200)
    assert (judged["stopping"], judged["longest_seconds"]) == (limits, 7200)
    assert judged["checkpoint_uri"] == f"s3://store/{run.judged}checkpoints/"


def test_the_best_values_go_into_every_fit_and_stay_with_the_run(
    searching_run: RunSoFar, tried: Callable[..., None]
) -> None:
    run = searching_run
    run.begin()
    trials(run)
    tried(*TRIALS)

    context = best(run, "search-1")

    for phase in ("judged", "final"):
        given = run.prepare(phase)["hyperparameters"]
        assert (given["max_depth"], given["subsample"], given["seed"]) == ("6", "0.75", "7")
        run.package(phase=phase)
    run.prepare("judged")
    run.package()
    run.evaluate()
    run.register()
    assert context["tuned"]["best"] == {
        "trial": "t-2",
        "value": 0.4,
        "hyperparameters": {"subsample": "0.75", "max_depth": "6"},
    }
    kept = run.store.read_json(f"{run.prefix}tuning.json")
    assert [(one["name"], one["status"], one["value"]) for one in kept["tried"]] == [
        ("t-1", "Completed", 0.5),
        ("t-2", "Completed", 0.4),
        ("t-3", "Failed", None),
    ]
    record = run.store.read_json(f"{run.prefix}run.json")
    assert record["context"]["tuned"]["trials"] == 3
    assert (record["hyperparameters"]["max_depth"], record["instance"]["spot"]) == ("6", True)
    packet = json.loads(json.dumps(run.request_review()["packet"], default=str))
    assert packet["search"]["best"]["trial"] == "t-2"
    # Who repeats the run gives it all values, so it searches no more.
    again = RunSoFar(run.store, run.control, run.dataset, f"{run.run_id[:-1]}x")
    asked = request_of(record).to_json()
    assert asked.pop("line") == LINE
    repeated = again.begin(**asked)
    assert (repeated["search"], repeated["hyperparameters"]["max_depth"]) == ([], "6")


def test_the_best_values_go_into_further_fits(
    run: RunSoFar, release: Release, release_as: ReleaseAs, tried: Callable[..., None]
) -> None:
    looked_into = replace(release.line.validation, planted_noise=True, learning_curve=(0.9,))
    searching_line = replace(release.line.training, tuning=TUNING, spot=True)
    release_as(replace(release.line, training=searching_line, validation=looked_into))
    assert run.begin()["further"] == ["noise", "part-1"]
    trials(run)
    tried(*TRIALS)
    best(run, "search-1")

    for name in ("noise", "part-1"):
        prepared = run.prepare(name)
        given = prepared["hyperparameters"]
        assert (given["max_depth"], given["subsample"], given["seed"]) == ("6", "0.75", "7")
        assert (prepared["spot"], prepared["checkpoint_uri"]) == (
            True,
            f"s3://store/{run.prefix}{name.replace('-', '')}/checkpoints/",
        )


def test_a_search_in_which_nothing_reported_ends_the_run_with_the_reason(
    searching_run: RunSoFar, tried: Callable[..., None]
) -> None:
    searching_run.begin()
    trials(searching_run)
    tried(replace(TRIALS[2], reason="AlgorithmError: no such column"))
    with pytest.raises(TrainingRejected, match=r"search-1: none of 1 trials .*t-3: AlgorithmError: no such column"):
        best(searching_run, "search-1")


def test_a_line_without_a_search_prepares_as_before(run: RunSoFar) -> None:
    assert run.begin()["search"] == []
    prepared = run.prepare()
    assert (prepared["spot"], prepared["instance_count"]) == (False, 1)
    assert (prepared["stopping"], prepared["longest_seconds"]) == ({"MaxRuntimeInSeconds": 3600}, 3600)


def test_every_trial_is_read_page_by_page() -> None:
    sagemaker = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")

    def summary(name: str, **more: Any) -> dict[str, Any]:
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
        return {
            "TrainingJobName": name,
            "TrainingJobArn": arn,
            "CreationTime": 0,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {"max_depth": "3"},
            **more,
        }

    figure = {"Type": "Minimize", "MetricName": "log_loss", "Value": 0.25}
    first = summary("a-1", FinalHyperParameterTuningJobObjectiveMetric=figure)
    second = {**summary("a-2", FailureReason="AlgorithmError"), "TrainingJobStatus": "Failed"}
    with Stubber(sagemaker) as stub:
        for answer, asked in (
            ({"TrainingJobSummaries": [first], "NextToken": "2"}, {}),
            ({"TrainingJobSummaries": [second]}, {"NextToken": "2"}),
        ):
            stub.add_response(
                "list_training_jobs_for_hyper_parameter_tuning_job",
                answer,
                {"HyperParameterTuningJobName": "a", **asked},
            )
        found = trials_of(sagemaker, "a")

    assert [(one.name, one.status, one.value, one.reason) for one in found] == [
        ("a-1", "Completed", 0.25, ""),
        ("a-2", "Failed", None, "AlgorithmError"),
    ]
