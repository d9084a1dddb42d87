"""What SageMaker refuses and botocore does not: lengths, patterns, counts, choices; and what is not emulated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.sagemaker.instance_types import local_storage_gb
from assembly_line.embedded.sagemaker.tuning.algorithm import check_algorithm, is_algorithm, metrics_of
from assembly_line.embedded.sagemaker.tuning.proposals import check_ranges
from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from botocore.model import Shape

# The service's own model holds Java patterns; these are the parts of that language that Python lacks.
JAVA_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": r"\s", r"\p{M}": r"\w"}
REPEATED_END = re.compile(r"\$\{\d+,\d+\}$")


def check_shape(parameters: dict[str, Any], shape: Shape) -> None:
    """Hold a request against the service's model.

    Raises:
        RequestRefused: names every violation, in AWS's words.
    """
    problems = list(_violations(parameters, shape, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise RequestRefused(count + "; ".join(problems))


def check_training(parameters: dict[str, Any]) -> None:
    """Refuse a training job that could never run here.

    Raises:
        RequestRefused: says what is missing or not emulated.
    """
    resources = parameters.get("ResourceConfig") or {}
    if resources.get("InstanceCount", 1) != 1 or len(resources.get("InstanceGroups") or []) > 1:
        raise RequestRefused("ResourceConfig.InstanceCount: the embedded SageMaker trains on one instance; set it to 1")
    _check_disk("ResourceConfig", resources)
    _check_spot(parameters)
    for group in resources.get("InstanceGroups") or []:
        _check_disk("ResourceConfig", {**resources, **group})
    for definition in parameters["AlgorithmSpecification"].get("MetricDefinitions") or []:
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise RequestRefused(
                f"MetricDefinitions: {definition['Regex']!r} is no regular expression: {error}"
            ) from error
        if groups < 1:
            raise RequestRefused(f"MetricDefinitions: {definition['Regex']!r} needs a group that captures the number")
    channels = [channel["ChannelName"] for channel in parameters.get("InputDataConfig") or []]
    if len(set(channels)) != len(channels) or not {".", ".."}.isdisjoint(channels):
        raise RequestRefused(f"InputDataConfig: channel names must be unique and name a folder, got {channels}")


def _check_spot(parameters: dict[str, Any]) -> None:
    limits, spot = parameters.get("StoppingCondition") or {}, parameters.get("EnableManagedSpotTraining")
    wait, longest = limits.get("MaxWaitTimeInSeconds"), limits.get("MaxRuntimeInSeconds", 86400)
    if wait is not None and not spot:
        raise RequestRefused(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if spot and (wait is None or wait < longest):
        raise RequestRefused(
            f"Invalid MaxWaitTimeInSeconds {wait}. It must be present and be greater than or equal to "
            f"MaxRuntimeInSeconds {longest} when EnableManagedSpotTraining is set to true"
        )


def check_tuning(parameters: dict[str, Any]) -> None:
    """Refuse a search that AWS would refuse, or that is not emulated.

    Raises:
        RequestRefused: says what.
    """
    config, defined = parameters["HyperParameterTuningJobConfig"], parameters.get("TrainingJobDefinition")
    if defined is None or any(name in parameters for name in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")):
        raise RequestRefused("the embedded SageMaker tunes one TrainingJobDefinition, without warm start or autotune")
    if config["Strategy"] not in ("Bayesian", "Random") or config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise RequestRefused(
            "HyperParameterTuningJobConfig: the embedded SageMaker has no Hyperband, Grid or early stop"
        )
    limits, objective = config["ResourceLimits"], config.get("HyperParameterTuningJobObjective")
    if limits["MaxParallelTrainingJobs"] > limits.get("MaxNumberOfTrainingJobs", limits["MaxParallelTrainingJobs"]):
        raise RequestRefused("ResourceLimits: MaxParallelTrainingJobs is above MaxNumberOfTrainingJobs")
    ranges, metrics = config.get("ParameterRanges") or {}, metrics_of(defined)
    if is_algorithm(defined):
        check_algorithm(defined, ranges)
    if objective is None or objective["MetricName"] not in [one["Name"] for one in metrics]:
        raise RequestRefused("HyperParameterTuningJobObjective: expected a metric that is defined")
    check_ranges(ranges, defined.get("StaticHyperParameters") or {})
    check_training(defined)


def check_transform(parameters: dict[str, Any]) -> None:
    """Refuse a transform job that AWS would refuse.

    Raises:
        RequestRefused: says which limit.
    """
    payload, concurrent = parameters.get("MaxPayloadInMB"), parameters.get("MaxConcurrentTransforms") or 1
    payload = 6 if payload is None else payload
    if payload * concurrent > 100:
        raise RequestRefused(
            f"MaxPayloadInMB x MaxConcurrentTransforms is {payload * concurrent}: expected at most 100 MB"
        )
    if parameters.get("BatchStrategy") and parameters["TransformInput"].get("SplitType", "None") == "None":
        raise RequestRefused("BatchStrategy needs TransformInput.SplitType Line, RecordIO or TFRecord")
    if parameters["TransformInput"].get("SplitType") in {"RecordIO", "TFRecord"}:
        raise RequestRefused("TransformInput.SplitType: the embedded SageMaker splits by Line, or not at all")
    if parameters["TransformInput"].get("CompressionType", "None") != "None":
        raise RequestRefused("TransformInput.CompressionType: the embedded SageMaker reads uncompressed input")
    if parameters["TransformResources"].get("InstanceCount", 1) != 1:
        raise RequestRefused("TransformResources.InstanceCount: the embedded SageMaker transforms on one instance")
    _check_disk("TransformResources", parameters["TransformResources"])


def _check_disk(place: str, resources: dict[str, Any]) -> None:
    """Refuse a key for, or a volume larger than, the disks of a type that has local storage."""
    kind = resources.get("InstanceType", "")
    local = local_storage_gb(kind)
    if local is None:
        return
    if resources.get("VolumeKmsKeyId"):
        raise RequestRefused(
            f"{place}.VolumeKmsKeyId is not supported for {kind}, which has local storage; leave it out"
        )
    if resources.get("VolumeSizeInGB", 0) > local:
        raise RequestRefused(
            f"{place}.VolumeSizeInGB {resources['VolumeSizeInGB']}: {kind} has {local} GB of local storage"
        )


def _violations(value: Any, shape: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _violations(value[name], member, f"{path}.{_lower(name)}" if path else _lower(name))
        return
    yield from _size(value, shape, path)
    if shape.type_name == "list":
        for number, item in enumerate(value, start=1):
            yield from _violations(item, shape.member, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _violations(key, shape.key, f"{path}.{key}.key")
            yield from _violations(item, shape.value, f"{path}.{key}.member")


def _size(value: Any, shape: Any, path: str) -> Iterator[str]:
    said = f"Value {value!r:.300} at '{path}' failed to satisfy constraint: Member must"
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    sized = shape.type_name in {"string", "list", "map", "blob"}
    measure = len(value) if sized else value
    what = "have length" if sized else "have value"
    if isinstance(measure, int | float) and not isinstance(value, bool):
        if highest is not None and measure > highest:
            yield f"{said} {what} less than or equal to {highest}"
        if lowest is not None and measure < lowest:
            yield f"{said} {what} greater than or equal to {lowest}"
    if shape.type_name != "string":
        return
    if shape.enum and value not in shape.enum:
        yield f"{said} satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := _pattern(pattern)) is not None and not compiled.fullmatch(value):
        yield f"{said} satisfy regular expression pattern: {pattern}"


@cache
def _pattern(java: str) -> re.Pattern[str] | None:
    text = REPEATED_END.sub("", java)
    for ours, python in JAVA_CLASSES.items():
        text = text.replace(ours, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
