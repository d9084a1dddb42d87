"""MLflow's page on this machine: a server on loopback, with its database and files in the state folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from assembly_line.embedded import child_processes, processes
from assembly_line.embedded.child_processes import INHERITED
from assembly_line.embedded.runtime import HOST, write_atomically
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.errors import EmbeddedAwsError

SERVER = (sys.executable, "-m", "mlflow", "server")
STARTING_SECONDS = 120.0
PATIENCE_SECONDS = 10.0
# Nothing leaves this machine, and the server runs nothing but the page.
OFF: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowPage:
    """A server that was started: its port, and which process it is."""

    port: int
    process: processes.ProcessIdentity

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def mlflow_store(state: Path) -> tuple[str, Path]:
    """The tracking URI of the database in a state folder, and the folder of its files; both made if they are absent."""
    folder = StateFolder(state.resolve()).mlflow
    files = folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'runs.db'}", files


def has_mlflow() -> bool:
    """Whether the server is installed here: the extra `mlflow`, and not its client alone."""
    # Others bring flask, and the client alone; only the server keeps runs in a database.
    return all(find_spec(name) is not None for name in ("mlflow", "flask", "sqlalchemy"))


def open_page(state: Path, *, port: int | None = None, wait: bool = True) -> MlflowPage:
    """Start the server and leave it running; one that runs already is found and returned.

    Args:
        state: the folder (`.line`) that holds everything.
        port: where it shall listen; by default the operating system chooses.
        wait: return once it answers. False returns at once: it takes its time to start.

    Raises:
        EmbeddedAwsError: the port is taken, or the server does not come up; the message has the end of its log.
    """
    folder = StateFolder(state.resolve())
    with folder.locked():
        if (found := _running(folder)) is not None:
            if wait:
                _wait(folder, found)
            return found
        if port is not None:
            child_processes.require_free(port)
        return _start(folder, port or child_processes.free_port(), wait=wait)


def close_page(state: Path) -> bool:
    """End the server. False if none ran."""
    folder = StateFolder(state.resolve())
    found = _running(folder)
    if found is not None:
        processes.end([found.process], patience_seconds=PATIENCE_SECONDS)
    _memory(folder).unlink(missing_ok=True)
    return found is not None


def _start(folder: StateFolder, port: int, *, wait: bool) -> MlflowPage:
    uri, files = mlflow_store(folder.root)
    folder.logs.mkdir(parents=True, exist_ok=True)
    log = folder.logs / "mlflow.log"
    options = {
        "--backend-store-uri": uri,
        "--artifacts-destination": files.as_uri(),
        "--host": HOST,
        "--port": str(port),
        "--workers": "1",
        # Its other kind of server brings an assistant, which runs shell commands for every process and user of this
        # machine once a provider is set up (MLflow 3.17.2, mlflow/server/assistant/api.py).
        "--gunicorn-opts": "--log-level warning",
    }
    command = [*SERVER, *(part for option in options.items() for part in option)]
    identity = processes.start_detached(command, environment=_environment(), folder=folder.mlflow, log=log)
    if identity is None:
        raise EmbeddedAwsError(child_processes.last_words("mlflow", log))
    page = MlflowPage(port=port, process=identity)
    # Remembered before it is ready, so that `line down` ends a server whose start was cut.
    write_atomically(_memory(folder), json.dumps(asdict(page)))
    if wait:
        _wait(folder, page)
    return page


def _wait(folder: StateFolder, page: MlflowPage) -> None:
    try:
        child_processes.wait_for("mlflow", f"{page.url}/health", page.process, folder, seconds=STARTING_SECONDS)
    except BaseException:
        close_page(folder.root)
        raise


def _running(folder: StateFolder) -> MlflowPage | None:
    try:
        content = json.loads(_memory(folder).read_text(encoding="utf-8"))
        page = MlflowPage(port=content["port"], process=processes.ProcessIdentity(**content["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return page if processes.is_alive(page.process) else None


def _memory(folder: StateFolder) -> Path:
    return folder.mlflow / "page.json"


def _environment() -> dict[str, str]:
    """Nothing of the user's but what a program needs to run: no credentials."""
    kept = {name: os.environ[name] for name in (*INHERITED, "PATH") if name in os.environ}
    return {**kept, **OFF, "PYTHONUNBUFFERED": "1"}
