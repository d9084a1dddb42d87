"""How a job is kept off the network on this machine, found out by trying."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parent
LAUNCHER = HERE / "launcher.py"
GUARD = HERE / "guard"
# Ends with 0 only if the connection is refused or unreachable; a reached listener or a broken probe is no isolation.
PROBE = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
except OSError:
    sys.exit(0)
sys.exit(7)
"""


class Isolation(StrEnum):
    """What keeps a process from the network; the values are the launcher's argument."""

    NONE = "none"
    NETWORK_NAMESPACE = "network-namespace"
    USER_NAMESPACE = "user-namespace"
    PYTHON_GUARD = "python-guard"

    def describe(self) -> str:
        return {
            Isolation.NONE: "network isolation: off; this job may reach the network",
            Isolation.NETWORK_NAMESPACE: "network isolation: on, by a network namespace of its own",
            Isolation.USER_NAMESPACE: "network isolation: on, by a user and network namespace of its own",
            Isolation.PYTHON_GUARD: "network isolation: Python only: this system allows no network namespace, so "
            "sockets are refused inside Python; a program that the script starts is not held",
        }[self]


def launch_command(isolation: Isolation, command: list[str]) -> list[str]:
    """The command line that runs a command below the launcher. Its parent must be this process."""
    return [sys.executable, "-I", "-S", str(LAUNCHER), isolation.value, str(os.getpid()), *command]


def strongest() -> Isolation | None:
    """The strongest isolation that holds here, or None where not even Python can be kept off the network."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        candidates = (Isolation.NETWORK_NAMESPACE, Isolation.USER_NAMESPACE, Isolation.PYTHON_GUARD)
        return next((candidate for candidate in candidates if _holds(candidate, port)), None)


def _holds(candidate: Isolation, port: str) -> bool:
    guarded = candidate is Isolation.PYTHON_GUARD
    command = [sys.executable, *([] if guarded else ["-I", "-S"]), "-c", PROBE, port]
    try:
        done = subprocess.run(
            launch_command(candidate, command),
            env={"PYTHONPATH": str(GUARD)} if guarded else {},
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
