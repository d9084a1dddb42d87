"""One training job, from its channels on S3 to its archive on S3."""

from __future__ import annotations

import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from assembly_line.embedded.sagemaker import archives
from assembly_line.embedded.sagemaker.jobs import checkpoints
from assembly_line.embedded.sagemaker.jobs.code_installation import install, install_requirements
from assembly_line.embedded.sagemaker.jobs.container import Container, base_environment, from_tree
from assembly_line.embedded.sagemaker.jobs.failure_reason import script_failure
from assembly_line.embedded.sagemaker.jobs.interpreters import interpreter_for
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_desk import COMPLETED, SHUT_DOWN, STOPPED, JobDesk, JobEnd
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address
from assembly_line.embedded.sagemaker.jobs.script_mode import Script, TrainingRequest, channel_folder, prepare
from assembly_line.errors import JobFailed
from assembly_line.training import framework_of

# AWS waits 120 seconds after SIGTERM; a laptop need not.
STOP_GRACE_SECONDS = 5.0
MAX_RUNTIME_EXCEEDED = JobEnd("Stopped", "MaxRuntimeExceeded")
MAX_WAIT_EXCEEDED = JobEnd("Stopped", "MaxWaitTimeExceeded")
INTERRUPTED = JobEnd("InProgress", "Interrupted")
ENDS = {"stopped": STOPPED, "interrupted": INTERRUPTED, "deadline": MAX_RUNTIME_EXCEEDED}


def run_training(request: TrainingRequest, desk: JobDesk) -> JobEnd:
    """Run the job whole. Blocks until it ended; a model is uploaded if it completed or was stopped, as in AWS.

    Raises:
        JobFailed: the script, its data or its artifacts failed; the message is the job's FailureReason.
    """
    desk.log.remark(desk.isolation.describe())
    clock = Clock(request)
    while (end := _run_on_one_instance(request, desk, clock)) is INTERRUPTED:
        desk.log.remark("the spot instance was taken away; the job goes on on another one")
        desk.progress.enter("Interrupted", "Managed spot instances were interrupted")
        # Another instance has nothing of this one but what lies on S3.
        for left in list(desk.tree.iterdir()):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if (waited := _await_capacity(desk, clock)) is not None:
            return waited
        desk.stop.interrupted.clear()
        desk.progress.enter("Starting", "Starting the training job again")
    return end


class Clock:
    """How long a job has run, and until when it may wait for instances."""

    def __init__(self, request: TrainingRequest) -> None:
        self._left = float(request.max_runtime_seconds)
        wait = request.max_wait_seconds if request.spot else None
        self.patience = None if wait is None else time.monotonic() + wait
        self._begun = 0.0

    def begin(self) -> float:
        """Until when the script may run, by the monotonic clock."""
        self._begun = time.monotonic()
        return self._begun + self._left

    def pause(self) -> None:
        self._left -= time.monotonic() - self._begun

    def is_late(self) -> bool:
        return self.patience is not None and time.monotonic() >= self.patience


def _await_capacity(desk: JobDesk, clock: Clock) -> JobEnd | None:
    """Wait until there is another instance. How the job ends, if it ends before."""
    while not desk.capacity():
        if clock.is_late():
            return MAX_WAIT_EXCEEDED
        if (end := desk.check_stop()) is not None:
            return end
        desk.stop.requested.wait(0.1)
    return MAX_WAIT_EXCEEDED if clock.is_late() else None


def _run_on_one_instance(request: TrainingRequest, desk: JobDesk, clock: Clock) -> JobEnd:
    python = interpreter_for(request.image, desk.interpreters)
    script = prepare(request, desk.tree, threads=desk.threads)
    desk.progress.enter("Downloading", "Downloading input data")
    _pull_channels(request, desk)
    checkpoints.restore(request, desk)
    code = _fetch_code(script, request, desk)
    if (end := desk.check_stop()) is not None:
        return end
    desk.progress.enter("Training", "Training image download completed. Training in progress.")
    kept = checkpoints.Checkpoints(request, desk)
    try:
        end = _run_script(script, request, desk, code, python, clock=clock, meanwhile=kept.keep_now_and_then)
    finally:
        clock.pause()
        kept.keep()
    if end.status == "Failed" or end is INTERRUPTED:
        return end
    desk.progress.enter("Uploading", "Uploading generated training model")
    _push_artifacts(request, desk, partial=end is not COMPLETED)
    return end


def _pull_channels(request: TrainingRequest, desk: JobDesk) -> None:
    for channel in request.channels:
        name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
        if not source or source.get("S3DataType") != "S3Prefix" or channel.get("InputMode") == "Pipe":
            raise JobFailed(
                f"ClientError: channel {name!r}: the embedded SageMaker reads S3DataSource with S3DataType S3Prefix in "
                "InputMode File or FastFile"
            )
        if desk.check_stop() is None:
            count = desk.files.pull(source["S3Uri"], channel_folder(desk.tree, name))
            desk.log.remark(f"channel {name}: {count} object(s) from {source['S3Uri']}")


def _fetch_code(script: Script, request: TrainingRequest, desk: JobDesk) -> Path:
    """Put the script's code where the toolkit does, and return that folder."""
    code, place = desk.tree / "code", script.submit_directory
    if place is None:
        return code
    if place.startswith(("s3://", "https://")):
        if request.isolated:
            # The toolkit downloads from inside the container, which has no network here.
            raise JobFailed(
                f"AlgorithmError: Could not connect to the endpoint URL: an isolated container cannot reach {place!r}. "
                "With EnableNetworkIsolation the code must arrive as an input channel: set sagemaker_submit_directory "
                "to its local path, such as /opt/ml/input/data/code"
            )
        packed = desk.tree / "tmp" / "sourcedir.tar.gz"
        desk.files.fetch(S3Address.parse(place), packed)
        archives.unpack(packed, code, what=place)
        packed.unlink()
        return code
    _copy_local(Path(place), code, desk.tree)
    return code


def _copy_local(place: Path, code: Path, tree: Path) -> None:
    shown = from_tree(str(place), tree)
    if not place.resolve().is_relative_to(tree.resolve()):
        raise JobFailed(f"ClientError: sagemaker_submit_directory {shown!r} is not below /opt/ml of the container")
    if place.resolve() == code.resolve():
        return
    if place.is_dir():
        shutil.rmtree(code)
        shutil.copytree(place, code)
    elif place.is_file() and tarfile.is_tarfile(place):
        archives.unpack(place, code, what=shown)
    elif place.is_file():
        shutil.copy2(place, code)
    else:
        raise JobFailed(
            f"AlgorithmError: FileNotFoundError: sagemaker_submit_directory {shown!r} does not exist in the container; "
            "the channel that brings the code is missing or has another name"
        )


def _run_script(
    script: Script,
    request: TrainingRequest,
    desk: JobDesk,
    code: Path,
    python: str,
    *,
    clock: Clock,
    meanwhile: Callable[[], object],
) -> JobEnd:
    path = (code / script.program).resolve()
    if not path.is_file() or not path.is_relative_to(code.resolve()):
        raise JobFailed(
            f"AlgorithmError: ExecuteUserScriptError: sagemaker_program {script.program!r} is not among the code: "
            f"{sorted(path.name for path in code.iterdir())}"
        )
    deadline = clock.begin()
    run, modules, folder = [script.program], code, code
    framework = framework_of(request.image)
    if framework is not None and framework.installed_to_train:
        # Its toolkit runs the installed module, not the file; the folder itself is not on the path.
        run, modules, folder = ["-m", path.stem], install(code, script.program, desk, python), desk.tree
    else:
        install_requirements(code, desk, python)
    environment = base_environment(
        desk.tree, threads=desk.threads, code=modules, isolation=desk.isolation, python=python
    )
    container = Container(
        [python, *run, *script.arguments],
        environment=environment | script.variables | _kept(environment, desk.isolation),
        cwd=folder,
        isolation=desk.isolation,
        log=desk.log,
    )
    exit_code = container.wait(desk.stop, deadline=deadline, grace_seconds=STOP_GRACE_SECONDS, meanwhile=meanwhile)
    if desk.stop.shutdown.is_set():
        return JobEnd.failed(SHUT_DOWN)
    if container.ended is not None:
        return ENDS[container.ended]
    if exit_code != 0:
        command = " ".join(["python", *run, *script.arguments])
        reason = script_failure(exit_code, desk.log.error_lines(), command=command, written=_failure_file(desk.tree))
        raise JobFailed(from_tree(reason, desk.tree))
    return COMPLETED


def _kept(environment: dict[str, str], isolation: Isolation) -> dict[str, str]:
    """What a job's own Environment must not replace: without the guard's path there would be no isolation."""
    return {"PYTHONPATH": environment["PYTHONPATH"]} if isolation is Isolation.PYTHON_GUARD else {}


def _failure_file(tree: Path) -> str | None:
    path = tree / "output" / "failure"
    return path.read_text(encoding="utf-8", errors="replace").strip() or None if path.is_file() else None


def _push_artifacts(request: TrainingRequest, desk: JobDesk, *, partial: bool) -> None:
    artifacts = S3Address.parse(request.artifacts)
    for folder, name in (("model", "model.tar.gz"), ("output/data", "output.tar.gz")):
        source = desk.tree / folder
        if not any(source.iterdir()) and (partial or folder != "model"):
            continue
        packed = desk.tree / "tmp" / name
        archives.pack(source, packed)
        desk.files.push(packed, S3Address(artifacts.bucket, artifacts.key.removesuffix("model.tar.gz") + name))
        packed.unlink()
