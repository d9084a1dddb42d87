"""SageMaker and Glue jobs behind Step Functions: they really run, end with their description, and can be stopped."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from tests.embedded.embedded_account import ROLE, EmbeddedAccount, one_state, unique
from tests.waiting import eventually

WRITES_MODEL = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text("{}")
"""
RAISES = "raise ValueError('column age is missing')\n"
SLEEPS = "import time\ntime.sleep(60)\n"
GLUE_ARGUMENTS = """
import sys, boto3
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
boto3.client("s3").put_object(Bucket=given["--bucket"], Key="out", Body=given["--word"].encode())
"""


@pytest.fixture(scope="module")
def bucket(cloud: EmbeddedAccount) -> str:
    name = unique()
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def training(cloud: EmbeddedAccount, bucket: str, script: str, *, sync: bool = True) -> dict[str, Any]:
    """A task that trains with the script, isolated; the job is named by the input."""
    archive, name = io.BytesIO(), unique()
    with tarfile.open(fileobj=archive, mode="w:gz") as content:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(script)
        content.addfile(entry, io.BytesIO(script.encode()))
    cloud.client("s3").put_object(Bucket=bucket, Key=f"{name}/sourcedir.tar.gz", Body=archive.getvalue())
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/"}
    # An image that installs no scripts before it runs them, which takes a second.
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::sagemaker:createTrainingJob{'.sync' if sync else ''}",
        "Parameters": {
            "TrainingJobName.$": "$.name",
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": hyperparameters,
            "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 120},
            "EnableNetworkIsolation": True,
        },
    }


def glue_job(cloud: EmbeddedAccount, bucket: str, script: str, **settings: Any) -> str:
    name = unique()
    cloud.client("s3").put_object(Bucket=bucket, Key=f"{name}.py", Body=script.encode())
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/{name}.py", "PythonVersion": "3.9"}
    defaults = {"--bucket": bucket, "--word": "default"}
    cloud.client("glue").create_job(Name=name, Role=ROLE, Command=command, DefaultArguments=defaults, **settings)
    return name


def glue_task(job: str, **parameters: Any) -> dict[str, Any]:
    resource = "arn:aws:states:::glue:startJobRun.sync"
    return one_state({"Type": "Task", "Resource": resource, "Parameters": {"JobName": job, **parameters}})


def test_a_training_job_is_waited_for_and_described(cloud: EmbeddedAccount, bucket: str) -> None:
    name = unique()

    job = json.loads(cloud.run(one_state(training(cloud, bucket, WRITES_MODEL)), {"name": name})["output"])

    assert (job["TrainingJobName"], job["TrainingJobStatus"]) == (name, "Completed")
    assert job["ModelArtifacts"]["S3ModelArtifacts"].startswith(f"s3://{bucket}/out/{name}/")
    assert job["TrainingEndTime"] > 1_600_000_000_000  # milliseconds
    assert "ResponseMetadata" not in job


def test_a_failing_script_fails_the_task_with_the_jobs_description(cloud: EmbeddedAccount, bucket: str) -> None:
    end = cloud.run(one_state(training(cloud, bucket, RAISES)), {"name": unique()})

    assert end["error"] == "States.TaskFailed"
    cause = json.loads(end["cause"])
    assert cause["TrainingJobStatus"] == "Failed"
    assert "column age is missing" in cause["FailureReason"]


def test_a_used_job_name_is_an_error_by_its_name(cloud: EmbeddedAccount, bucket: str) -> None:
    machine, name = cloud.machine(one_state(training(cloud, bucket, WRITES_MODEL))), unique()
    assert cloud.end_of(cloud.start(machine, {"name": name}))["status"] == "SUCCEEDED"

    assert cloud.end_of(cloud.start(machine, {"name": name}))["error"] == "SageMaker.ResourceInUseException"


def test_a_stopped_execution_stops_its_training_job(cloud: EmbeddedAccount, bucket: str) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique()
    execution = cloud.start(cloud.machine(one_state(training(cloud, bucket, SLEEPS))), {"name": name})
    eventually(lambda: sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"])

    cloud.states.stop_execution(executionArn=execution)

    def stopped() -> bool:
        return bool(sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped")

    assert eventually(stopped)
    # The task that waited for the job tells nothing of its own after that.
    events = cloud.states.get_execution_history(executionArn=execution)["events"]
    assert events[-1]["type"] == "ExecutionAborted"


def test_a_model_is_created_and_a_bad_one_refused_by_name(cloud: EmbeddedAccount, bucket: str) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    container = {"Image": image, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    parameters = {"ModelName.$": "$.name", "ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    resource = "arn:aws:states:::sagemaker:createModel"
    machine = cloud.machine(one_state({"Type": "Task", "Resource": resource, "Parameters": parameters}))
    name = unique()

    created = cloud.end_of(cloud.start(machine, {"name": name}))
    assert json.loads(created["output"])["ModelArn"].endswith(f":model/{name}")
    refused = cloud.end_of(cloud.start(machine, {"name": "no_underscores_here"}))
    assert refused["error"] == "SageMaker.AmazonSageMakerException"


def test_other_sagemaker_actions_are_called_through_the_sdk_integration(cloud: EmbeddedAccount) -> None:
    group = unique()
    resource = "arn:aws:states:::aws-sdk:sagemaker:createModelPackageGroup"
    task = {"Type": "Task", "Resource": resource, "Parameters": {"ModelPackageGroupName": group}}

    output = json.loads(cloud.run(one_state(task))["output"])

    assert output["ModelPackageGroupArn"].endswith(f":model-package-group/{group}")


def test_a_glue_job_runs_its_script_with_its_arguments(cloud: EmbeddedAccount, bucket: str) -> None:
    job = glue_job(cloud, bucket, GLUE_ARGUMENTS)

    run = json.loads(cloud.run(glue_task(job, Arguments={"--word": "given"}))["output"])

    assert run["JobRunState"] == "SUCCEEDED"
    assert run["StartedOn"] > 1_600_000_000_000
    assert cloud.client("s3").get_object(Bucket=bucket, Key="out")["Body"].read() == b"given"


def test_a_failing_glue_job_fails_the_task_with_its_reason(cloud: EmbeddedAccount, bucket: str) -> None:
    end = cloud.run(glue_task(glue_job(cloud, bucket, RAISES)))

    assert end["error"] == "States.TaskFailed"
    assert "column age is missing" in json.loads(end["cause"])["ErrorMessage"]


def test_a_glue_job_started_and_stopped_by_hand_is_run_and_stopped(cloud: EmbeddedAccount, bucket: str) -> None:
    glue, job = cloud.client("glue"), glue_job(cloud, bucket, SLEEPS)
    run = glue.start_job_run(JobName=job)["JobRunId"]
    assert glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"] == "RUNNING"

    glue.batch_stop_job_run(JobName=job, JobRunIds=[run])

    def ended() -> dict[str, Any] | None:
        description: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
        return description if description.get("CompletedOn") and description["ExecutionTime"] < 30 else None

    assert eventually(ended)["JobRunState"] == "STOPPED"


def test_a_spark_job_is_never_reported_as_done_without_running(cloud: EmbeddedAccount, bucket: str) -> None:
    name = unique()
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/no-such-script.py"}
    cloud.client("glue").create_job(Name=name, Role=ROLE, Command=command)

    assert cloud.run(glue_task(name))["error"] == "States.TaskFailed"
