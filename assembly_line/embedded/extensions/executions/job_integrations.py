"""Step Functions' integrations with SageMaker and Glue; `.sync` waits for the job, and stops it when given up."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.embedded.extensions.executions.current_task import Attempt
from assembly_line.embedded.extensions.pinned import ministack
from assembly_line.embedded.extensions.sagemaker_client import sagemaker

POLL_SECONDS = 0.2
Document = dict[str, Any]
SAGEMAKER_JOBS = ("TrainingJob", "HyperParameterTuningJob", "TransformJob", "ProcessingJob")
# Modelled errors keep their name; all others come as the service's general exception, as on AWS.
SAGEMAKER_ERRORS = ("ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound", "ConflictException")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that was started: how to ask for it, how to stop it, and which states are its ends."""

    describe: Callable[[], Document]
    stop: Callable[[], object]
    status_key: str
    succeeded: frozenset[str]
    failed: frozenset[str]


def install() -> None:
    """Enter the integrations into the emulator's own registry of them."""
    states = ministack("services.stepfunctions", "_SERVICE_DISPATCH", "_ExecutionError")
    registry: dict[str, Callable[[str, Document], Any]] = states._SERVICE_DISPATCH
    for kind in SAGEMAKER_JOBS:
        registry[f"arn:aws:states:::sagemaker:create{kind}"] = _sagemaker_job(states, kind)
    registry["arn:aws:states:::sagemaker:createModel"] = _sagemaker_call(states, "AmazonSageMakerException")
    registry["arn:aws:states:::aws-sdk:sagemaker:"] = _sagemaker_call(states, "SageMakerException")
    registry["arn:aws:states:::glue:startJobRun"] = _glue_job(states)


def _sagemaker_job(states: Any, kind: str) -> Callable[[str, Document], Any]:
    call = _sagemaker_call(states, "AmazonSageMakerException")
    snake = _snake(kind)

    def start(resource: str, parameters: Document) -> Document:
        answer: Document = call(resource, parameters)
        if not resource.endswith(".sync"):
            return answer
        name = {f"{kind}Name": parameters[f"{kind}Name"]}
        job = Job(
            describe=lambda: getattr(sagemaker(), f"describe_{snake}")(**name),
            stop=lambda: getattr(sagemaker(), f"stop_{snake}")(**name),
            status_key=f"{kind}Status",
            succeeded=frozenset({"Completed"}),
            failed=frozenset({"Failed", "Stopped"}),
        )
        return _wait(states, job)

    return start


def _sagemaker_call(states: Any, general_error: str) -> Callable[[str, Document], Any]:
    def call(resource: str, parameters: Document) -> Document:
        action = resource.rpartition(":")[2].removesuffix(".sync")
        if not hasattr(sagemaker(), _snake(action)):
            raise states._ExecutionError("States.Runtime", f"{resource}: SageMaker has no action {action}")
        try:
            return plain(getattr(sagemaker(), _snake(action))(**parameters))
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            known = f"{code.removesuffix('Exception')}Exception" if code in SAGEMAKER_ERRORS else general_error
            raise states._ExecutionError(f"SageMaker.{known}", f"{code}: {error}"[:2000]) from error
        except BotoCoreError as error:
            # Refused before it was sent (a field that the API does not have), or the process is gone.
            raise states._ExecutionError(f"SageMaker.{general_error}", str(error)[:2000]) from error

    return call


def _glue_job(states: Any) -> Callable[[str, Document], Any]:
    glue = ministack("services.glue", "_start_job_run", "_get_job_run", "_batch_stop_job_run")

    def ask(action: Callable[[Document], Any], request: Document) -> Document:
        status, _, body = action(request)
        answer: Document = json.loads(body)
        if status >= 400:
            code = str(answer.get("__type", "GlueException")).rpartition("#")[2]
            raise states._ExecutionError(f"Glue.{code}", answer.get("message", ""))
        return answer

    def start(resource: str, parameters: Document) -> Document:
        run = {"JobName": parameters["JobName"], "RunId": ask(glue._start_job_run, parameters)["JobRunId"]}
        if not resource.endswith(".sync"):
            return {"JobName": run["JobName"], "JobRunId": run["RunId"]}
        stop = {"JobName": run["JobName"], "JobRunIds": [run["RunId"]]}
        job = Job(
            describe=lambda: _in_milliseconds(ask(glue._get_job_run, run)["JobRun"]),
            stop=lambda: ask(glue._batch_stop_job_run, stop),
            status_key="JobRunState",
            succeeded=frozenset({"SUCCEEDED"}),
            failed=frozenset({"FAILED", "TIMEOUT", "STOPPED", "ERROR"}),
        )
        return _wait(states, job)

    return start


def _wait(states: Any, job: Job) -> Document:
    """The job's description once it has succeeded; otherwise States.TaskFailed with the description as cause."""
    attempt = Attempt()
    while True:
        document = plain(job.describe())
        if document[job.status_key] in job.succeeded:
            return document
        if document[job.status_key] in job.failed:
            raise states._ExecutionError("States.TaskFailed", json.dumps(document))
        if attempt.is_given_up:
            with contextlib.suppress(ClientError, BotoCoreError, states._ExecutionError):
                job.stop()
            raise states._ExecutionError("States.Timeout", "nobody waits for this job any more; it was stopped")
        time.sleep(POLL_SECONDS)


def plain(document: Mapping[str, Any]) -> Document:
    """As Step Functions shows it: without the response's metadata, instants as milliseconds since 1970."""
    kept = {key: value for key, value in document.items() if key != "ResponseMetadata"}
    answer: Document = json.loads(json.dumps(kept, default=_milliseconds))
    return answer


def _milliseconds(value: object) -> int | str:
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else str(value)


def _in_milliseconds(run: Document) -> Document:
    instants = {key: value * 1000 for key, value in run.items() if key.endswith("On") and isinstance(value, int)}
    return {**run, **instants}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
