"""The environment that SageMaker's training toolkit gives to a script: SM_ variables, arguments, configuration files.

Source: github.com/aws/sagemaker-training-toolkit, `environment.py`, `mapping.py` (names, JSON forms, argument order).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assembly_line.embedded.sagemaker.jobs.container import to_tree
from assembly_line.errors import JobFailed
from assembly_line.names import ScriptMode

HOST = "algo-1"
GROUP = "homogeneousCluster"
RESERVED = "sagemaker_"
# A tuning job tells each of its training jobs, whose toolkit keeps it from the script.
TUNING_METRIC = "_tuning_objective_metric"


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """The parts of CreateTrainingJob that decide what runs."""

    name: str
    arn: str
    image: str
    hyperparameters: dict[str, str]
    environment: dict[str, str]
    channels: list[dict[str, Any]]
    instance_type: str
    artifacts: str
    metric_definitions: list[dict[str, str]]
    isolated: bool
    max_runtime_seconds: int
    checkpoints: dict[str, str] | None = None
    spot: bool = False
    max_wait_seconds: int | None = None

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any], *, arn: str, artifacts: str) -> TrainingRequest:
        return cls(
            name=parameters["TrainingJobName"],
            arn=arn,
            image=str(parameters["AlgorithmSpecification"].get("TrainingImage", "")),
            hyperparameters=dict(parameters.get("HyperParameters") or {}),
            environment=dict(parameters.get("Environment") or {}),
            channels=list(parameters.get("InputDataConfig") or []),
            instance_type=(parameters.get("ResourceConfig") or {}).get("InstanceType", "local"),
            artifacts=artifacts,
            metric_definitions=list(parameters["AlgorithmSpecification"].get("MetricDefinitions") or []),
            isolated=bool(parameters.get("EnableNetworkIsolation")),
            checkpoints=parameters.get("CheckpointConfig"),
            spot=bool(parameters.get("EnableManagedSpotTraining")),
            max_wait_seconds=(parameters.get("StoppingCondition") or {}).get("MaxWaitTimeInSeconds"),
            max_runtime_seconds=int((parameters.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or 86400),
        )


@dataclass(frozen=True)
class Script:
    """The user's program and the arguments it is called with."""

    program: str
    submit_directory: str | None
    arguments: list[str]
    variables: dict[str, str]


def channel_folder(tree: Path, channel: str) -> Path:
    return tree / "input" / "data" / channel


def prepare(request: TrainingRequest, tree: Path, *, threads: int) -> Script:
    """Make the folders and configuration files below the tree, and work out how the script is called.

    Raises:
        JobFailed: the job names no script; built-in algorithms are not emulated.
    """
    for folder in ("input/config", "input/data", "model", "output/data", "output/intermediate", "code", "tmp"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    mapped = {key: to_tree(value, tree) for key, value in request.hyperparameters.items()}
    resources, inputs = _resource_config(request), _input_data_config(request)
    for name, content in (
        ("hyperparameters.json", mapped),
        ("resourceconfig.json", resources),
        ("inputdataconfig.json", inputs),
    ):
        (tree / "input" / "config" / name).write_text(json.dumps(content), encoding="utf-8")
    decoded = {key: _decode(value) for key, value in mapped.items()}
    reserved = {key: value for key, value in decoded.items() if key.startswith(RESERVED)}
    user = {key: value for key, value in decoded.items() if not key.startswith(RESERVED) and key != TUNING_METRIC}
    program = reserved.get(ScriptMode.PROGRAM)
    if not isinstance(program, str) or not program:
        raise JobFailed(
            f"ClientError: the hyperparameter {ScriptMode.PROGRAM} is missing: the embedded SageMaker runs scripts "
            f"(script mode), not built-in algorithms; name the script there and its code in {ScriptMode.CODE}"
        )
    directory = reserved.get(ScriptMode.CODE)
    values = _toolkit_values(request, tree, user=user, reserved=reserved, threads=threads)
    variables = {f"SM_{key.upper()}": _variable(value) for key, value in values.items()}
    variables |= {key: to_tree(value, tree) for key, value in request.environment.items()}
    variables |= {"TRAINING_JOB_NAME": request.name, "TRAINING_JOB_ARN": request.arn, "CURRENT_HOST": HOST}
    return Script(program, None if directory is None else str(directory), command_arguments(user), variables)


def command_arguments(hyperparameters: dict[str, Any]) -> list[str]:
    """Hyperparameters as `--key value`, by key; one-letter keys get one dash, maps become `a=1,b=2`."""
    arguments: list[str] = []
    for key in sorted(hyperparameters):
        value = hyperparameters[key]
        if isinstance(value, dict):
            text = ",".join(f"{name}={value[name]}" for name in sorted(value))
        else:
            text = "" if value is None else str(value)
        arguments += [f"--{key}" if len(key) > 1 else f"-{key}", text]
    return arguments


def _toolkit_values(
    request: TrainingRequest, tree: Path, *, user: dict[str, Any], reserved: dict[str, Any], threads: int
) -> dict[str, Any]:
    program = str(reserved[ScriptMode.PROGRAM])
    channels = {item["ChannelName"]: str(channel_folder(tree, item["ChannelName"])) for item in request.channels}
    base = {
        "hosts": [HOST],
        "network_interface_name": "eth0",
        "user_entry_point": program,
        "resource_config": _resource_config(request),
        "input_data_config": _input_data_config(request),
        "output_data_dir": str(tree / "output" / "data"),
        "output_intermediate_dir": str(tree / "output" / "intermediate"),
        "current_host": HOST,
        "current_instance_type": request.instance_type,
        "current_instance_group": GROUP,
        "current_instance_group_hosts": [HOST],
        "instance_groups": [GROUP],
        "instance_groups_dict": {GROUP: _instance_group(request)},
        "distribution_instance_groups": [],
        "is_hetero": False,
        "module_name": program.removesuffix(".py"),
        "log_level": reserved.get("sagemaker_container_log_level", 20),
        "framework_module": None,
        "input_dir": str(tree / "input"),
        "input_config_dir": str(tree / "input" / "config"),
        "output_dir": str(tree / "output"),
        "num_cpus": threads,
        "num_gpus": 0,
        "model_dir": str(tree / "model"),
        "module_dir": str(reserved.get(ScriptMode.CODE, tree / "code")),
    }
    description = base | {
        "channel_input_dirs": channels,
        "hyperparameters": user,
        "additional_framework_parameters": _framework_parameters(reserved),
        "job_name": request.name,
        "is_master": True,
        "master_hostname": HOST,
    }
    named = base | {
        "hps": user,
        "framework_params": _framework_parameters(reserved),
        "channels": sorted(channels),
        "training_env": description,
        "user_args": command_arguments(user),
    }
    named |= {f"channel_{name}": folder for name, folder in channels.items()}
    return named | {f"hp_{name}": value for name, value in user.items()}


def _framework_parameters(reserved: dict[str, Any]) -> dict[str, Any]:
    known = {
        ScriptMode.PROGRAM,
        ScriptMode.CODE,
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_region",
        "sagemaker_s3_output",
    }
    return {key: value for key, value in reserved.items() if key not in known}


def _instance_group(request: TrainingRequest) -> dict[str, Any]:
    return {"instance_group_name": GROUP, "instance_type": request.instance_type, "hosts": [HOST]}


def _resource_config(request: TrainingRequest) -> dict[str, Any]:
    return {
        "current_host": HOST,
        "current_instance_type": request.instance_type,
        "current_group_name": GROUP,
        "hosts": [HOST],
        "instance_groups": [_instance_group(request)],
        "network_interface_name": "eth0",
    }


def _input_data_config(request: TrainingRequest) -> dict[str, Any]:
    described = {}
    for channel in request.channels:
        source = channel["DataSource"].get("S3DataSource", {})
        entry = {
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        if channel.get("ContentType"):
            entry["ContentType"] = channel["ContentType"]
        described[channel["ChannelName"]] = entry
    return described


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
