"""Loaded by the interpreter of an isolated job where the system cannot cut its network: refuses every socket.

An audit hook cannot be removed again by the script. It holds Python code alone: a program that the script starts is
not held, which the job's log says.
"""

import errno
import socket
import sys

REFUSED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in NAMES:
        raise socket.gaierror(socket.EAI_AGAIN, "this job is isolated from the network")
    if event in REFUSED and getattr(arguments[0], "family", None) != getattr(socket, "AF_UNIX", None):
        raise OSError(errno.ENETUNREACH, "this job is isolated from the network")


sys.addaudithook(refuse)
