"""What the jobs of a run are paid for: every attempt and fit of it, and of no other run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from assembly_line.names import jobs_of_run, trials_of_run
from assembly_line.storage import paid_seconds

LINE, RUN = "churn", "churn-20260101-0a1b2c3d"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS, OTHER = jobs_of_run(LINE, RUN), jobs_of_run(LINE, f"{RUN}-again")


@pytest.fixture
def sagemaker() -> Any:
    return boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stub(sagemaker: Any) -> Iterator[Stubber]:
    with Stubber(sagemaker) as stub:
        yield stub


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"


def listed(stub: Stubber, kind: str, *names: str) -> None:
    """The service answers with every job whose name contains what is asked for."""
    member = "TrainingJob" if kind == "training" else "TransformJob"
    status = {f"{member}Status": "Completed", "CreationTime": NOON}
    found = [{f"{member}Name": name, f"{member}Arn": arn(name), **status} for name in names]
    stub.add_response(f"list_{kind}_jobs", {f"{member}Summaries": found})


def trained(stub: Stubber, name: str, instances: int = 1, **times: int) -> None:
    answer = {
        "TrainingJobName": name,
        "TrainingJobArn": arn(name),
        "ModelArtifacts": {"S3ModelArtifacts": "s3://store/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 1, "InstanceCount": instances},
        "StoppingCondition": {},
        "CreationTime": NOON,
    }
    stub.add_response("describe_training_job", {**answer, **times}, {"TrainingJobName": name})


def transformed(stub: Stubber, name: str, seconds: float | None) -> None:
    times = {} if seconds is None else {"TransformEndTime": NOON + timedelta(seconds=seconds)}
    answer = {
        "TransformJobName": name,
        "TransformJobArn": arn(name),
        "TransformJobStatus": "Completed",
        "ModelName": "model",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://store/in"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": NOON,
        "TransformStartTime": NOON,
        **times,
    }
    stub.add_response("describe_transform_job", answer, {"TransformJobName": name})


def test_every_attempt_and_fit_of_the_run_is_paid_and_no_job_of_another(sagemaker: Any, stub: Stubber) -> None:
    listed(stub, "training", f"{OURS}-train-1", f"{OURS}-train-2", f"{OURS}-refit-1", f"{OTHER}-train-1")
    listed(stub, "transform", f"{OURS}-holdout-1", f"{OURS}-again-holdout-1")
    trials = trials_of_run(LINE, RUN)
    listed(stub, "training", f"{trials}1-003-0a1b2c3d", f"another-{trials}1-003-0a1b2c3d")
    trained(stub, f"{OURS}-train-1", BillableTimeInSeconds=20)
    trained(stub, f"{OURS}-train-2", BillableTimeInSeconds=61)
    trained(stub, f"{OURS}-refit-1")
    trained(stub, f"{trials}1-003-0a1b2c3d", 2, BillableTimeInSeconds=7)
    transformed(stub, f"{OURS}-holdout-1", 90.4)
    transformed(stub, f"{OURS}-again-holdout-1", None)

    assert paid_seconds(sagemaker, LINE, RUN) == {
        "train-1": 20,
        "train-2": 61,
        "trial-1-003": 14,
        "holdout-1": 90,
    }
    stub.assert_no_pending_responses()


def test_who_may_not_see_jobs_is_told_nothing_of_them(sagemaker: Any, stub: Stubber) -> None:
    stub.add_client_error("list_training_jobs", "AccessDeniedException")

    assert paid_seconds(sagemaker, LINE, RUN) == {}
