"""First program of every job's process: cuts the network off, ties the process to its parent, becomes the command.

Run as a file by a bare interpreter (`python -I -S launcher.py <isolation> <parent's pid> <command> ...`), so it imports
the standard library alone. `network-namespace` and `user-namespace` end with status 70 where the system refuses.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS = 0x8914
IFF_UP_AND_RUNNING = 0x41
REFUSED = 70


def cut_network(isolation: str) -> None:
    """Move this process into a network of its own, in which only its own loopback exists."""
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNET | (CLONE_NEWUSER if isolation == "user-namespace" else 0)
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), f"unshare({flags:#x})")
    if isolation == "user-namespace":
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP_AND_RUNNING))


def tie_to_parent(parent: int) -> None:
    """Ask the kernel to end this process when the parent does, however the parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError("the process that started this job has ended")


def main(arguments: list[str]) -> None:
    isolation, parent, command = arguments[0], int(arguments[1]), arguments[2:]
    try:
        if isolation.endswith("-namespace"):
            cut_network(isolation)
        tie_to_parent(parent)
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"the job's process could not be set up ({isolation}): {error}\n")
        raise SystemExit(REFUSED) from error
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execv(command[0], command)  # noqa: S606  the command is this project's own: an interpreter and a job's script


if __name__ == "__main__":
    main(sys.argv[1:])
