"""Models, model packages and their groups, where moto's answers differ from AWS's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from assembly_line.embedded.sagemaker.jobs.model_container import ModelDescription
from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from assembly_line.embedded.sagemaker.moto_patches import Operation

Original = Callable[[SageMakerResponse], Any]
# moto clears what an update leaves out; AWS keeps it.
KEPT_BY_UPDATE = {
    "ModelApprovalStatus": "model_approval_status",
    "ApprovalDescription": "approval_description",
    "CustomerMetadataProperties": "customer_metadata_properties",
}


def operations() -> dict[str, Operation]:
    return {
        "create_model": _create_model,
        "create_model_package_group": _create_group,
        "create_model_package": _create_package,
        "update_model_package": _update_package,
        "delete_model_package": _delete_package,
        "delete_model_package_group": _delete_group,
    }


def describe_container(backend: SageMakerModelBackend, name: str) -> ModelDescription:
    """A model's one container, through its model package if it names one.

    Raises:
        RequestRefused: it has several, or its package is gone.
        moto's ValidationError: there is no such model.
    """
    model: Any = backend.describe_model(name)
    containers = [model.primary_container] if model.primary_container else list(model.containers)
    if len(containers) != 1:
        raise RequestRefused(f"Model {name!r} has {len(containers)} containers: the embedded SageMaker runs one")
    container, environment = dict(containers[0]), dict(containers[0].get("Environment") or {})
    if container.get("ModelPackageName"):
        specification = _package(backend, container["ModelPackageName"]).inference_specification or {}
        packaged = dict((specification.get("Containers") or [{}])[0])
        environment = dict(packaged.get("Environment") or {}) | environment
        container = packaged | container
    return ModelDescription(
        model_name=name,
        image=container.get("Image") or "",
        data_url=container.get("ModelDataUrl"),
        environment=environment,
        isolated=bool(model.enable_network_isolation),
    )


def _create_model(response: SageMakerResponse, original: Original) -> Any:
    backend, name = response.sagemaker_backend, response._get_param("ModelName")
    if name in backend._models:
        raise RequestRefused(f'Cannot create already existing model "{backend._models[name].arn}".')
    for container in (response._get_param("PrimaryContainer"), *(response._get_param("Containers") or [])):
        if container and container.get("ModelPackageName"):
            _package(backend, container["ModelPackageName"])
    answered = original(response)
    model: Any = backend._models[name]
    model.enable_network_isolation = bool(response._get_param("EnableNetworkIsolation"))
    model.primary_container, model.vpc_config = model.primary_container or None, model.vpc_config or None
    return answered


def _create_group(response: SageMakerResponse, original: Original) -> Any:
    name = response._get_param("ModelPackageGroupName")
    if (known := response.sagemaker_backend.model_package_groups.get(name)) is not None:
        raise RequestRefused(f"Model Package Group already exists: {known.arn}")
    return original(response)


def _create_package(response: SageMakerResponse, original: Original) -> Any:
    if group := response._get_param("ModelPackageGroupName"):
        # AWS takes the group's name or its ARN; moto knows the name alone.
        response.params["ModelPackageGroupName"] = group.rsplit("/", 1)[-1]
    name = response._get_param("ModelPackageName")
    if name and name in response.sagemaker_backend.model_package_name_mapping:
        raise SagemakerClientError("ConflictException", f"Model Package already exists: {name}")
    with _numbers_taken(response.sagemaker_backend, response.params.get("ModelPackageGroupName")):
        return original(response)


@contextmanager
def _numbers_taken(backend: SageMakerModelBackend, group: str | None) -> Iterator[None]:
    """moto numbers a version by how many there are, so that one which was deleted would give its number to another."""
    packages: dict[str, Any] = backend.model_packages
    versions = [
        one.model_package_version for one in packages.values() if group and one.model_package_group_name == group
    ]
    holes = [f"hole-{number}" for number in range(max(versions, default=0) - len(versions))]
    packages.update({hole: SimpleNamespace(model_package_group_name=group) for hole in holes})
    try:
        yield
    finally:
        for hole in holes:
            del packages[hole]


def _delete_package(response: SageMakerResponse, _: Original) -> Any:
    backend = response.sagemaker_backend
    package = _package(backend, response._get_param("ModelPackageName"))
    del backend.model_packages[package.arn]
    mapping = backend.model_package_name_mapping
    for name in [name for name, arn in mapping.items() if arn == package.arn]:
        del mapping[name]
    return EmptyResult()


def _update_package(response: SageMakerResponse, original: Original) -> Any:
    package = _package(response.sagemaker_backend, response._get_param("ModelPackageArn"))
    for parameter, attribute in KEPT_BY_UPDATE.items():
        if response._get_param(parameter) is None and getattr(package, attribute) is not None:
            response.params[parameter] = copy.deepcopy(getattr(package, attribute))
    return original(response)


def _delete_group(response: SageMakerResponse, _: Original) -> Any:
    backend, name = response.sagemaker_backend, response._get_param("ModelPackageGroupName").rsplit("/", 1)[-1]
    group = backend.describe_model_package_group(name)
    if any(package.model_package_group_name == name for package in backend.model_packages.values()):
        raise SagemakerClientError(
            "ConflictException",
            f"Model Package Group {group.arn} cannot be deleted because it still contains Model Packages.",
        )
    del backend.model_package_groups[name]
    return EmptyResult()


def _package(backend: SageMakerModelBackend, name: str) -> Any:
    package = backend.model_packages.get(backend.model_package_name_mapping.get(name, name))
    if package is None:
        raise RequestRefused(f"Model package {name!r} does not exist")
    return package
