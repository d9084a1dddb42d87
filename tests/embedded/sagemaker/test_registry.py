"""The registry and the calls' rules: what AWS refuses is refused, what was recorded survives the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"
ROLE = "arn:aws:iam::000000000000:role/jobs"


def specification(uri: str = "s3://jobs/model.tar.gz") -> dict[str, Any]:
    return {
        "Containers": [{"Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/x:1", "ModelDataUrl": uri}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def group_with_package(account: Account, **changes: Any) -> tuple[str, str]:
    group = account.name("group")
    account.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    request: dict[str, Any] = {"ModelPackageGroupName": group, "InferenceSpecification": specification()}
    return group, account.sagemaker.create_model_package(**(request | changes))["ModelPackageArn"]


def test_a_job_name_is_used_once_for_ever(account: Account) -> None:
    training = account.train_request("print('first')\n")
    transform = account.transform_request(account.create_model({"code/inference.py": "x = 1\n"}), "1\n")
    account.sagemaker.create_training_job(**training)
    account.sagemaker.create_transform_job(**transform)

    for wait, create, request in (
        (account.training, account.sagemaker.create_training_job, training),
        (account.transformed, account.sagemaker.create_transform_job, transform),
    ):
        with pytest.raises(account.sagemaker.exceptions.ResourceInUse, match="must be unique"):
            create(**request)
        before = wait(request.get("TrainingJobName") or request["TransformJobName"])
        with pytest.raises(account.sagemaker.exceptions.ResourceInUse) as refused:
            create(**request)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        after = wait(request.get("TrainingJobName") or request["TransformJobName"])
        assert after["CreationTime"] == before["CreationTime"]


@pytest.mark.parametrize("name", ["with_underscore", "a" * 64, "-dash", "dash-", "dot.ted"])
def test_names_that_aws_refuses_are_refused(account: Account, name: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: account.sagemaker.create_training_job(**account.train_request("", TrainingJobName=name)),
        lambda: account.sagemaker.create_transform_job(
            **(account.transform_request("model", "1\n") | {"TransformJobName": name})
        ),
        lambda: account.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE),
        lambda: account.sagemaker.create_model_package_group(ModelPackageGroupName=name),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="failed to satisfy constraint") as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}}, "one instance"),
        ({"ResourceConfig": {"InstanceType": "ml.x9", "InstanceCount": 1, "VolumeSizeInGB": 1}}, "enum value set"),
        (
            {"ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeKmsKeyId": "key"}},
            "VolumeKmsKeyId is not supported for ml.g5.xlarge",
        ),
        (
            {
                "ResourceConfig": {
                    "InstanceGroups": [
                        {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1, "InstanceGroupName": "a"}
                    ],
                    "VolumeKmsKeyId": "key",
                }
            },
            "VolumeKmsKeyId is not supported for ml.p4d.24xlarge",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 126}},
            "has 125 GB of local storage",
        ),
        ({"RoleArn": "arn:aws:iam::0:role/the-jobs"}, "at 'roleArn' failed"),
        ({"metrics": {"auc": "auc=("}}, "no regular expression"),
        ({"metrics": {"auc": "auc=[0-9]"}}, "needs a group"),
        ({"channels": [".."]}, "name a folder"),
        ({"channels": ["train", "train"]}, "must be unique"),
        ({"hyperparameters": {"long": "x" * 2501}}, "length less than or equal to 2500"),
    ],
)
def test_requests_that_aws_refuses_are_refused(account: Account, changes: Any, message: str) -> None:
    request = account.train_request("", **changes)
    with pytest.raises(ClientError, match=message):
        account.sagemaker.create_training_job(**request)
    with pytest.raises(ClientError, match="Could not find training job"):
        account.sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])


def test_payload_times_concurrency_is_bounded(account: Account) -> None:
    request = account.transform_request("model", "1\n", MaxPayloadInMB=20, MaxConcurrentTransforms=6)
    with pytest.raises(ClientError, match="120: expected at most 100 MB"):
        account.sagemaker.create_transform_job(**request)


def test_a_transform_job_on_local_storage_takes_no_key_for_a_volume(account: Account) -> None:
    resources = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeKmsKeyId": "key"}
    request = account.transform_request("model", "1\n", TransformResources=resources)
    with pytest.raises(ClientError, match=r"TransformResources.VolumeKmsKeyId is not supported for ml.g4dn.xlarge"):
        account.sagemaker.create_transform_job(**request)


def test_metadata_has_fifty_entries_of_256_characters(account: Account) -> None:
    most = {f"key-{number}": "v" * 256 for number in range(50)}
    group, arn = group_with_package(account, CustomerMetadataProperties=most)
    for properties in (most | {"one": "more"}, {"long": "v" * 257}, {"star": "a*b"}, {"k" * 129: "v"}):
        with pytest.raises(ClientError, match="failed to satisfy constraint"):
            account.sagemaker.create_model_package(
                ModelPackageGroupName=group,
                InferenceSpecification=specification(),  # type: ignore[arg-type]
                CustomerMetadataProperties=properties,
            )
        with pytest.raises(ClientError, match="failed to satisfy constraint"):
            account.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=properties)

    assert account.sagemaker.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"] == most


def test_an_update_keeps_what_it_does_not_name(account: Account) -> None:
    _, arn = group_with_package(
        account, ModelApprovalStatus="PendingManualApproval", CustomerMetadataProperties={"run": "r-1"}
    )

    account.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="better than the champion"
    )
    account.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"run": "r-1", "d": "x"})

    package = account.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "better than the champion"
    assert package["CustomerMetadataProperties"] == {"run": "r-1", "d": "x"}


def test_a_group_with_versions_cannot_be_deleted(account: Account) -> None:
    group, _ = group_with_package(account)
    empty = account.name("group")
    account.sagemaker.create_model_package_group(ModelPackageGroupName=empty)

    with pytest.raises(account.sagemaker.exceptions.ConflictException, match="still contains Model Packages"):
        account.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    account.sagemaker.delete_model_package_group(ModelPackageGroupName=empty)

    names = {
        item["ModelPackageGroupName"]
        for item in account.sagemaker.list_model_package_groups(NameContains="group-", MaxResults=100)[
            "ModelPackageGroupSummaryList"
        ]
    }
    assert group in names
    assert empty not in names


def test_a_package_that_was_deleted_is_gone_and_leaves_its_number_to_nobody(account: Account) -> None:
    group, first = group_with_package(account)
    made: dict[str, Any] = {"ModelPackageGroupName": group, "InferenceSpecification": specification()}
    second = account.sagemaker.create_model_package(**made)["ModelPackageArn"]

    account.sagemaker.delete_model_package(ModelPackageName=first)
    third = account.sagemaker.create_model_package(**made)["ModelPackageArn"]

    listed = account.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert {one["ModelPackageArn"] for one in listed} == {second, third}
    assert [arn.rpartition("/")[2] for arn in (first, second, third)] == ["1", "2", "3"]
    with pytest.raises(account.sagemaker.exceptions.ClientError, match="does not exist"):
        account.sagemaker.delete_model_package(ModelPackageName=first)


def test_groups_and_models_are_not_created_twice(account: Account) -> None:
    group, _ = group_with_package(account)
    model = account.create_model({"code/inference.py": ""})

    with pytest.raises(ClientError, match="already exists"):
        account.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="already existing model"):
        account.sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE)
    assert account.sagemaker.describe_model(ModelName=model)["EnableNetworkIsolation"] is True


def test_what_nobody_runs_is_refused_not_pretended(account: Account) -> None:
    with pytest.raises(ClientError, match="CreateEndpoint is not emulated"):
        account.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    with pytest.raises(ClientError, match="CreateProcessingJob is not emulated"):
        account.sagemaker.create_processing_job(
            ProcessingJobName="p",
            RoleArn=ROLE,
            AppSpecification={"ImageUri": "x"},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        )
    from tests.embedded.sagemaker_account import client

    runtime = client("sagemaker-runtime", account.process.url)
    with pytest.raises(ClientError, match="endpoints are not emulated yet"):
        runtime.invoke_endpoint(EndpointName="e", Body=b"1")
    elsewhere = client("s3", account.process.url)
    with pytest.raises(ClientError):
        elsewhere.list_buckets()


def everything(account: Account, names: tuple[str, str, str, str, str]) -> list[Any]:
    group, arn, model, training, transform = names
    client = account.sagemaker
    documents: list[Any] = [
        client.describe_model_package_group(ModelPackageGroupName=group),
        client.describe_model_package(ModelPackageName=arn),
        client.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved"),
        client.describe_model(ModelName=model),
        client.describe_training_job(TrainingJobName=training),
        client.list_training_jobs(NameContains=training),
        client.describe_transform_job(TransformJobName=transform),
        client.list_transform_jobs(NameContains=transform),
    ]
    for document in documents:
        document.pop("ResponseMetadata")
    return documents


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_recorded_survives_the_process(own_sagemaker: Callable[..., Account], end: signal.Signals) -> None:
    account = own_sagemaker()
    metrics: dict[str, Any] = {
        "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://jobs/metrics.json"}}
    }
    group, arn = group_with_package(account, ModelMetrics=metrics, CustomerMetadataProperties={"run": "r-1"})
    training = account.train("print('auc=0.5;')\n", TrainingJobName=f"train-{end.value}", metrics={"auc": "auc=(.*);"})
    model = account.create_model({"code/inference.py": "def model_fn(folder):\n    return None\n"})
    transform = account.transform(model, "1\n")
    # The last change is one of the registry, so that no job's change writes it along.
    account.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    names = (group, arn, model, training["TrainingJobName"], transform["TransformJobName"])
    before = everything(account, names)

    os.kill(account.process.process.pid, end)
    assert account.process.process.wait(timeout=PATIENCE_SECONDS) == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    again = own_sagemaker()

    assert everything(again, names) == before
    assert training["FinalMetricDataList"][0]["Value"] == 0.5
    with pytest.raises(again.sagemaker.exceptions.ResourceInUse):
        again.sagemaker.create_training_job(**again.train_request("", TrainingJobName=training["TrainingJobName"]))
    more = again.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification=specification(),  # type: ignore[arg-type]
    )
    assert more["ModelPackageArn"].endswith(f"{group}/2")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_that_ran_when_the_process_ended_are_failed_with_a_reason(
    own_sagemaker: Callable[..., Account], end: signal.Signals
) -> None:
    from tests.embedded.sagemaker_account import processes_of

    account = own_sagemaker(SAGEMAKER_WORKERS="1")
    names = [f"{kind}-{end.value}" for kind in ("runs", "waits")]
    for name in names:
        account.sagemaker.create_training_job(**account.train_request(SLEEP, TrainingJobName=name))
    eventually(lambda: "begun" in account.log("training", names[0]), "the first job runs")
    (script,) = processes_of(f"/{names[0]}-", "train.py")

    os.kill(account.process.process.pid, end)
    account.process.process.wait(timeout=PATIENCE_SECONDS)
    eventually(lambda: not Path(f"/proc/{script}").exists(), "the script ended with its process")
    again = own_sagemaker()

    for name in names:
        job = again.sagemaker.describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
        assert "the job's worker ended" in job["FailureReason"]
        assert job["TrainingEndTime"] >= job["CreationTime"]
    assert not list((again.process.folder / "work" / "sagemaker").rglob("runs-*"))


def test_a_taken_port_is_said(account: Account, own_sagemaker: Callable[..., Account]) -> None:
    second = own_sagemaker(SAGEMAKER_PORT=str(account.process.port))

    assert second.process.process.wait(timeout=PATIENCE_SECONDS) == 1
    assert f"SAGEMAKER_PORT={account.process.port}: cannot listen" in second.process.output


def test_a_registry_file_of_something_else_is_said_not_overwritten(
    own_sagemaker: Callable[..., Account], tmp_path: Path
) -> None:
    registry = tmp_path / "state" / "registry.json"
    registry.parent.mkdir()
    registry.write_text("[]", encoding="utf-8")

    account = own_sagemaker()

    assert account.process.process.wait(timeout=PATIENCE_SECONDS) == 1
    assert "move the file aside" in account.process.output
    assert registry.read_text(encoding="utf-8") == "[]"


def test_a_registry_that_cannot_be_written_is_said_and_jobs_go_on(
    own_sagemaker: Callable[..., Account], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("in the folder's place", encoding="utf-8")
    account = own_sagemaker()

    job = account.train("print('ran')\n", TrainingJobName="unwritten")

    assert job["TrainingJobStatus"] == "Completed"
    assert account.process.end() == 1
    assert "the registry could not be written" in account.process.output
