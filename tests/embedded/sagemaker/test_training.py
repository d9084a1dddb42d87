"""Training jobs of the embedded SageMaker: real scripts in a container's place, observed through boto3."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


XGBOOST_SCRIPT = """
import argparse, json, os, shutil
from pathlib import Path
import numpy as np
import xgboost as xgb

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int)
parser.add_argument("--max_depth", type=int)
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
options = parser.parse_args()
rows = np.genfromtxt(Path(options.train) / "part" / "rows.csv", delimiter=",")
matrix = xgb.DMatrix(rows[:, 1:], label=rows[:, 0])
settings = {"objective": "binary:logistic", "max_depth": options.max_depth, "nthread": int(os.environ["SM_NUM_CPUS"])}
booster = xgb.train(settings, matrix, num_boost_round=options.rounds)
booster.save_model(Path(options.model_dir) / "model.ubj")
right = float(((booster.predict(matrix) > 0.5) == rows[:, 0]).mean())
print("epoch 1 accuracy=0.1;")
print(f"epoch 2 accuracy={right:.6f};")
Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json").write_text(json.dumps({"accuracy": right}))
"""
REPORT = """
import json, os, sys
from pathlib import Path
config = Path(os.environ["SM_INPUT_CONFIG_DIR"])
Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.json").write_text(json.dumps({
    "environment": dict(os.environ), "arguments": sys.argv[1:], "cwd": os.getcwd(),
    "config": {path.name: json.loads(path.read_text()) for path in config.iterdir()},
    "code": sorted(os.listdir("."))}))
"""
CONNECT = """
import os, socket, sys
host, port = os.environ["TARGET"].rsplit(":", 1)
try:
    socket.create_connection((host, int(port)), timeout=5).close()
    print("network=1;")
except OSError as error:
    print("network=0;", error)
"""
SLEEP = """
import time
print("begun", flush=True)
time.sleep(60)
"""


def rows(count: int = 400) -> str:
    values = [((number * 37) % 101 / 101, (number * 53) % 97 / 97) for number in range(count)]
    return "".join(f"{int(a + b > 1)},{a},{b}\n" for a, b in values)


def report(account: Account, job: Any) -> Any:
    return json.loads(account.files(f"out/{job['TrainingJobName']}/output/output.tar.gz")["report.json"])


def wait_for_log(account: Account, name: str, text: str) -> None:
    eventually(lambda: text in account.log("training", name), f"{text!r} in the log of {name}")


def test_an_xgboost_script_trains_and_leaves_model_output_metrics_and_times(account: Account) -> None:
    job = account.train(
        XGBOOST_SCRIPT,
        channels=["train"],
        image=account.xgboost,
        files={"train/part/rows.csv": rows(), **account.released(XGBOOST_SCRIPT, "train.py")},
        hyperparameters={"rounds": "10", "max_depth": '"3"'},
        metrics={"accuracy": r"accuracy=([0-9.]+);"},
    )

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job.get("FailureReason")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(step["StartTime"] <= step["EndTime"] for step in job["SecondaryStatusTransitions"])
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    name = job["TrainingJobName"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://jobs/out/{name}/output/model.tar.gz"
    assert list(account.files(f"out/{name}/output/model.tar.gz")) == ["model.ubj"]
    accuracy = json.loads(account.files(f"out/{name}/output/output.tar.gz")["metrics.json"])["accuracy"]
    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("accuracy", pytest.approx(accuracy, abs=1e-6))
    assert accuracy > 0.9


def test_equal_models_are_equal_bytes(account: Account) -> None:
    script = """
import os
from pathlib import Path
model = Path(os.environ["SM_MODEL_DIR"])
(model / "b").mkdir()
(model / "b" / "two").write_text("2")
(model / "a").write_text(str(os.getpid() > 0))
os.utime(model / "a", (os.getpid(), os.getpid()))
"""
    jobs = [account.train(script) for _ in range(2)]

    digests = {
        hashlib.sha256(account.get(f"out/{job['TrainingJobName']}/output/model.tar.gz")).hexdigest() for job in jobs
    }
    assert len(digests) == 1


def test_a_script_finds_what_the_training_toolkit_gives(account: Account) -> None:
    job = account.train(
        REPORT,
        channels=["train"],
        files={"train/rows.csv": "1,2\n"},
        hyperparameters={"learning-rate": "0.1", "x": "5", "flags": '{"b": 2, "a": 1}', "where": "/opt/ml/model/best"},
        Environment={"LOOK_AT": "/opt/ml/input/data/train/rows.csv", "ELSEWHERE": "/srv/opt/ml"},
    )
    seen = report(account, job)

    environment, root = seen["environment"], seen["environment"]["SM_MODEL_DIR"].removesuffix("/model")
    assert seen["arguments"] == [
        *("--flags", "a=1,b=2"),
        *("--learning-rate", "0.1"),
        *("--where", f"{root}/model/best"),
        *("-x", "5"),
    ]
    assert json.loads(environment["SM_USER_ARGS"]) == seen["arguments"]
    assert json.loads(environment["SM_HPS"]) == {
        "learning-rate": 0.1,
        "x": 5,
        "flags": {"a": 1, "b": 2},
        "where": f"{root}/model/best",
    }
    assert environment["SM_CHANNEL_TRAIN"] == f"{root}/input/data/train"
    assert json.loads(environment["SM_CHANNELS"]) == ["code", "train"]
    assert environment["SM_HP_LEARNING-RATE"] == "0.1"
    assert environment["LOOK_AT"] == f"{root}/input/data/train/rows.csv"
    assert environment["ELSEWHERE"] == "/srv/opt/ml"
    assert seen["cwd"] == f"{root}/code"
    assert seen["config"]["hyperparameters.json"]["sagemaker_submit_directory"] == f"{root}/input/data/code"
    assert seen["config"]["resourceconfig.json"]["hosts"] == ["algo-1"]
    assert seen["config"]["inputdataconfig.json"]["train"]["TrainingInputMode"] == "File"
    assert job["Environment"]["LOOK_AT"] == "/opt/ml/input/data/train/rows.csv"


def test_no_job_sees_aws_variables(account: Account) -> None:
    for isolated in (True, False):
        seen = report(account, account.train(REPORT, EnableNetworkIsolation=isolated))

        assert not [name for name in seen["environment"] if name.startswith(("AWS_", "MOTO_", "SAGEMAKER_"))]


def test_only_a_job_that_is_not_isolated_reaches_the_network(account: Account) -> None:
    target = {"TARGET": account.emulator_url.removeprefix("http://")}
    reached = {
        isolated: account.train(
            CONNECT, EnableNetworkIsolation=isolated, Environment=target, metrics={"network": "network=([01]);"}
        )
        for isolated in (True, False)
    }

    assert reached[True]["FinalMetricDataList"][0]["Value"] == 0
    assert reached[False]["FinalMetricDataList"][0]["Value"] == 1
    assert "network isolation: on" in account.log("training", reached[True]["TrainingJobName"])
    assert "network isolation: off" in account.log("training", reached[False]["TrainingJobName"])


def test_a_raising_script_fails_the_job_with_its_exception(account: Account) -> None:
    job = account.train("import sys\nprint('before')\nraise ValueError(\"bad column 'age'\")\n")

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n")
    assert "ErrorMessage \"ValueError: bad column 'age'\"" in job["FailureReason"]
    events = account.logs.get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=f"{job['TrainingJobName']}/algo-1"
    )["events"]
    messages = [event["message"] for event in events]
    assert "before" in messages
    assert "ValueError: bad column 'age'" in messages


def test_the_failure_file_is_the_reason_if_the_script_wrote_one(account: Account) -> None:
    script = (
        "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('too few rows: 3')\nsys.exit(2)\n"
    )

    assert account.train(script)["FailureReason"] == "AlgorithmError: too few rows: 3"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hyperparameters": {"sagemaker_submit_directory": "s3://jobs/code.tar.gz"}}, "Could not connect"),
        ({"hyperparameters": {"sagemaker_submit_directory": "/opt/ml/input/data/kode"}}, "does not exist"),
        ({"hyperparameters": {"sagemaker_submit_directory": "/etc"}}, "not below /opt/ml"),
        ({"hyperparameters": {"sagemaker_program": "tran.py"}}, "'tran.py' is not among the code: ['train.py']"),
        ({"hyperparameters": {"sagemaker_program": "../input/data/code/train.py"}}, "is not among the code"),
        ({"hyperparameters": {"sagemaker_program": ""}}, "sagemaker_program is missing"),
        ({"channels": ["train"]}, "No S3 objects found under S3 URL"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket/out"}}, "Artifact upload failed"),
    ],
)
def test_what_cannot_run_fails_with_a_reason_that_names_it(account: Account, changes: Any, reason: str) -> None:
    job = account.train("print('ran')\n", **changes)

    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


@pytest.mark.parametrize("place", ["s3", "local"])
def test_code_may_come_as_an_archive(account: Account, place: str) -> None:
    from tests.embedded.sagemaker_account import packed

    archive = packed({"train.py": REPORT, "helper.py": "X = 1"})
    account.put("shared/sourcedir.tar.gz", archive)
    directory = {
        "s3": "https://s3.us-east-1.amazonaws.com/jobs/shared/sourcedir.tar.gz",
        "local": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }[place]

    job = account.train(
        "raise SystemExit('not this one')",
        files={"code/sourcedir.tar.gz": archive},
        hyperparameters={"sagemaker_submit_directory": directory},
        EnableNetworkIsolation=place == "local",
    )

    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert report(account, job)["code"] == ["helper.py", "train.py"]


def test_a_stopped_job_ends_as_stopped_and_keeps_what_it_saved(account: Account) -> None:
    script = """
import os, signal, sys, time
def save(*_):
    open(os.environ["SM_MODEL_DIR"] + "/partial", "w").write("so far")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("begun", flush=True)
time.sleep(60)
"""
    request = account.train_request(script)
    name = request["TrainingJobName"]
    account.sagemaker.create_training_job(**request)
    wait_for_log(account, name, "begun")

    account.sagemaker.stop_training_job(TrainingJobName=name)
    job = account.training(name)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert account.files(f"out/{name}/output/model.tar.gz") == {"partial": b"so far"}
    with pytest.raises(account.sagemaker.exceptions.ClientError, match="is in status Stopped"):
        account.sagemaker.stop_training_job(TrainingJobName=name)
    with pytest.raises(account.sagemaker.exceptions.ResourceNotFound):
        account.sagemaker.stop_training_job(TrainingJobName="no-such-job")


def test_a_job_that_runs_too_long_is_stopped(account: Account) -> None:
    job = account.train(SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_killed_script_fails_its_job(account: Account) -> None:
    from tests.embedded.sagemaker_account import processes_of

    request = account.train_request(SLEEP)
    account.sagemaker.create_training_job(**request)
    wait_for_log(account, request["TrainingJobName"], "begun")

    (script,) = processes_of(f"/{request['TrainingJobName']}-", "train.py")
    os.kill(script, signal.SIGKILL)
    job = account.training(request["TrainingJobName"])

    assert job["TrainingJobStatus"] == "Failed"
    assert "SIGKILL" in job["FailureReason"]


def test_two_jobs_run_at_once_and_a_third_waits_or_is_stopped_waiting(account: Account) -> None:
    requests = [account.train_request(SLEEP) for _ in range(3)]
    names = [request["TrainingJobName"] for request in requests]
    for request in requests:
        account.sagemaker.create_training_job(**request)
    for name in names[:2]:
        wait_for_log(account, name, "begun")

    waiting = account.sagemaker.describe_training_job(TrainingJobName=names[2])
    account.sagemaker.stop_training_job(TrainingJobName=names[2])
    stopped = account.sagemaker.describe_training_job(TrainingJobName=names[2])
    for name in names[:2]:
        account.sagemaker.stop_training_job(TrainingJobName=name)
        account.training(name)

    assert (waiting["TrainingJobStatus"], waiting["SecondaryStatus"]) == ("InProgress", "Starting")
    assert stopped["TrainingJobStatus"] == "Stopped"
    assert account.log("training", names[2]) == ""


def test_nothing_of_a_job_is_left_but_its_log(account: Account) -> None:
    job = account.train("print('done')\n")

    assert "done" in account.log("training", job["TrainingJobName"])
    assert not list((account.process.folder / "work" / "sagemaker").rglob(f"{job['TrainingJobName']}-*"))


def test_a_second_job_begins_where_the_checkpoints_of_the_first_end(account: Account) -> None:
    script = """
import sys
from pathlib import Path
folder = Path("/opt/ml/checkpoints") if len(sys.argv) < 2 else Path(sys.argv[2])
seen = folder / "deep" / "epoch"
epoch = int(seen.read_text()) if seen.exists() else 0
seen.parent.mkdir(exist_ok=True)
seen.write_text(str(epoch + 1))
print(f"epoch={epoch + 1};")
sys.exit(1 if epoch == 0 else 0)
"""
    jobs = [
        account.train(
            script,
            hyperparameters={"checkpoints": "/opt/ml/checkpoints"},
            metrics={"epoch": "epoch=([0-9]+);"},
            CheckpointConfig={"S3Uri": "s3://jobs/shared/checkpoints"},
        )
        for _ in range(2)
    ]

    assert [job["TrainingJobStatus"] for job in jobs] == ["Failed", "Completed"]
    assert [job["FinalMetricDataList"][0]["Value"] for job in jobs] == [1, 2]
    assert account.get("shared/checkpoints/deep/epoch") == b"2"
