"""Runs one Glue job to its end: fetch the script and its libraries, call it as Glue does, say how it ended."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assembly_line.embedded.child_processes import BUNDLE_ONLY
from assembly_line.embedded.glue import spark
from assembly_line.embedded.sagemaker.emulator_clients import KEY, s3_client
from assembly_line.embedded.sagemaker.jobs.container import Container, StopSignal
from assembly_line.embedded.sagemaker.jobs.failure_reason import last_exception_line, signal_message
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_log import JobLog
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address, S3Files
from assembly_line.errors import JobFailed

STOP_GRACE_SECONDS = 5.0
REGION = "us-east-1"
# What Glue itself would install or configure; said in the log, because here the environment's own packages serve.
NOT_EMULATED = ("--additional-python-modules", "--extra-jars", "--datalake-formats", "--conf", "--job-bookmark-option")


@dataclass(frozen=True)
class GlueOutcome:
    """How a job run ended.

    Attributes:
        state: Glue's JobRunState: SUCCEEDED, FAILED, TIMEOUT or STOPPED.
        error: Glue's ErrorMessage; None if the run succeeded.
    """

    state: str
    error: str | None = None


def run_job(
    command: dict[str, str],
    arguments: dict[str, str],
    *,
    endpoint_url: str,
    work: Path,
    log: Path,
    timeout_seconds: int | None = None,
    stop: StopSignal | None = None,
) -> GlueOutcome:
    """Run a job's script. Blocks until it ended; never raises for what the job did.

    Args:
        command: Glue's Job.Command: Name (`glueetl` or `pythonshell`) and ScriptLocation (an S3 address).
        arguments: keys with their leading dashes, as in StartJobRun, defaults of the job included.
        endpoint_url: where the emulator answers, S3 among its services.
        work: folder in which the run gets a folder of its own, removed at its end.
        log: file for what the script prints.
        timeout_seconds: after this the run ends as TIMEOUT.
        stop: set by another thread, ends the run as STOPPED.
    """
    work.mkdir(parents=True, exist_ok=True)
    with JobLog(log) as lines:
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=work))
        try:
            outcome = _run(command, arguments, _Run(endpoint_url, folder, lines, timeout_seconds, stop or StopSignal()))
        except JobFailed as error:
            outcome = GlueOutcome("FAILED", str(error))
        except OSError as error:
            outcome = GlueOutcome("FAILED", f"the job could not be run: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        lines.remark(f"{outcome.state}{': ' + outcome.error if outcome.error else ''}")
        return outcome


@dataclass(frozen=True)
class _Run:
    endpoint_url: str
    folder: Path
    log: JobLog
    timeout_seconds: int | None
    stop: StopSignal


def _run(command: dict[str, str], arguments: dict[str, str], run: _Run) -> GlueOutcome:
    kind, location = command.get("Name", ""), command.get("ScriptLocation", "")
    if kind not in {"glueetl", "pythonshell"}:
        raise JobFailed(f"Command.Name {kind!r}: the embedded Glue runs glueetl and pythonshell jobs")
    for key in NOT_EMULATED:
        if key in arguments:
            run.log.remark(f"{key} is not emulated: the job uses what the environment has")
    # Refused before anything is fetched: what is missing then is the machine's, not the job's.
    environment = spark.environment(run.folder, brief=True) if kind == "glueetl" else {}
    files = S3Files(s3_client(run.endpoint_url, REGION))
    script = _fetch(files, location, run.folder / "script")
    libraries = [
        _fetch(files, uri.strip(), run.folder / "libraries")
        for uri in arguments.get("--extra-py-files", "").split(",")
        if uri.strip()
    ]
    temporary = run.folder / "tmp"
    temporary.mkdir()
    container = Container(
        [sys.executable, str(script), *(part for pair in arguments.items() for part in pair)],
        environment=_environment(run, libraries, temporary) | environment,
        cwd=temporary,
        isolation=Isolation.NONE,
        log=run.log,
    )
    deadline = None if run.timeout_seconds is None else time.monotonic() + run.timeout_seconds
    exit_code = container.wait(run.stop, deadline=deadline, grace_seconds=STOP_GRACE_SECONDS)
    if container.ended == "deadline":
        return GlueOutcome("TIMEOUT", f"the job ran longer than its timeout of {run.timeout_seconds} s")
    if container.ended == "stopped":
        return GlueOutcome("STOPPED", "the job was stopped while it ran")
    if exit_code < 0:
        return GlueOutcome("FAILED", signal_message(exit_code))
    if exit_code > 0:
        line = last_exception_line(run.log.error_lines())
        return GlueOutcome("FAILED", line or f"the script ended with status {exit_code} and printed no error")
    return GlueOutcome("SUCCEEDED")


def _fetch(files: S3Files, uri: str, folder: Path) -> Path:
    address = S3Address.parse(uri)
    name = PurePosixPath(address.key).name
    if not name:
        raise JobFailed(f"{uri!r}: expected the S3 address of one file")
    target = folder / name
    files.fetch(address, target)
    return target


def _environment(run: _Run, libraries: list[Path], temporary: Path) -> dict[str, str]:
    # A zip or an egg is importable itself; a module is found through its folder.
    search = [spark.RUNTIME, *(path if path.suffix != ".py" else path.parent for path in libraries)]
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(map(str, search)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": run.endpoint_url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        **BUNDLE_ONLY,
    }
