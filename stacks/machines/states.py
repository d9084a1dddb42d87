"""Building blocks of the state machines: tasks with time limits and retries, choices, waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws

State = dict[str, Any]
States = dict[str, State]

DAY = 24 * 3600

_LAMBDA_TRANSIENT = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    # The function could not reach a service that it calls.
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "ReadTimeoutError",
)
# A throttled call comes under its service's general name.
_CHILD_TRANSIENT = (
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.SdkClientException",
)
_GLUE_TRANSIENT = ("Glue.AWSGlueException", "Glue.InternalServiceException", "Glue.OperationTimeoutException")
# As many runs as the job or the account may have: others have to end first. Nobody hears of the wait, so it takes an
# hour at most; then the run fails, the alarm tells, and `line redrive` goes on.
_GLUE_FULL = ("Glue.ConcurrentRunsExceededException", "Glue.ResourceNumberLimitExceededException")


def expression(jsonata: str) -> str:
    """A field's value that is computed when the state runs."""
    return f"{{% {jsonata} %}}"


def known(*names: str) -> dict[str, str]:
    """A payload of the variables of these names."""
    return {name: expression(f"${name}") for name in names}


def retry(*errors: str, attempts: int = 6, first_seconds: int = 2, longest_seconds: int = 60) -> State:
    """Try again, waiting longer each time, never in step with others."""
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": first_seconds,
        "BackoffRate": 2,
        "MaxAttempts": attempts,
        "MaxDelaySeconds": longest_seconds,
        "JitterStrategy": "FULL",
    }


def task(
    resource: str,
    arguments: Mapping[str, Any],
    *,
    then: str | None,
    seconds: int | str,
    retries: list[State],
    assign: Mapping[str, Any] | None = None,
    output: str | None = None,
) -> State:
    """A task that retries what is transient and has a time limit. Any other error fails the execution where it is.

    Args:
        seconds: time limit of one attempt, a number or a JSONata expression.
        then: the next state; None ends the execution.
        assign: variables set from `$states.result`.
    """
    return {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::{resource}",
        "Arguments": dict(arguments),
        "TimeoutSeconds": expression(seconds) if isinstance(seconds, str) else seconds,
        "Retry": retries,
        **({"Assign": dict(assign)} if assign else {}),
        **({"Output": output} if output else {}),
        **({"Next": then} if then else {"End": True}),
    }


def invoke(
    function: str,
    payload: Mapping[str, Any] | str,
    *,
    assign: str,
    then: str | None,
    seconds: int,
    output: str | None = None,
) -> State:
    """Call a Lambda function by ARN; its answer becomes the variable `assign`.

    Args:
        seconds: the function's own time limit; the task waits a little longer, so that the function's error is seen.
    """
    return task(
        "lambda:invoke",
        {"FunctionName": function, "Payload": payload if isinstance(payload, str) else dict(payload)},
        then=then,
        seconds=seconds + 30,
        retries=[retry(*_LAMBDA_TRANSIENT)],
        assign={assign: expression("$states.result.Payload")},
        output=output,
    )


def await_token(function: str, payload: Mapping[str, Any], *, assign: str, then: str, seconds: int | str) -> State:
    """Call a Lambda function that passes the task token on, and wait for whoever answers with it."""
    return task(
        "lambda:invoke.waitForTaskToken",
        {"FunctionName": function, "Payload": {**payload, "task_token": expression("$states.context.Task.Token")}},
        then=then,
        seconds=seconds,
        retries=[retry(*_LAMBDA_TRANSIENT)],
        assign={assign: expression("$states.result")},
    )


def run_child(machine: str, *, name: str, request: str, assign: str, then: str, seconds: int) -> State:
    """Run another machine to its end; its output becomes the variable `assign`.

    The child's input is the request alone: machines refuse fields that they do not know.
    """
    return task(
        "states:startExecution.sync:2",
        {"StateMachineArn": machine, "Name": expression(name), "Input": expression(request)},
        then=then,
        seconds=seconds,
        retries=[retry(*_CHILD_TRANSIENT, first_seconds=5, longest_seconds=300)],
        assign={assign: expression("$states.result.Output")},
    )


def run_glue_job(job: str, arguments: Mapping[str, str], *, then: str, minutes: int) -> State:
    """Run a Glue job to its end, after other runs if it has as many as it may have."""
    return task(
        "glue:startJobRun.sync",
        {"JobName": job, "Arguments": dict(arguments), "Timeout": minutes},
        then=then,
        # A run may queue for capacity before its own time limit begins.
        seconds=(minutes + 30) * 60,
        retries=[
            retry(*_GLUE_TRANSIENT, first_seconds=30, longest_seconds=600),
            retry(*_GLUE_FULL, attempts=9, first_seconds=30, longest_seconds=600),
        ],
    )


def choose(*ways: tuple[str, str], otherwise: str) -> State:
    """Go to the state of the first condition that holds. Each way is (JSONata condition, state)."""
    return {
        "Type": "Choice",
        "Choices": [{"Condition": expression(condition), "Next": state} for condition, state in ways],
        "Default": otherwise,
    }


def side_by_side(*branches: States, assign: Mapping[str, Any], then: str) -> State:
    """Run the branches at once, each to its end. The first failure stops the others and fails the state.

    Args:
        assign: variables set from `$states.result`, the outputs of the branches in their order.
    """
    return {
        "Type": "Parallel",
        "Branches": [{"StartAt": next(iter(states)), "States": states} for states in branches],
        "Assign": dict(assign),
        "Next": then,
    }


def for_each(items: str, states: States, *, at_once: int) -> State:
    """Run the states for each of several items, a few at once, and end. The first failure stops the others.

    Args:
        items: JSONata expression; each item is the input of the first state.
    """
    return {
        "Type": "Map",
        "Items": expression(items),
        "MaxConcurrency": at_once,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": next(iter(states)),
            "States": states,
        },
        "Output": {},
        "End": True,
    }


def succeed(output: Any) -> State:
    """End a branch with this output."""
    return {"Type": "Succeed", "Output": output}


def wait(seconds: str, *, then: str) -> State:
    """Wait as long as the JSONata expression says."""
    return {"Type": "Wait", "Seconds": expression(seconds), "Next": then}


def machine(states: States, *, seconds: int, comment: str) -> dict[str, Any]:
    """A whole definition: the given states in order."""
    return {
        "Comment": comment,
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": seconds,
        "StartAt": next(iter(states)),
        "States": states,
    }
