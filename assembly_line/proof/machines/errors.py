"""The names of errors that an integration can raise, by the models of the services and the language's own list.

Sources: Step Functions, "Handling errors"; the names of SDK exceptions, as optimized and SDK integrations report them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from assembly_line.proof.legality import operation_model
from assembly_line.proof.machines.tasks import Task

LANGUAGE = frozenset(
    f"States.{name}"
    for name in (
        *("ALL", "BranchFailed", "DataLimitExceeded", "ExceedToleratedFailureThreshold", "HeartbeatTimeout"),
        *("Http.Socket", "IntrinsicFailure", "ItemReaderFailed", "NoChoiceMatched", "ParameterPathFailure"),
        *("Permissions", "QueryEvaluationError", "ResultPathMatchFailure", "ResultWriterFailed", "Runtime"),
        *("TaskFailed", "Timeout"),
    )
)
# How Step Functions calls a service in the names of its errors, and the service's general exceptions.
SPELLED = {
    "lambda": "Lambda",
    "sagemaker": "SageMaker",
    "states": "StepFunctions",
    "glue": "Glue",
    "events": "EventBridge",
}
MODELS = {"states": "stepfunctions"}
GENERAL = ("AWS{}Exception", "Amazon{}Exception", "{}Exception", "SdkClientException", "Unknown")
# Raised by the integration itself or by the runtime of a function.
OF_LAMBDA = ("ClientExecutionTimeoutException", "TooManyRequestsException", "ServiceException")
# Of a function whose process ended, or that ran out of time, under names of their own.
OF_RUNTIME = frozenset({"Runtime.ExitError", "Sandbox.Timedout"})
# A function's own error comes under the name of its class.
OF_CLASSES = "lambda"


def unknown_errors(task: Task, classes: frozenset[str]) -> Iterator[str]:
    """Names in a task's Retry and Catch that nothing it calls can raise.

    Args:
        classes: names of the exceptions that functions may raise.
    """
    for field in ("Retry", "Catch"):
        for entry in task.state.get(field, []):
            for name in entry["ErrorEquals"]:
                if (
                    name not in LANGUAGE
                    and name not in possible_errors(task.service, task.action)
                    and not (task.service == OF_CLASSES and name in {*classes, *OF_RUNTIME})
                ):
                    yield f"{field} names {name}"


@cache
def possible_errors(service: str, action: str) -> frozenset[str]:
    spelled = SPELLED.get(service, service.capitalize())
    operation = operation_model(MODELS.get(service, service), action[0].upper() + action[1:])
    modelled = [shape.name for shape in operation.error_shapes]
    names = [name if name.endswith("Exception") else f"{name}Exception" for name in modelled]
    names += [pattern.format(spelled) for pattern in GENERAL]
    if service == "lambda":
        names += OF_LAMBDA
    return frozenset(f"{spelled}.{name}" for name in names)


def catches_too_large_states(state: Mapping[str, Any]) -> bool:
    """Whether what catches everything also catches a state that grew too large, which `States.ALL` leaves out."""
    caught = [name for entry in state.get("Catch", []) for name in entry["ErrorEquals"]]
    return "States.ALL" not in caught or "States.DataLimitExceeded" in caught
