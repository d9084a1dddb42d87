"""Glue's StartJobRun runs the script. The stock emulator reports a Spark job as succeeded without running it."""

from __future__ import annotations

import contextvars
import logging
import os
import re
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.embedded.extensions.message_senders import session_of
from assembly_line.embedded.extensions.pinned import ministack, replace

if TYPE_CHECKING:
    from assembly_line.embedded.sagemaker.jobs.container import StopSignal

logger = logging.getLogger("assembly_line.glue")
_stops: dict[str, StopSignal] = {}


def install() -> None:
    glue = ministack(
        "services.glue", "_jobs", "_job_runs", "_script_args", "_start_job_run", "json_response", "error_response_json"
    )
    replace(glue, "_start_job_run", lambda request: _start(glue, request))
    _refuse_triggers_of_missing_jobs(glue)
    stock = ministack("services.glue", "_batch_stop_job_run")._batch_stop_job_run

    def batch_stop(request: dict[str, Any]) -> Any:
        answer = stock(request)
        for run_id in request.get("JobRunIds", []):
            if run_id in _stops:
                _stops[run_id].requested.set()
        return answer

    replace(glue, "_batch_stop_job_run", batch_stop)


def _refuse_triggers_of_missing_jobs(glue: Any) -> None:
    stock = ministack("services.glue", "_create_trigger")._create_trigger

    def create(request: dict[str, Any]) -> Any:
        jobs = [action["JobName"] for action in request.get("Actions", []) if action.get("JobName")]
        if missing := [job for job in jobs if job not in glue._jobs]:
            return glue.error_response_json("EntityNotFoundException", f"Job {missing[0]} not found", 400)
        return stock(request)

    replace(glue, "_create_trigger", create)


def _start(glue: Any, request: dict[str, Any]) -> Any:
    name = request.get("JobName")
    job = glue._jobs.get(name)
    if job is None:
        return glue.error_response_json("EntityNotFoundException", f"Job {name} not found", 400)
    run_id = f"jr_{uuid.uuid4().hex}"
    given = request.get("Arguments", {})
    run = _record(job, run_id, {**job.get("DefaultArguments", {}), **given}, request)
    glue._job_runs.setdefault(name, []).append(run)
    arguments = glue._script_args(job, name, run_id, given)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_execute, job, run, arguments), daemon=True).start()
    return glue.json_response({"JobRunId": run_id})


def _record(job: dict[str, Any], run_id: str, arguments: dict[str, str], request: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {
        "Id": run_id,
        "Attempt": 0,
        "JobName": job["Name"],
        "StartedOn": now,
        "LastModifiedOn": now,
        "JobRunState": "RUNNING",
        "Arguments": arguments,
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "Timeout": request.get("Timeout", job.get("Timeout", 2880)),  # minutes
        "WorkerType": request.get("WorkerType", job.get("WorkerType", "G.1X")),
        "NumberOfWorkers": request.get("NumberOfWorkers", job.get("NumberOfWorkers", 2)),
        "GlueVersion": job.get("GlueVersion", ""),
        "SecurityConfiguration": job.get("SecurityConfiguration", ""),
    }


def _execute(job: dict[str, Any], run: dict[str, Any], arguments: dict[str, str]) -> None:
    state, error = "FAILED", "the runner ended without an outcome"
    try:
        state, error = _outcome(job, run, arguments)
    except Exception as problem:
        logger.exception("job run %s", run["Id"])
        error = f"{type(problem).__name__}: {problem}"
    finally:
        _stops.pop(run["Id"], None)
        now = int(time.time())
        run.update(CompletedOn=now, LastModifiedOn=now, ExecutionTime=now - run["StartedOn"])
        # A run that was stopped meanwhile stays stopped.
        if run["JobRunState"] == "RUNNING":
            run["JobRunState"] = state
            if error:
                run["ErrorMessage"] = error


def _outcome(job: dict[str, Any], run: dict[str, Any], arguments: dict[str, str]) -> tuple[str, str]:
    # Imported here: the runner's own imports must not delay the emulator's start.
    from assembly_line.embedded.glue import run_job
    from assembly_line.embedded.sagemaker.jobs.container import StopSignal

    stop = _stops[run["Id"]] = StopSignal()
    if run["JobRunState"] != "RUNNING":
        stop.requested.set()
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", run["JobName"])
    logs, work = Path(os.environ["GLUE_LOGS"]), Path(os.environ["GLUE_WORK"])
    logs.mkdir(parents=True, exist_ok=True)
    outcome = run_job(
        job.get("Command", {}),
        {key: str(value) for key, value in arguments.items()},
        endpoint_url=f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}",
        work=work,
        log=logs / f"{name}-{run['Id']}.log",
        timeout_seconds=int(run["Timeout"]) * 60,
        stop=stop,
        credentials=session_of(run["JobName"], role=job["Role"], name=f"GlueJobRunnerSession-{run['Id'][3:11]}"),
    )
    return outcome.state, outcome.error or ""
