"""Spot jobs of the embedded SageMaker: an instance that is taken away, and what the next one finds of its work."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)

# Seeded descent in a hundred steps. A checkpoint is replaced whole, and carries its digest. Where it is told to, the
# script writes half of the next one in its place, as an instance that is taken away may leave it, and says so.
SCRIPT = """
import hashlib, json, os, signal, sys
from pathlib import Path
import numpy as np
folder, half_at = Path(os.environ["KEPT"]), int(os.environ["HALF_AT"])

def write(step, weights):
    content = json.dumps({"step": step, "weights": [value.hex() for value in weights]})
    return hashlib.sha256(content.encode()).hexdigest() + content

def read(path):
    text = path.read_text()
    digest, content = text[:64], text[64:]
    return json.loads(content) if hashlib.sha256(content.encode()).hexdigest() == digest else None

draw = np.random.default_rng(7)
rows = draw.normal(size=(200, 4))
wanted = rows @ np.array([1.0, -2.0, 0.5, 3.0]) + draw.normal(size=200)
step, weights = 0, np.zeros(4)
for path in sorted(folder.glob("step-*"), reverse=True):
    known = read(path)
    print("found", path.name, "whole" if known else "torn", flush=True)
    if known:
        step, weights = known["step"], np.array([float.fromhex(value) for value in known["weights"]])
        break
print(f"begins={step};", flush=True)
while step < 100:
    weights = weights - 0.05 * 2 * rows.T @ (rows @ weights - wanted) / len(rows)
    step += 1
    if step % 10 == 0:
        text, place = write(step, weights), folder / f"step-{step:03d}"
        if step == half_at and not list(folder.glob("done-*")):
            (folder / f"done-{step}").write_text("")
            place.write_text(text[: len(text) // 2])
            print("half written", flush=True)
            signal.pause()
        (folder / "new").write_text(text)
        os.replace(folder / "new", place)
print(f"loss={np.mean((rows @ weights - wanted) ** 2)!r};".replace("np.float64(", "").replace(")", ""))
"""
METRICS = {"loss": "loss=([0-9.e-]+);", "begins": "begins=([0-9]+);"}


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


def asked(account: Account, what: str = "interruptions", given: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310  the tests' own loopback address
        f"{account.process.url}/{what}", data=None if given is None else json.dumps(given).encode()
    )
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return json.loads(answer.read())[what]


def interrupt(account: Account, job: str, printed: str, **more: Any) -> None:
    asked(account, given={"job": job, "printed": printed, **more})


def spot_request(account: Account, *, half_at: int = 0, **changes: Any) -> dict[str, Any]:
    request = account.train_request(
        SCRIPT,
        metrics=METRICS,
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
        Environment={"KEPT": "/opt/ml/checkpoints", "HALF_AT": str(half_at)},
        **changes,
    )
    return {"CheckpointConfig": {"S3Uri": f"s3://jobs/{request['TrainingJobName']}/kept/"}, **request}


def run(account: Account, request: dict[str, Any]) -> Any:
    account.sagemaker.create_training_job(**request)
    return account.training(request["TrainingJobName"])


def metrics(job: Any) -> dict[str, float]:
    return {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}


def test_an_interrupted_job_goes_on_from_its_last_whole_checkpoint_to_the_same_figure(account: Account) -> None:
    """The instance is taken away at 60 %, while the checkpoint is half written."""
    whole = run(account, spot_request(account))
    request = spot_request(account, half_at=60)
    name = request["TrainingJobName"]
    interrupt(account, name, "half written")

    job = run(account, request)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    (fault,) = [one for one in asked(account) if one["job"] == name]
    assert fault["fired"] == 1
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert steps == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    log = account.log("training", name)
    assert log.index("found step-060 torn") < log.index("found step-050 whole") < log.rindex("begins=50;")
    assert metrics(whole)["begins"] == 0
    assert metrics(job)["begins"] == 50
    assert metrics(job)["loss"] == pytest.approx(metrics(whole)["loss"], rel=0, abs=1e-9)


def test_checkpoints_are_on_s3_while_the_job_still_runs(account: Account) -> None:
    """What is not there when an instance vanishes is lost, so it may not wait for the job's end."""
    request = spot_request(account, half_at=60)
    name = request["TrainingJobName"]
    account.sagemaker.create_training_job(**request)

    eventually(lambda: "half written" in account.log("training", name))
    eventually(lambda: account.s3.list_objects_v2(Bucket="jobs", Prefix=f"{name}/kept/step-050")["KeyCount"])

    assert account.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    account.sagemaker.stop_training_job(TrainingJobName=name)
    assert account.training(name)["TrainingJobStatus"] == "Stopped"


def test_a_job_on_demand_is_never_interrupted(account: Account) -> None:
    request = spot_request(account)
    request |= {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    interrupt(account, request["TrainingJobName"], "begins")

    job = run(account, request)

    assert "Interrupted" not in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert [one["fired"] for one in asked(account) if one["job"] == request["TrainingJobName"]] == [0]


def test_a_job_that_finds_no_other_instance_in_time_ends_so(account: Account) -> None:
    request = spot_request(account, half_at=60)
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 3, "MaxWaitTimeInSeconds": 3}
    interrupt(account, request["TrainingJobName"], "half written", capacity=False)

    job = run(account, request)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_a_job_that_waits_for_an_instance_can_be_stopped(account: Account) -> None:
    request = spot_request(account, half_at=60)
    name = request["TrainingJobName"]
    interrupt(account, name, "half written", capacity=False)
    account.sagemaker.create_training_job(**request)
    eventually(
        lambda: account.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Interrupted",
        "the job waits",
    )

    account.sagemaker.stop_training_job(TrainingJobName=name)

    assert account.training(name)["SecondaryStatus"] == "Stopped"


def test_what_a_killed_worker_had_written_is_found_by_the_next_attempt(tmp_path: Path) -> None:
    """The whole SageMaker process dies, and another job of the same fit goes on."""
    from tests.embedded.sagemaker_account import BUCKET, emulator, processes_of, sagemaker
    from tests.embedded.sagemaker_account import Account as Own

    with emulator(tmp_path / "emulator") as url:
        with sagemaker(tmp_path / "sagemaker", url) as process:
            account = Own(url, process)
            account.s3.create_bucket(Bucket=BUCKET)
            whole = run(account, spot_request(account))
            request = spot_request(account, half_at=60)
            account.sagemaker.create_training_job(**request)
            name = request["TrainingJobName"]
            kept = f"{name}/kept/step-060"
            eventually(lambda: account.s3.list_objects_v2(Bucket=BUCKET, Prefix=kept).get("Contents"), "it is kept")
            process.process.kill()
            process.process.wait()
            for script in processes_of(f"/{name}-", "train.py"):
                os.kill(script, signal.SIGKILL)
        with sagemaker(tmp_path / "sagemaker", url) as process:
            account = Own(url, process)
            lost = account.sagemaker.describe_training_job(TrainingJobName=name)
            account.s3.put_object(Bucket=BUCKET, Key=f"{name}-2/code/train.py", Body=SCRIPT.encode())
            job = run(account, {**request, "TrainingJobName": f"{name}-2"})

    assert lost["FailureReason"].startswith("InternalServerError")
    assert (job["TrainingJobStatus"], metrics(job)["begins"]) == ("Completed", 50)
    assert metrics(job)["loss"] == pytest.approx(metrics(whole)["loss"], rel=0, abs=1e-9)


@pytest.mark.parametrize(
    ("stopping", "spot", "reason"),
    [
        ({"MaxRuntimeInSeconds": 60}, True, "must be present"),
        ({"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}, True, "greater than or equal"),
        ({"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}, False, "only supported when"),
    ],
)
def test_limits_that_do_not_suit_spot_instances_are_refused(
    account: Account, stopping: dict[str, int], spot: bool, reason: str
) -> None:
    request = {**spot_request(account), "StoppingCondition": stopping, "EnableManagedSpotTraining": spot}
    with pytest.raises(ClientError, match=reason):
        account.sagemaker.create_training_job(**request)


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("interruptions", {"job": "x"}),
        ("interruptions", {"job": "x", "printed": "("}),
        ("interruptions", {"job": "x", "printed": "y", "when": 1}),
        ("interruptions", {"job": "x", "printed": "y", "times": "often"}),
        ("refusals", {"operation": "CreateTrainingJob"}),
        ("refusals", []),
    ],
)
def test_a_rehearsal_that_is_none_is_refused(account: Account, what: str, given: Any) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        asked(account, what, given)


def test_a_call_is_refused_as_often_as_asked_for(account: Account) -> None:
    request = spot_request(account)
    full = {"operation": "CreateTrainingJob", "code": "ResourceLimitExceeded", "message": "the limit is 2"}
    asked(account, "refusals", {**full, "times": 2})

    for _ in range(2):
        with pytest.raises(account.sagemaker.exceptions.ResourceLimitExceeded, match="the limit is 2"):
            account.sagemaker.create_training_job(**request)

    assert run(account, request)["TrainingJobStatus"] == "Completed"
