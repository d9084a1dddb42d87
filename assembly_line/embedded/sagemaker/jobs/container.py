"""A job's process, in place of SageMaker's container: own environment, own process group, ended whole."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from assembly_line.embedded.child_processes import BUNDLE_ONLY
from assembly_line.embedded.sagemaker.jobs.isolation import GUARD, Isolation, launch_command
from assembly_line.embedded.sagemaker.jobs.job_log import JobLog

# Where a path of the container begins; not inside another path such as /srv/opt/ml.
CONTAINER_ROOT = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
POLL_SECONDS = 0.1
Ended = Literal["stopped", "interrupted", "deadline"]
# Where pip puts what a container would have in its own environment.
INSTALLED = "installed"


@dataclass
class StopSignal:
    """Why a running job shall end: its owner asked, the whole process stops, or its spot instance is taken away."""

    requested: threading.Event = field(default_factory=threading.Event)
    shutdown: threading.Event = field(default_factory=threading.Event)
    interrupted: threading.Event = field(default_factory=threading.Event)

    def is_set(self) -> bool:
        """Whether it ends for good."""
        return self.requested.is_set() or self.shutdown.is_set()

    @property
    def word(self) -> Ended | None:
        if self.is_set():
            return "stopped"
        return "interrupted" if self.interrupted.is_set() else None


def to_tree(text: str, tree: Path) -> str:
    """Replace the container's root folder by the job's folder wherever a path begins in a text."""
    return CONTAINER_ROOT.sub(lambda _: str(tree), text)


def from_tree(text: str, tree: Path) -> str:
    """The reverse, for what a person reads."""
    return text.replace(str(tree), "/opt/ml")


def base_environment(
    tree: Path, *, threads: int, code: Path, isolation: Isolation, python: str = sys.executable
) -> dict[str, str]:
    """The environment every job starts from: nothing is inherited, so neither credentials nor endpoints can be."""
    search = [str(code), str(tree / INSTALLED), *([str(GUARD)] if isolation is Isolation.PYTHON_GUARD else [])]
    return {
        "PATH": os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(tree / "tmp"),
        "TMPDIR": str(tree / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(search),
        **BUNDLE_ONLY,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        # Threads that wait in a spin take the cores from the job beside.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class Container:
    """A started process. `ended` is why it ended before it did so by itself, if so."""

    def __init__(
        self,
        command: list[str],
        *,
        environment: dict[str, str],
        cwd: Path,
        isolation: Isolation,
        log: JobLog,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self.ended: Ended | None = None
        self._process = subprocess.Popen(
            launch_command(isolation, command),
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self._readers = [
            threading.Thread(target=_copy, args=(stream, log, stream is self._process.stderr), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(
        self,
        stop: StopSignal,
        *,
        deadline: float | None,
        grace_seconds: float,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> int:
        """Wait for the process, ending it when told to or at the deadline (monotonic seconds).

        Args:
            meanwhile: called again and again while it runs.

        Returns:
            Its return code; negative is the signal that ended it.
        """
        while True:
            try:
                code = self._process.wait(timeout=POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                meanwhile()
                late = deadline is not None and time.monotonic() >= deadline
                if stop.word is not None or late:
                    self.ended = stop.word or "deadline"
                    code = self.end(1.0 if stop.shutdown.is_set() else grace_seconds)
                    break
        self._sweep()
        return code

    def end(self, grace_seconds: float) -> int:
        """SIGTERM to the process group, SIGKILL after the grace. Returns the return code."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(timeout=10)
        self._sweep()
        return self._process.returncode

    def poll(self) -> int | None:
        return self._process.poll()

    def _sweep(self) -> None:
        """End what the script left running in its group, then read what is left of its output."""
        self._signal(signal.SIGKILL)
        for reader in self._readers:
            reader.join(timeout=2)

    def _signal(self, number: signal.Signals) -> None:
        # The group carries the process's own id, as it leads a session of its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _copy(stream: IO[bytes], log: JobLog, error: bool) -> None:
    with stream:
        for raw in iter(lambda: stream.readline(65536), b""):
            log.write(raw.decode("utf-8", errors="replace").rstrip("\r\n"), error=error)
