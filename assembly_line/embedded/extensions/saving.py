"""Saving the account's state at the end. Only a state that says that it is whole is trusted at the next start."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assembly_line.embedded.extensions.executions import positions
from assembly_line.embedded.extensions.pinned import ministack, replace

logger = logging.getLogger("assembly_line.saving")
ATTEMPTS = 5
BUSY_SECONDS = 10.0
AT_WORK = ("STARTING", "RUNNING", "STOPPING")  # of a Glue run


def install() -> None:
    """Replace `save_all`, which logs what it could not save and goes on."""
    persistence = ministack("core.persistence", "save_state", "STATE_DIR", "PERSIST_STATE")
    replace(ministack("app", "save_all", "_state_map"), "save_all", lambda services: save_all(persistence, services))


def save_all(persistence: Any, services: Mapping[str, Callable[[], Any]]) -> None:
    """Write each service's state, then the file `saved`, which is missing if any could not be written."""
    states = ministack("services.stepfunctions", "_executions", "_task_tokens")
    positions.freeze(states)
    cut, waiting = interruptible(), waiting_on()
    _end_job_runs()
    folder = Path(persistence.STATE_DIR)
    failed = [name for name, get_state in services.items() if not _save(persistence, folder, name, get_state)]
    if failed:
        logger.error("not saved: %s", ", ".join(failed))
        return
    (folder / "saved").write_text(json.dumps({"cut": cut, "waiting": waiting}), encoding="utf-8")


def _save(persistence: Any, folder: Path, name: str, get_state: Callable[[], Any]) -> bool:
    target = folder / f"{name}.json"
    before = _version(target)
    for _ in range(ATTEMPTS):
        try:
            state = _copied(get_state)
        except RuntimeError:
            return False
        if state is None:
            return True
        persistence.save_state(name, state)
        if _version(target) != before:
            return True
        time.sleep(0.05)
    return False


def _copied(get_state: Callable[[], Any]) -> Any:
    """A service's state. A thread that still works may change a table while it is copied: then it is copied again."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return get_state()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _version(path: Path) -> int | None:
    """Changes whenever the file is replaced; None if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def hold() -> list[str]:
    """What a stop would cut. If that is nothing, nothing begins from now on, until `positions.thaw`."""
    positions.freeze(ministack("services.stepfunctions", "_executions", "_task_tokens"))
    cut = interruptible()
    if cut:
        positions.thaw()
    return cut


def interruptible() -> list[str]:
    """What a stop would cut, in words for a person: executions that are at work, and jobs that run by themselves."""
    glue = ministack("services.glue", "_job_runs")
    cut = [(_name(found), positions.cut_at(found)) for found in _going_on()]
    jobs = [run for runs in list(glue._job_runs._data.values()) for run in runs if run["JobRunState"] in AT_WORK]
    return [
        *(f"execution {name} in {state}" for name, state in sorted(cut) if state is not None),
        *(f"Glue job run {run['JobName']} {run['Id']}" for run in jobs),
    ]


def waiting_on() -> list[str]:
    """Executions that go on after the next start, in words for a person."""
    waiting = [found for found in _going_on() if positions.cut_at(found) is None]
    return sorted(f"execution {_name(found)} in {positions.place_of(found)}" for found in waiting)


def _going_on() -> list[dict[str, Any]]:
    states = ministack("services.stepfunctions", "_executions")
    return [found for found in list(states._executions.all_values()) if found["status"] == "RUNNING"]


def _name(execution: Mapping[str, Any]) -> str:
    return str(execution["executionArn"].split(":", 6)[-1])


def _end_job_runs() -> None:
    """A Glue run that is going on ends with this process; found as running later, it would be waited for for ever."""
    glue = ministack("services.glue", "_job_runs")
    for runs in list(glue._job_runs._data.values()):
        for run in runs:
            if run["JobRunState"] in AT_WORK:
                run.update(JobRunState="STOPPED", ErrorMessage="the embedded AWS was stopped while the job ran")
