"""Each way of keeping a job off the network, tried on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assembly_line.embedded.sagemaker.jobs.container import Container, StopSignal, base_environment
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation, launch_command, strongest
from assembly_line.embedded.sagemaker.jobs.job_desk import choose_isolation
from assembly_line.embedded.sagemaker.jobs.job_log import JobLog
from assembly_line.errors import JobFailed
from tests.waiting import PATIENCE_SECONDS, eventually

TRY_EVERYTHING = """
import socket, sys
host, port = "127.0.0.1", int(sys.argv[1])
def connect(): socket.create_connection((host, port), timeout=3)
def send(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (host, port))
def resolve(): socket.getaddrinfo("example.com", 80)
for attempt in (connect, send, resolve):
    try:
        attempt()
        print(attempt.__name__, "reached", flush=True)
    except OSError as error:
        print(attempt.__name__, "refused:", error, flush=True)
pair = socket.socketpair()
pair[0].send(b"1")
print("within the process", pair[1].recv(1), flush=True)
"""
GUARDED = [Isolation.PYTHON_GUARD]
NAMESPACES = [Isolation.NETWORK_NAMESPACE, Isolation.USER_NAMESPACE]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def allowed(isolation: Isolation) -> bool:
    """Whether this system lets a process make such a namespace."""
    probe = launch_command(isolation, [sys.executable, "-c", ""])
    return subprocess.run(probe, env={}, capture_output=True, check=False).returncode == 0


def run(isolation: Isolation, folder: Path, port: int) -> str:
    (folder / "tmp").mkdir()
    (folder / "script.py").write_text(TRY_EVERYTHING, encoding="utf-8")
    with JobLog(folder / "job.log") as log:
        container = Container(
            [sys.executable, "script.py", str(port)],
            environment=base_environment(folder, threads=1, code=folder, isolation=isolation),
            cwd=folder,
            isolation=isolation,
            log=log,
        )
        assert container.wait(StopSignal(), deadline=time.monotonic() + PATIENCE_SECONDS, grace_seconds=1) == 0, (
            log.error_lines()
        )
    return (folder / "job.log").read_text(encoding="utf-8")


def test_without_isolation_a_listener_is_reached(listener: socket.socket, tmp_path: Path) -> None:
    assert "connect reached" in run(Isolation.NONE, tmp_path, listener.getsockname()[1])


@pytest.mark.parametrize("isolation", [*NAMESPACES, *GUARDED])
def test_an_isolated_process_reaches_nobody(isolation: Isolation, listener: socket.socket, tmp_path: Path) -> None:
    if isolation in NAMESPACES and not allowed(isolation):
        # What this system refuses must not have been chosen: that is the promise left to hold.
        assert strongest() is not isolation
        return
    seen = run(isolation, tmp_path, listener.getsockname()[1])

    assert "connect refused" in seen
    assert "resolve refused" in seen
    assert "within the process b'1'" in seen
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()
    if isolation in GUARDED:
        assert "send refused" in seen


def test_what_is_chosen_holds_and_says_what_it_is() -> None:
    chosen = strongest()

    assert chosen is not None
    assert chosen is not Isolation.NONE
    assert "network isolation: " in chosen.describe()
    assert choose_isolation(True, chosen) is chosen
    assert choose_isolation(False, chosen) is Isolation.NONE


def test_a_job_that_cannot_be_isolated_is_not_run() -> None:
    with pytest.raises(JobFailed, match="EnableNetworkIsolation cannot be kept"):
        choose_isolation(True, None)


def test_a_process_that_lost_its_parent_does_not_begin() -> None:
    command = launch_command(Isolation.NONE, [sys.executable, "-c", "print('ran')"])
    command[5] = str(os.getpid() + 100_000)

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 70
    assert "ran" not in done.stdout
    assert "has ended" in done.stderr


def test_a_container_ends_what_its_script_left_running(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "script.py").write_text(
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n",
        encoding="utf-8",
    )
    with JobLog(tmp_path / "job.log") as log:
        container = Container(
            [sys.executable, "script.py"],
            environment=base_environment(tmp_path, threads=1, code=tmp_path, isolation=Isolation.NONE),
            cwd=tmp_path,
            isolation=Isolation.NONE,
            log=log,
        )
        assert container.wait(StopSignal(), deadline=None, grace_seconds=1) == 0
    left = Path("/proc") / (tmp_path / "job.log").read_text(encoding="utf-8").strip() / "stat"
    eventually(lambda: not runs(left), "the script's own child ended")


def runs(status: Path) -> bool:
    """Whether a process is there and no zombie that waits for its parent."""
    try:
        return status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False
