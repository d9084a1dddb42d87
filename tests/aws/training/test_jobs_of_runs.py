"""A job that did not end well is looked at by its name; one that does another run's work is never taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line.errors import JobFailed
from assembly_line.storage import Jobs
from assembly_line.storage.services.machines import Machines
from assembly_line.training import Attempt, Problem, Work, way_on
from tests.aws.conftest import REGION, empty_account

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
REQUEST = {"line": "coupons", "as_of": "2017-07-01"}
KINDS = ("training", "tuning", "transform", "model", "execution")
# Of the same line and environment; of a line whose name goes on; of another environment.
OTHERS = ("s3://store/runs/coupons/weekly-2/", "s3://store/runs/coupons_b/weekly/", "s3://other/runs/coupons/weekly/")


def work(folder: str = "s3://store/runs/coupons/weekly/", request: Any = None) -> Work:
    return Work(run_id="weekly", folders=(folder,), dataset_request=request or REQUEST)


@pytest.fixture(scope="module")
def sagemaker() -> Iterator[SageMakerClient]:
    with empty_account():
        yield boto3.client("sagemaker", region_name=REGION)


@pytest.fixture(scope="module")
def jobs(sagemaker: SageMakerClient) -> Jobs:
    """One finished job of each kind, all called `job`, of the run `weekly`."""
    folder = "s3://store/runs/coupons/weekly"
    sagemaker.create_training_job(
        TrainingJobName="job",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": f"{folder}/job"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="job",
        HyperParameterTuningJobConfig={"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        TrainingJobDefinition={
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"{folder}/trials/job"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    )
    sagemaker.create_model(
        ModelName="job",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"{folder}/model/model.tar.gz"},
    )
    sagemaker.create_transform_job(
        TransformJobName="job",
        ModelName="job",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{folder}/in"}}},
        TransformOutput={"S3OutputPath": f"{folder}/out"},
        TransformResources={"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    )
    sfn = boto3.client("stepfunctions", region_name=REGION)
    machine = sfn.create_state_machine(name="dataset", definition="{}", roleArn=ROLE)["stateMachineArn"]
    sfn.start_execution(stateMachineArn=machine, name="job", input=json.dumps(REQUEST))
    return Jobs(sagemaker, Machines(sfn), machine)


@pytest.mark.parametrize("kind", KINDS)
def test_a_runs_own_job_is_found(jobs: Jobs, kind: Any) -> None:
    assert jobs.find(Attempt(state="S", kind=kind, name="job"), work()) is not None
    assert jobs.find(Attempt(state="S", kind=kind, name="none"), work()) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", OTHERS)
def test_a_job_of_another_run_is_refused_with_what_it_does(jobs: Jobs, kind: Any, folder: str) -> None:
    other = work(folder, {**REQUEST, "as_of": "2017-08-01"})

    with pytest.raises(JobFailed, match=f"{kind} job does the work of another run: .*under another name"):
        jobs.find(Attempt(state="S", kind=kind, name="job"), other)


def test_a_spot_job_that_waited_in_vain_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker gives no reason for a job that it stopped; its secondary status does."""
    described = {
        "TrainingJobStatus": "Stopped",
        "SecondaryStatus": "MaxWaitTimeExceeded",
        "OutputDataConfig": {"S3OutputPath": "s3://store/runs/coupons/weekly/job"},
    }
    client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(client, "describe_training_job", lambda **_: described)
    attempt = Attempt(state="Train", kind="training", name="job-1")

    found = Jobs(client, Machines(None), "arn").find(attempt, work())  # type: ignore[arg-type]

    assert found is not None
    way = way_on(attempt, Problem(error="States.TaskFailed", cause="", redrives=0), found, run_id="weekly", redrives=0)
    assert (way.way, way.attempt.name, way.cause) == ("hold", "job-2", found.reason)
    assert "no spot instance" in found.reason
