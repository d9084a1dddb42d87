"""SageMaker tasks with every field that the line's rules ask for, which CDK's own tasks lack: isolation, keys, tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assembly_line.names import (
    CHECKPOINT_VARIABLE,
    CODE_CHANNEL,
    CONTAINER_CHECKPOINTS,
    ENVIRONMENT_TAG,
    TRAIN_CHANNEL,
    VALIDATION_CHANNEL,
)
from assembly_line.outcome_kinds import ID_AND_LAST
from stacks.machines.attempts import ANY_FAILURE, Attempts
from stacks.machines.states import State, choose, expression, invoke, retry, task

# Step Functions reports a throttled call under the service's general name.
_THROTTLED = retry("SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException", attempts=4, first_seconds=3)
# The serving function's time, and that for reading and writing a batch.
SCORE_SECONDS = 180
# Between the end of a job's own time limit and its description.
_GRACE_SECONDS = 900
# The message stands first in a function's cause; its traceback may be long.
_CAUSE_LENGTH = 400


def train(prepared: str, attempts: Attempts, *, key: str, environment: str, assign: str, then: str) -> State:
    """Run an isolated script-mode training job as `prepared` describes it (see `lambdas/training`).

    Args:
        prepared: the variable that holds the prepared step's answer.
        key: ARN of the key for the job's output and its volume.
        assign: variable for the URI of the model artefact.
    """
    field = _fields(prepared)
    job = task(
        "sagemaker:createTrainingJob.sync",
        {
            "TrainingJobName": expression(attempts.name),
            "RoleArn": field("role_arn"),
            "AlgorithmSpecification": {"TrainingImage": field("image"), "TrainingInputMode": "File"},
            "HyperParameters": field("hyperparameters"),
            "InputDataConfig": [
                _channel(TRAIN_CHANNEL, field("train_uri"), content="text/csv"),
                _channel(CODE_CHANNEL, field("code_uri"), content="text/x-python"),
            ],
            "OutputDataConfig": {"S3OutputPath": field("output_uri"), "KmsKeyId": key},
            "ResourceConfig": _instances(prepared, key=key),
            "StoppingCondition": field("stopping"),
            "EnableNetworkIsolation": True,
            "EnableManagedSpotTraining": field("spot"),
            # What the script keeps there is found by every further attempt at the fit, on spot instances or not.
            "CheckpointConfig": {"S3Uri": field("checkpoint_uri"), "LocalPath": CONTAINER_CHECKPOINTS},
            "Environment": {CHECKPOINT_VARIABLE: CONTAINER_CHECKPOINTS},
            "Tags": _tags(environment),
        },
        then=then,
        seconds=f"${prepared}.longest_seconds + {_GRACE_SECONDS}",
        retries=[_THROTTLED],
        assign={assign: expression("$states.result.ModelArtifacts.S3ModelArtifacts")},
    )
    return attempts.attended(job, ANY_FAILURE)


def tune(prepared: str, attempts: Attempts, *, key: str, environment: str, then: str) -> State:
    """Run the trials of a search for hyperparameters, as `prepared` describes it (see `lambdas/training/searching`).

    A trial keeps no checkpoint: the definition of all trials has room for one place, and none may find another's state.
    """
    field = _fields(prepared)
    job = task(
        "sagemaker:createHyperParameterTuningJob.sync",
        {
            "HyperParameterTuningJobName": expression(attempts.name),
            "HyperParameterTuningJobConfig": field("config"),
            "TrainingJobDefinition": {
                "StaticHyperParameters": field("hyperparameters"),
                "AlgorithmSpecification": field("algorithm"),
                "RoleArn": field("role_arn"),
                "InputDataConfig": [
                    _channel(TRAIN_CHANNEL, field("train_uri"), content="text/csv"),
                    _channel(VALIDATION_CHANNEL, field("validation_uri"), content="text/csv"),
                    _channel(CODE_CHANNEL, field("code_uri"), content="text/x-python"),
                ],
                "OutputDataConfig": {"S3OutputPath": field("output_uri"), "KmsKeyId": key},
                "ResourceConfig": _instances(prepared, key=key),
                "StoppingCondition": field("stopping"),
                "EnableNetworkIsolation": True,
                "EnableManagedSpotTraining": field("spot"),
            },
            "Tags": _tags(environment),
        },
        then=then,
        seconds=f"${prepared}.longest_seconds + {_GRACE_SECONDS}",
        retries=[_THROTTLED],
    )
    return attempts.attended(job, ANY_FAILURE)


def create_model(packaged: str, attempts: Attempts, *, environment: str, assign: Mapping[str, Any], then: str) -> State:
    """Make an isolated model of the packaged archive."""
    field = _fields(packaged)
    model = task(
        "sagemaker:createModel",
        {
            "ModelName": expression(attempts.name),
            "ExecutionRoleArn": field("role_arn"),
            "EnableNetworkIsolation": True,
            "PrimaryContainer": {
                "Image": field("image"),
                "ModelDataUrl": field("model_data_uri"),
                "Environment": field("environment"),
            },
            "Tags": _tags(environment),
        },
        then=then,
        seconds=120,
        retries=[_THROTTLED],
        assign=assign,
    )
    return attempts.attended(model, ANY_FAILURE)


def transform(
    attempts: Attempts,
    *,
    model_name: str,
    input_uri: str,
    output_uri: str,
    instance_type: str,
    local_storage: str,
    timeout_seconds: str,
    output_filter: str,
    key: str,
    environment: str,
    then: str,
) -> State:
    """Score a CSV whose first column is the decision's id: each line of the answer is `decision_id,answer`.

    Args:
        model_name, input_uri, output_uri, instance_type, timeout_seconds, output_filter: JSONata expressions.
        local_storage: JSONata expression: whether the instance type has disks of its own.
    """
    job = task(
        "sagemaker:createTransformJob.sync",
        {
            "TransformJobName": expression(attempts.name),
            "ModelName": expression(model_name),
            "BatchStrategy": "MultiRecord",
            "MaxPayloadInMB": 6,
            "TransformInput": {
                "ContentType": "text/csv",
                "SplitType": "Line",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": expression(input_uri)}},
            },
            "TransformOutput": {
                "S3OutputPath": expression(output_uri),
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "KmsKeyId": key,
            },
            "TransformResources": _encrypted(
                f"{{'InstanceCount': 1, 'InstanceType': {instance_type}}}", key=key, unless=local_storage
            ),
            "DataProcessing": {
                "InputFilter": "$[1:]",
                "JoinSource": "Input",
                "OutputFilter": expression(output_filter),
            },
            "Tags": _tags(environment),
        },
        then=then,
        seconds=f"{timeout_seconds} + {_GRACE_SECONDS}",
        retries=[_THROTTLED],
    )
    return attempts.attended(job, ANY_FAILURE)


def score_in_function(function: str, question: Mapping[str, str], *, output_filter: str, then: str) -> State:
    """Do a transform's work in a function (see `lambdas/models`).

    Args:
        question: fields of its event; JSONata expressions.
        output_filter: JSONata expression, as of the transform job.
    """
    event = {name: expression(value) for name, value in question.items()}
    event["last_only"] = expression(f"{output_filter} = '{ID_AND_LAST}'")
    return invoke(function, event, assign="answers", then=then, seconds=SCORE_SECONDS)


def or_transform(in_function: State, *, then: str) -> State:
    """The function's state, whose failure leads to the transform job: a container has packages, time and memory more.

    `$prepared` says afterwards that the job scores, and why.
    """
    error = "$states.errorOutput"
    why = (
        f"'the function failed with ' & {error}.Error & "
        f"($exists({error}.Cause) ? ': ' & $substring({error}.Cause, 0, {_CAUSE_LENGTH}) : '')"
    )
    caught = {
        "ErrorEquals": [ANY_FAILURE, "States.Timeout"],
        "Assign": {
            "prepared": expression(f"$merge([$prepared, {{'scored_by': 'transform', 'scored_by_because': {why}}}])")
        },
        "Next": then,
    }
    return {**in_function, "Catch": [caught]}


def who_scores(*, forced: str, tried: str, otherwise: str) -> State:
    """Choose between the function that the request forces, the one that may fail, and the transform job."""
    function = "$prepared.scored_by = 'function'"
    return choose((f"{function} and $context.scored_by = 'function'", forced), (function, tried), otherwise=otherwise)


def _fields(variable: str) -> Callable[[str], str]:
    return lambda name: expression(f"${variable}.{name}")


def _instances(prepared: str, *, key: str) -> str:
    return _encrypted(
        f"{{'InstanceCount': ${prepared}.instance_count, 'InstanceType': ${prepared}.instance_type, "
        f"'VolumeSizeInGB': ${prepared}.volume_gib}}",
        key=key,
        unless=f"${prepared}.local_storage",
    )


def _encrypted(resources: str, *, key: str, unless: str) -> str:
    """The resources with a key for their volume. A type with local storage encrypts itself, and refuses a key."""
    return expression(f"$merge([{resources}, {unless} ? {{}} : {{'VolumeKmsKeyId': '{key}'}}])")


def _channel(name: str, uri: str, *, content: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": content, "DataSource": {"S3DataSource": source}}


def _tags(environment: str) -> list[dict[str, str]]:
    execution = expression("$states.context.Execution.Name")
    line = expression("$states.context.Execution.Input.line")
    return [
        {"Key": ENVIRONMENT_TAG, "Value": environment},
        {"Key": "assembly-line:line", "Value": line},
        {"Key": "assembly-line:run", "Value": execution},
    ]
