"""A run that searches hyperparameters and trains on spot instances, in the embedded AWS."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded.assembling import assemble
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.names import trials_of_run, tuning_name
from assembly_line.proof.judging import Trial, cases
from assembly_line.proof.legality import problems
from assembly_line.proof.recording import read_recording
from assembly_line.proof.templates import read_templates
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import StateVisit, execution_arn
from tests.embedded.deployed_line import LINE, TRAIN, Deployed
from tests.waiting import eventually

DECLARED = """        spot=True,
        tuning=Tuning(
            metric="validation:logloss",
            direction="Minimize",
            ranges={"max_depth": IntegerRange(2, 5), "eta": ContinuousRange(0.01, 0.3, scale="Logarithmic")},
            trials=3,
            parallel=2,
            strategy="Random",
            seed=11,
        ),
        hyperparameters={
"""
WHOLE = ("--hyperparameter", "torn=0")
QUOTA = (
    "The account-level service limit 'ml.m5.large for training job usage' is 2 Instances, with current utilization of "
    "2 Instances and a request delta of 1 Instances."
)
# Every 24 rounds the model is kept: written under another name, and moved. With `torn` the judged fit leaves half a
# model there once, as an instance that is taken away may, and waits for its end.
SCRIPT = """
import argparse, json, os, signal
from pathlib import Path
import numpy as np
import xgboost

parser = argparse.ArgumentParser()
for name in ("rounds", "max_depth", "seed", "torn"):
    parser.add_argument(f"--{name}", type=int)
for name in ("eta", "min_child_weight", "subsample", "colsample_bytree"):
    parser.add_argument(f"--{name}", type=float)
given = vars(parser.parse_args())
rounds, torn = given.pop("rounds"), given.pop("torn")
kept = os.environ.get("SM_CHECKPOINT_DIR")

def rows(channel, name):
    folder = Path(os.environ[f"SM_CHANNEL_{channel}"])
    table = np.genfromtxt(folder / name, delimiter=",")
    return xgboost.DMatrix(table[:, 1:], label=table[:, 0], feature_names=names)

def keep(model):
    done = model.num_boosted_rounds()
    model.save_model(f"{kept}/new.ubj")
    if done == torn and os.environ["TRAINING_JOB_NAME"].endswith("-train-1") and not begun:
        whole = Path(f"{kept}/new.ubj").read_bytes()
        Path(f"{kept}/model-{done:04d}.ubj").write_bytes(whole[: len(whole) // 2])
        print("half written", flush=True)
        signal.pause()
    os.replace(f"{kept}/new.ubj", f"{kept}/model-{done:04d}.ubj")

schema = json.loads(Path(os.environ["SM_CHANNEL_TRAIN"], "schema.json").read_text())
names = [feature["name"] for feature in schema["features"]]
begun = None
for path in sorted(Path(kept).glob("model-*.ubj"), reverse=True) if kept else []:
    try:
        begun = xgboost.Booster(model_file=path)
        break
    except xgboost.core.XGBoostError:
        print("torn", path.name, flush=True)
print("begins at", begun.num_boosted_rounds() if begun else 0, flush=True)
settings = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, **given}
table, model = rows("TRAIN", "train.csv"), begun
for start in range(begun.num_boosted_rounds() if begun else 0, rounds, 24):
    # Each part has a seed of its own: what is drawn in it does not hang on what was drawn before.
    part = {**settings, "seed": given["seed"] + start}
    model = xgboost.train(part, table, min(24, rounds - start), xgb_model=model)
    if kept:
        keep(model)
if "SM_CHANNEL_VALIDATION" in os.environ:
    fold = rows("VALIDATION", "validation.csv")
    chance, truth = model.predict(fold).astype(float), fold.get_label()
    loss = -np.mean(np.where(truth == 1, np.log(chance), np.log(1 - chance)))
    print(f"[0]#011validation-logloss:{loss:.9f}")
model.save_model(Path(os.environ["SM_MODEL_DIR"]) / "model.json")
"""


@dataclass(frozen=True)
class Searched:
    """A run that searched and whose judged fit lost its instance at 60 %, and one of the same values that did not.

    `held`: a run that began before, whose search was refused three times.
    """

    run: str
    record: dict[str, Any]
    again: dict[str, Any]
    fault: dict[str, Any]
    held: dict[str, Any]


def rehearsed(deployed: Deployed, what: str, **given: Any) -> Any:
    """Ask the embedded SageMaker for a fault, and how often each has happened."""
    url = f"{deployed.target.client('sagemaker').meta.endpoint_url}/{what}"
    request = urllib.request.Request(url, data=json.dumps(given).encode() if given else None)  # noqa: S310
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  loopback
        return json.loads(answer.read())[what]


@pytest.fixture(scope="module")
def searched(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    lines = tmp_path_factory.mktemp("searching") / "lines"
    shutil.copytree(deployed.lines, lines)
    declared = lines / LINE / "line.py"
    text = declared.read_text(encoding="utf-8")
    for old, new in (
        ("    Training,\n", "    ContinuousRange,\n    IntegerRange,\n    Training,\n    Tuning,\n"),
        ("        hyperparameters={\n", DECLARED),
        ('"learning_rate": 0.03', '"eta": 0.03'),
        ('"seed": 7', '"seed": 7, "torn": 72'),
    ):
        assert old in text, old
        text = text.replace(old, new, 1)
    declared.write_text(text, encoding="utf-8")
    (lines / LINE / "train.py").write_text(SCRIPT, encoding="utf-8")
    deployed.release(lines)
    # Its wait goes on while the others run.
    for code, message, times in (("ThrottlingException", "Rate exceeded", 2), ("ResourceLimitExceeded", QUOTA, 1)):
        operation = "CreateHyperParameterTuningJob"
        rehearsed(deployed, "refusals", operation=operation, code=code, message=message, times=times)
    held = deployed.line(*TRAIN, *WHOLE, "--no-wait").document
    eventually(lambda: all(one["fired"] == one["times"] for one in rehearsed(deployed, "refusals")), "it is refused")
    rehearsed(deployed, "interruptions", job=".*-train-1", printed="half written")
    run = deployed.line(*TRAIN).document["run_id"]
    record = deployed.line("runs", "show", LINE, run).document
    values = [f"{name}={value}" for name, value in record["context"]["hyperparameters"].items() if name != "torn"]
    fixed = [part for value in values for part in ("--hyperparameter", value)]
    again = deployed.line(*TRAIN, *WHOLE, *fixed).document["run_id"]
    whole = deployed.line("runs", "show", LINE, again).document
    yield Searched(run, record, whole, rehearsed(deployed, "interruptions")[-1], held)
    deployed.release(deployed.lines)


def test_the_best_of_the_trials_is_fitted_judged_and_recorded(searched: Searched, deployed: Deployed) -> None:
    sagemaker, found = deployed.target.client("sagemaker"), searched.record["context"]["tuned"]
    pages = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=found["job"])
    trials = pages["TrainingJobSummaries"]
    figures = {one["TrainingJobName"]: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in trials}
    assert (len(trials), found["trials"], found["reported"]) == (3, 3, 3)
    assert found["best"]["trial"] == min(figures, key=lambda name: figures[name])
    best = next(one for one in trials if one["TrainingJobName"] == found["best"]["trial"])
    expected = {name: json.loads(value) for name, value in best["TunedHyperParameters"].items()}
    for fit in ("judged", "delivered"):
        job = sagemaker.describe_training_job(TrainingJobName=searched.record[fit]["jobs"]["training"])
        assert {name: json.loads(job["HyperParameters"][name]) for name in expected} == expected
        assert (job["EnableManagedSpotTraining"], job["StoppingCondition"]["MaxWaitTimeInSeconds"]) == (True, 7200)
    # No trial is given anything but what was written for the trials.
    for one in trials:
        described = sagemaker.describe_training_job(TrainingJobName=one["TrainingJobName"])
        channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"] for each in described["InputDataConfig"]}
        assert set(channels) == {"train", "validation", "code"}
        for name in ("train", "validation"):
            assert channels[name]["S3Uri"].endswith(f"runs/{LINE}/{searched.run}/trials/{name}/")
    assert found["fold"]["fold_from"] < searched.record["split"]["holdout_from"]
    review = deployed.line("review", "show", LINE, searched.run, "--as", "reviewer").document
    assert review["packet"]["search"]["best"] == found["best"]


def test_the_search_is_a_step_of_the_run_and_what_is_fixed_is_not_searched(
    searched: Searched, deployed: Deployed
) -> None:
    def visited(record: dict[str, Any]) -> list[str]:
        return [one.name for one in deployed.target.machines.states(execution_of(deployed, record))]

    steps = ["PrepareTrials", "Tune", "TakeBest"]
    assert [name for name in visited(searched.record) if name in steps] == steps
    assert [name for name in visited(searched.again) if name in steps] == []
    assert searched.again["context"]["tuned"] is None
    compared = deployed.line("runs", "compare", LINE, searched.run, searched.again["context"]["run_id"]).document
    assert {one["step"] for one in compared["differences"]} <= {"request", "search"}


def execution_of(deployed: Deployed, record: dict[str, Any]) -> str:
    return execution_arn(deployed.target.named(TRAINING_RUN.parameter), record["context"]["run_id"])


def test_a_fit_whose_instance_was_taken_away_gives_the_figures_of_one_that_kept_it(
    searched: Searched, deployed: Deployed
) -> None:
    sagemaker = deployed.target.client("sagemaker")
    job = sagemaker.describe_training_job(TrainingJobName=searched.record["judged"]["jobs"]["training"])
    assert searched.fault["fired"] == 1
    assert "Interrupted" in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    log = deployed.line("logs", job["TrainingJobName"]).out
    assert "torn model-0072.ubj" in log
    assert "begins at 48" in log
    figures, whole = (one["evaluation"]["metrics"] for one in (searched.record, searched.again))
    for name in ("auc", "log_loss", "brier"):
        assert figures[name] == pytest.approx(whole[name], rel=0, abs=1e-9)


def test_a_search_that_meets_a_throttle_and_a_full_quota_waits_visibly_and_is_made_once(
    searched: Searched, deployed: Deployed
) -> None:
    run, arn = searched.held["run_id"], searched.held["execution_arn"]
    assert [(one["code"], one["fired"]) for one in rehearsed(deployed, "refusals")] == [
        ("ThrottlingException", 2),
        ("ResourceLimitExceeded", 1),
    ]
    (waiting,) = eventually(
        lambda: [one for one in deployed.station_events() if (one.item, one.kind) == (run, "waiting") and one.cause],
        "the board shows that the run waits",
    )
    assert "ml.m5.large for training job usage" in str(waiting.cause)

    def visits() -> list[StateVisit]:
        return deployed.target.machines.states(arn)

    eventually(lambda: [one for one in visits() if one.name == "TakeBest" and one.exited], "the search is made")
    states = [one.name for one in visits()]
    steps = ["Tune", "Attend", "AnnounceNoCapacity", "AwaitCapacity", "AnnounceAnotherTry", "Tune", "TakeBest"]
    assert [name for name in states if name in steps] == steps
    found = deployed.target.client("sagemaker").list_hyper_parameter_tuning_jobs(MaxResults=100)
    listed = [one["HyperParameterTuningJobName"] for one in found["HyperParameterTuningJobSummaries"]]
    assert [name for name in listed if name.startswith(trials_of_run(LINE, run))] == [tuning_name(LINE, run, 1)]


def test_a_stopped_search_is_redriven_under_another_name(searched: Searched, deployed: Deployed) -> None:
    del searched  # whose release is in force
    target = deployed.target
    started = deployed.line(*TRAIN, *WHOLE, "--no-wait").document
    arn, run = started["execution_arn"], started["run_id"]

    def tuning() -> bool:
        return any(one.name == "Tune" for one in target.machines.states(arn))

    eventually(tuning, "the search has begun")
    target.client("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="stopped by the test")
    deployed.end(arn)
    sagemaker = target.client("sagemaker")

    stopped = tuning_name(LINE, run, 1)

    def status() -> str:
        found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=stopped)
        return str(found["HyperParameterTuningJobStatus"])

    eventually(lambda: status() == "Stopped", "the search was stopped with the run")
    assert deployed.line("redrive", run).code == ExitCode.OK
    eventually(lambda: any(one.name == "TakeBest" and one.exited for one in target.machines.states(arn)), "it goes on")
    (again,) = [one for one in target.machines.states(arn) if one.name == "TakeBest"]
    assert again.exited
    best = target.run(LINE, run).read_json("tuning.json")
    assert best["job"] == tuning_name(LINE, run, 2)
    target.client("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="the test is over")
    deployed.end(arn)


def test_every_call_of_a_search_is_allowed_and_legal(searched: Searched, deployed: Deployed) -> None:
    """By the templates that are deployed: also what SageMaker does under the role of the line's jobs."""
    del searched  # by which they were made
    assembly = assemble(REPOSITORY, deployed.line.state, lambda _: None, lines=deployed.lines)
    (real, _) = cases(read_templates(assembly, "embedded"), (LINE,))
    trial = Trial(read_recording(StateFolder(deployed.line.state).calls), real)
    made = [call for call in trial.told.calls if "HyperParameterTuning" in call.operation]
    assert {call.operation for call in made if "operator" not in call.who} == {
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    }
    assert [problem for call in made for problem in problems(call, call.parameters)] == []
    judged = trial.judged.decisions
    assert [str(request) for request, decision in judged.items() if not decision.allowed] == []
    asked = {(request.action, request.resource.rpartition(":")[2].partition("/")[0]) for request in judged}
    for action in ("AddTags", "StopHyperParameterTuningJob"):
        assert (f"sagemaker:{action}", "hyper-parameter-tuning-job") in asked
    assert ("events:PutRule", "rule") in asked
