"""Tuning jobs of the embedded SageMaker: trials of a real script, some at once, with values drawn by a seed."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)

# Best at depth 5 and a rate of 0.1, and worse by how far a trial is from there.
SCRIPT = """
import argparse, json, math, os
parser = argparse.ArgumentParser()
for name, kind in (("depth", int), ("rate", float), ("booster", str), ("rounds", int)):
    parser.add_argument(f"--{name}", type=kind)
given = parser.parse_args()
loss = abs(given.depth - 5) + abs(math.log10(given.rate) + 1) + (given.booster == "dart")
print("validation loss=99.0")
print(f"validation loss={loss:.9f}")
open(os.environ["SM_MODEL_DIR"] + "/given.json", "w").write(json.dumps(vars(given)))
"""
RANGES = {
    "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Linear"}],
    "ContinuousParameterRanges": [
        {"Name": "rate", "MinValue": "0.001", "MaxValue": "1.0", "ScalingType": "Logarithmic"}
    ],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ['"gbtree"', '"dart"']}],
}


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


def search_request(account: Account, script: str = SCRIPT, **changes: Any) -> dict[str, Any]:
    metrics = changes.pop("metrics", {"loss": "validation loss=([0-9.]+)"})
    own = (
        {"image": account.xgboost, "files": account.released(script, "train.py")} if changes.pop("image", None) else {}
    )
    job = account.train_request(script, metrics=metrics, hyperparameters={"rounds": "7"}, **own)
    defined = {name: job[name] for name in job if name not in ("TrainingJobName", "HyperParameters")}
    config = {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": RANGES,
        "RandomSeed": 3,
    }
    return {
        "HyperParameterTuningJobName": changes.pop("name", None) or account.name("search"),
        "HyperParameterTuningJobConfig": {**config, **changes},
        "TrainingJobDefinition": {**defined, "StaticHyperParameters": job["HyperParameters"]},
        "Tags": [{"Key": "assembly-line:run", "Value": "r-1"}],
    }


def search(account: Account, **changes: Any) -> tuple[Any, list[Any]]:
    """Run a search to its end: its description, and its trials."""
    request = search_request(account, **changes)
    account.sagemaker.create_hyper_parameter_tuning_job(**request)
    return ended(account, request["HyperParameterTuningJobName"])


def ended(account: Account, name: str) -> tuple[Any, list[Any]]:
    def described() -> Any:
        found = account.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return found if found["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping") else None

    job = eventually(described, f"search {name} ended")
    pages = account.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    listed = pages.paginate(HyperParameterTuningJobName=name, PaginationConfig={"PageSize": 2})
    return job, [one for page in listed for one in page["TrainingJobSummaries"]]


def test_the_best_trial_is_the_one_whose_last_printed_figure_is_lowest(account: Account) -> None:
    job, trials = search(account)

    assert job["HyperParameterTuningJobStatus"] == "Completed", (job, trials)
    assert job["TrainingJobStatusCounters"]["Completed"] == len(trials) == 5
    figures = {}
    for one in trials:
        name = one["TrainingJobName"]
        given = json.loads(account.files(f"out/{name}/output/model.tar.gz")["given.json"])
        tuned = {key: json.loads(text) for key, text in one["TunedHyperParameters"].items()}
        # The script gets what every trial has beside what is tuned, and nothing of the tuning job itself.
        assert given == {**tuned, "rounds": 7}
        assert 2 <= given["depth"] <= 8
        assert 0.001 <= given["rate"] <= 1
        figures[name] = one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        tags = account.sagemaker.list_tags(ResourceArn=one["TrainingJobArn"])["Tags"]
        assert tags == [{"Key": "assembly-line:run", "Value": "r-1"}]
    best = job["BestTrainingJob"]
    assert best["TrainingJobName"] == min(figures, key=lambda name: figures[name])
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(figures.values()) < 99
    assert "_tuning_objective_metric" in account.training(best["TrainingJobName"])["HyperParameters"]


def test_no_more_trials_run_at_once_than_asked_for(account: Account) -> None:
    _, trials = search(account, ResourceLimits={"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 1})

    spans = sorted((one["CreationTime"], one["TrainingEndTime"]) for one in trials)
    assert len(spans) == 4
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_a_search_of_the_same_seed_tries_the_same_values(account: Account) -> None:
    small = {"ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2}}
    tried = [[one["TunedHyperParameters"] for one in search(account, **small, RandomSeed=s)[1]] for s in (3, 3, 4)]

    assert tried[0] == tried[1] != tried[2]


def test_an_xgboost_image_knows_its_own_figures_and_hyperparameters(account: Account) -> None:
    """SageMaker takes no expression for it; its log shows a tabulator as #011."""
    script = """
import argparse
parser = argparse.ArgumentParser()
for name in ("eta", "rounds"):
    parser.add_argument(f"--{name}", type=float)
eta = parser.parse_args().eta
print(f"[0]#011train-logloss:0.1#011validation-logloss:{eta}" if eta < 0.24 else f"[0]\\tvalidation-logloss:{eta}")
"""
    job, trials = search(
        account,
        script=script,
        image="xgboost",
        metrics={},
        HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "validation:logloss"},
        ParameterRanges={"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.3"}]},
    )

    assert job["HyperParameterTuningJobStatus"] == "Completed", trials
    values = {
        float(one["TunedHyperParameters"]["eta"]): one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for one in trials
    }
    assert all(figure == pytest.approx(eta) for eta, figure in values.items())
    assert min(values) < 0.24 < max(values)


def test_a_trial_that_fails_or_says_nothing_is_not_the_best(account: Account) -> None:
    script = SCRIPT.replace("print(f", "import sys; sys.exit('too deep') if given.depth > 5 else print(f").replace(
        'print("validation loss=99.0")', ""
    )
    job, trials = search(account, script=script, ResourceLimits=LIMITS_OF_EIGHT)

    states = {one["TrainingJobStatus"] for one in trials}
    assert (job["HyperParameterTuningJobStatus"], states) == ("Completed", {"Completed", "Failed"})
    assert json.loads(job["BestTrainingJob"]["TunedHyperParameters"]["depth"]) <= 5


LIMITS_OF_EIGHT = {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2}


@pytest.mark.parametrize(
    ("script", "trials", "reason"),
    [
        ("raise SystemExit('no')", 5, "No training job succeeded after [56] attempts"),
        ("print('nothing to see')", 8, "none of the 8 emitted the objective metric 'loss'"),
    ],
)
def test_a_search_without_a_figure_fails_with_the_reason(
    account: Account, script: str, trials: int, reason: str
) -> None:
    job, listed = search(account, script=script, ResourceLimits=LIMITS_OF_EIGHT)

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert re.search(reason, job["FailureReason"])
    assert trials <= len(listed) <= trials + 1


def test_a_stopped_search_stops_its_trials(account: Account) -> None:
    request = search_request(account, script="import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    name = request["HyperParameterTuningJobName"]
    account.sagemaker.create_hyper_parameter_tuning_job(**request)
    listed = account.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    running = [one["TrainingJobName"] for one in listed["TrainingJobSummaries"]]
    eventually(lambda: all("begun" in account.log("training", one) for one in running), "both trials have begun")

    account.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job, trials = ended(account, name)

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [one["TrainingJobStatus"] for one in trials] == ["Stopped", "Stopped"]
    with pytest.raises(ClientError, match="in status Stopped"):
        account.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(ClientError, match="ResourceInUse"):
        account.sagemaker.create_hyper_parameter_tuning_job(**request)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Strategy": "Hyperband"}, "no Hyperband"),
        ({"image": "xgboost"}, "You can't override the metric definitions for Amazon SageMaker algorithms"),
        ({"image": "xgboost", "metrics": {}}, "no tunable hyperparameter booster, depth, rate"),
        ({"ParameterRanges": {}}, "at least one range"),
        ({"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "auc"}}, "a metric that is defined"),
        ({"ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 2}}, "is above"),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "rounds", "MinValue": "1", "MaxValue": "2"}]}},
            "has a",
        ),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "2"}]}},
            "below",
        ),
        ({"name": "x" * 33}, "length less than or equal to 32"),
    ],
)
def test_a_search_that_aws_would_refuse_is_refused(account: Account, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        account.sagemaker.create_hyper_parameter_tuning_job(**search_request(account, **changes))
