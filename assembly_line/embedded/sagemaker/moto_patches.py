"""Every place where moto is changed, and nowhere else. Written against moto 5.2.5; `check` runs at each start.

moto's SageMaker calls a training job Completed when it is created, replaces a job of the same name, forgets fields, has
no stop calls, and pretends services that nobody runs. Here its records and its answers' form are kept; what it claims
is replaced by what the workers really do, and what nobody runs is refused.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import (
    FakeTrainingJob,
    FakeTransformJob,
    HyperParameterTuningJob,
    SageMakerModelBackend,
    sagemaker_backends,
)
from moto.sagemaker.responses import SageMakerResponse

from assembly_line.embedded.sagemaker.registry_state import KEPT
from assembly_line.embedded.sagemaker.request_checks import check_shape
from assembly_line.errors import EmbeddedAwsError, RequestRefused

MOTO_VERSION = "5.2.5"
# Takes moto's response object and, where moto has the call, moto's own method.
Operation = Callable[[SageMakerResponse, Callable[[SageMakerResponse], Any]], Any]

NEW = frozenset(
    {
        "stop_training_job",
        "stop_transform_job",
        "stop_hyper_parameter_tuning_job",
        "list_training_jobs_for_hyper_parameter_tuning_job",
        "delete_model_package",
        "delete_model_package_group",
    }
)
REPLACED = frozenset(
    {
        "create_training_job",
        "create_hyper_parameter_tuning_job",
        "create_transform_job",
        "create_model",
        "create_model_package_group",
        "create_model_package",
        "update_model_package",
    }
)
UNCHANGED = frozenset(
    {
        "describe_training_job",
        "list_training_jobs",
        "describe_hyper_parameter_tuning_job",
        "list_hyper_parameter_tuning_jobs",
        "describe_transform_job",
        "list_transform_jobs",
        "describe_model",
        "list_models",
        "delete_model",
        "describe_model_package_group",
        "list_model_package_groups",
        "describe_model_package",
        "list_model_packages",
        "create_endpoint_config",
        "describe_endpoint_config",
        "list_endpoint_configs",
        "delete_endpoint_config",
        "add_tags",
        "list_tags",
        "delete_tags",
    }
)
SERVED = NEW | REPLACED | UNCHANGED
# What moto sets on a new job and moto_jobs changes; describe answers from these names.
JOB_FIELDS = {
    FakeTrainingJob: (
        "training_job_status",
        "secondary_status",
        "secondary_status_transitions",
        "final_metric_data_list",
        "training_start_time",
        "training_end_time",
        "last_modified_time",
        "model_artifacts",
    ),
    HyperParameterTuningJob: (
        "hyper_parameter_tuning_job_status",
        "hyper_parameter_tuning_end_time",
        "failure_reason",
        "best_training_job",
        "OverallBestTrainingJob",
        "tuning_job_completion_details",
        "consumed_resources",
        "training_job_status_counters",
        "objective_status_counters",
        "training_job_definition",
        "last_modified_time",
        "tags",
    ),
    FakeTransformJob: (
        "transform_job_status",
        "failure_reason",
        "transform_start_time",
        "transform_end_time",
        "last_modified_time",
        "labeling_job_arn",
        "auto_ml_job_arn",
    ),
}


def check() -> None:
    """Raise EmbeddedAwsError unless moto is the version, and has every name, that this was written for."""
    found = version("moto")
    wrong = [] if found == MOTO_VERSION else [f"version {MOTO_VERSION}"]
    methods = ("call_action", "serialized", *sorted(REPLACED | UNCHANGED))
    wrong += [f"SageMakerResponse.{name}" for name in methods if not callable(getattr(SageMakerResponse, name, None))]
    wrong += [f"no SageMakerResponse.{name} of its own" for name in sorted(NEW) if hasattr(SageMakerResponse, name)]
    fields = vars(SageMakerModelBackend("us-east-1", "000000000000"))
    wrong += [f"SageMakerModelBackend.{name}" for name in KEPT if not isinstance(fields.get(name), dict)]
    for kind, names in JOB_FIELDS.items():
        source = inspect.getsource(kind)
        wrong += [f"{kind.__name__}.{name}" for name in names if f"self.{name}" not in source]
    if wrong:
        raise EmbeddedAwsError(
            f"moto {found}: expected {', '.join(wrong)}; install the versions of the lock file (make test does)"
        )


def backends() -> BackendDict[SageMakerModelBackend]:
    """moto's SageMaker backends, by account and region."""
    return sagemaker_backends


def install(operations: Mapping[str, Operation], *, lock: threading.RLock, save: Callable[[], object]) -> None:
    """Put the operations in moto's place. Once in a process.

    Args:
        operations: for each of NEW and REPLACED what to do.
        lock: held during each call, as records are read and written from several threads.
        save: called after each call that changed something.
    """
    if operations.keys() != NEW | REPLACED:
        raise ValueError(f"expected operations for {sorted(NEW | REPLACED)}, got {sorted(operations)}")
    call_action = SageMakerResponse.call_action

    def answer(response: SageMakerResponse) -> Any:
        with lock:
            return _answer(response, call_action, save)

    patched: dict[str, Callable[[SageMakerResponse], Any]] = {"call_action": answer}
    for name, operation in operations.items():
        patched[name] = _bind(operation, getattr(SageMakerResponse, name, _nothing))
    for name, function in patched.items():
        setattr(SageMakerResponse, name, function)


def _bind(operation: Operation, original: Callable[[SageMakerResponse], Any]) -> Callable[[SageMakerResponse], Any]:
    # A plain function, because moto finds a call's method only if it is one.
    def method(response: SageMakerResponse) -> Any:
        return operation(response, original)

    return method


def _nothing(response: SageMakerResponse) -> Any:
    raise NotImplementedError(f"{response.service_name}: moto has no such call")


def _answer(
    response: SageMakerResponse, call_action: Callable[[SageMakerResponse], Any], save: Callable[[], object]
) -> Any:
    """One call, whole: refused in JSON, or answered and its change written."""
    action = response._get_action() or ""
    name = camelcase_to_underscores(action)
    try:
        if name not in SERVED:
            raise RequestRefused(
                f"{action} is not emulated: the embedded SageMaker runs training, tuning and transform jobs and keeps "
                "models and the model registry; endpoints, processing jobs, pipelines and the rest need a real account"
            )
        check_shape(response.params, get_service_model("sagemaker").operation_model(action).input_shape)
        answered = call_action(response)
    except ServiceException as error:
        return _error(response, error)
    except Exception as error:  # noqa: BLE001  the service's edge: botocore must get JSON, whatever happened
        refused = isinstance(error, RequestRefused)
        text = str(error) if refused else f"{type(error).__name__}: {error}"
        return _error(response, SagemakerClientError("ValidationException", text))
    if not name.startswith(("describe_", "list_")):
        save()
    return answered


def _error(response: SageMakerResponse, error: ServiceException) -> Any:
    status, headers, body = response.serialized(ActionResult(error))
    return status, headers | {"status": str(status)}, body
