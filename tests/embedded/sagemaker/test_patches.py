"""Contract tests of each place where moto is changed: what stock moto does, why it must not, that a change is noticed.

Every replaced call has its behaviour tested through boto3 in the other tests of SageMaker; here the assumptions about
moto itself are held, in a process in which nothing is patched.
"""

from __future__ import annotations

from typing import Any

import pytest
from moto.sagemaker.models import FakeTrainingJob, FakeTransformJob, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from assembly_line.embedded.sagemaker import moto_patches
from assembly_line.errors import EmbeddedAwsError


@pytest.fixture
def backend() -> SageMakerModelBackend:
    return SageMakerModelBackend("us-east-1", "000000000000")


def create_training(backend: SageMakerModelBackend, name: str = "job") -> Any:
    arguments: dict[str, Any] = dict.fromkeys(
        (
            "hyper_parameters", "role_arn", "input_data_config", "resource_config", "vpc_config", "stopping_condition",
            "tags", "enable_network_isolation", "enable_inter_container_traffic_encryption",
            "enable_managed_spot_training", "checkpoint_config", "debug_hook_config", "debug_rule_configurations",
            "tensor_board_output_config", "experiment_config",
        )
    )  # fmt: skip
    return backend.create_training_job(
        training_job_name=name,
        algorithm_specification={"TrainingImage": "x", "MetricDefinitions": [{"Name": "auc", "Regex": "(.*)"}]},
        output_data_config={"S3OutputPath": "s3://b/out"},
        **arguments,
    )


def create_transform(backend: SageMakerModelBackend, name: str = "job") -> Any:
    arguments: dict[str, Any] = dict.fromkeys(
        (
            "model_name", "max_concurrent_transforms", "model_client_config", "max_payload_in_mb", "batch_strategy",
            "environment", "transform_input", "transform_output", "data_capture_config", "transform_resources",
            "data_processing", "tags", "experiment_config",
        )
    )  # fmt: skip
    return backend.create_transform_job(transform_job_name=name, **arguments)


def test_moto_is_the_one_that_was_read() -> None:
    moto_patches.check()


@pytest.mark.parametrize("name", sorted(moto_patches.REPLACED | moto_patches.UNCHANGED | {"call_action"}))
def test_a_missing_name_is_noticed_at_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SageMakerResponse, name, None, raising=True)

    with pytest.raises(EmbeddedAwsError, match=rf"SageMakerResponse\.{name}"):
        moto_patches.check()


@pytest.mark.parametrize("name", sorted(moto_patches.NEW))
def test_a_call_that_moto_learns_is_noticed_at_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SageMakerResponse, name, lambda _: None, raising=False)

    with pytest.raises(EmbeddedAwsError, match=f"no SageMakerResponse.{name} of its own"):
        moto_patches.check()


def test_another_version_is_noticed_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_patches, "version", lambda _: "5.3.0")

    with pytest.raises(EmbeddedAwsError, match=r"moto 5\.3\.0: expected version 5\.2\.5"):
        moto_patches.check()


def test_operations_must_be_complete() -> None:
    with pytest.raises(ValueError, match="expected operations for"):
        moto_patches.install({}, lock=None, save=lambda: None)  # type: ignore[arg-type]


def test_create_training_job_is_replaced_as_moto_completes_jobs_and_forgets_the_first(
    backend: SageMakerModelBackend,
) -> None:
    first = create_training(backend)
    second = create_training(backend)

    assert first.training_job_status == first.secondary_status == "Completed"
    assert first.algorithm_specification["MetricDefinitions"][0]["Name"] == "test:dcg"
    assert backend.training_jobs == {"job": second}


def test_create_transform_job_is_replaced_as_moto_completes_jobs_and_forgets_the_first(
    backend: SageMakerModelBackend,
) -> None:
    first = create_transform(backend)
    second = create_transform(backend)

    assert first.transform_job_status == "Completed"
    assert backend.transform_jobs == {"job": second}


def test_create_model_is_replaced_as_moto_forgets_isolation(backend: SageMakerModelBackend) -> None:
    model = backend.create_model("m", "role", {"Image": "x"}, None, None, None)

    assert model.response_object["EnableNetworkIsolation"] is False
    assert backend.create_model("m", "role", {"Image": "y"}, None, None, None) is not model


def test_create_model_package_group_is_replaced_as_moto_overwrites(backend: SageMakerModelBackend) -> None:
    backend.create_model_package_group("g", "first")
    backend.create_model_package_group("g", "second")

    assert backend.model_package_groups["g"].model_package_group_description == "second"


def create_package(backend: SageMakerModelBackend, **changes: Any) -> str:
    arguments: dict[str, Any] = dict.fromkeys(
        (
            "model_package_name", "model_package_description", "inference_specification", "validation_specification",
            "source_algorithm_specification", "certify_for_marketplace", "tags", "model_approval_status",
            "metadata_properties", "model_metrics", "client_token", "drift_check_baselines", "domain", "task",
            "sample_payload_url", "additional_inference_specifications",
        )
    )  # fmt: skip
    arguments |= {"model_package_group_name": "g", "customer_metadata_properties": {"run": "1"}} | changes
    return backend.create_model_package(**arguments)


def test_create_model_package_is_replaced_as_moto_knows_groups_by_name_alone(backend: SageMakerModelBackend) -> None:
    backend.create_model_package_group("g", "")
    arn = backend.model_package_groups["g"].arn

    assert create_package(backend).endswith("/g/1")
    with pytest.raises(Exception, match="does not exist"):
        create_package(backend, model_package_group_name=arn)


def test_update_model_package_is_replaced_as_moto_clears_what_is_not_named(backend: SageMakerModelBackend) -> None:
    backend.create_model_package_group("g", "")
    arn = create_package(backend, model_approval_status="PendingManualApproval")

    backend.update_model_package(arn, "Approved", None, None, [], None)

    assert backend.describe_model_package(arn).customer_metadata_properties is None


def test_records_are_described_from_their_attributes(backend: SageMakerModelBackend) -> None:
    """What the workers set on a record is what describe answers: moto renders every attribute by its name."""
    training, transform = create_training(backend), create_transform(backend)
    training.failure_reason, training.environment = "because", {"A": "1"}
    transform.failure_reason = None

    assert isinstance(training, FakeTrainingJob)
    assert isinstance(transform, FakeTransformJob)
    assert training.response_object["FailureReason"] == "because"
    assert training.response_object["Environment"] == {"A": "1"}
    assert "FailureReason" not in transform.response_object
