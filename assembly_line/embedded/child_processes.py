"""The two processes of the embedded AWS: how each is started, and when it is ready."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assembly_line.embedded.call_log import FOLDER_VARIABLE
from assembly_line.embedded.processes import ProcessIdentity, is_alive, start_detached
from assembly_line.embedded.runtime import ACCOUNT, HOST, Runtime, credentials
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.errors import EmbeddedAwsError

REPOSITORY = Path(__file__).parents[2]
PACKAGE = "assembly_line.embedded"
READY_SECONDS = 60.0
# Where the emulator tells what a stop would cut. At the second, it also begins nothing new if that is nothing.
INTERRUPTIBLE_PATH, HOLD_PATH = "/_line/interruptible", "/_line/hold"
# Hides this folder from the programs of the environment, see tools/installation/python_packages.py.
BUNDLE_ONLY = {"ASSEMBLY_LINE_BUNDLE_ONLY": "1"}
INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "SSL_CERT_FILE", "SSL_CERT_DIR", "JAVA_HOME", "LD_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process to start: a module of this package and what it needs to know."""

    name: str
    module: str
    environment: Mapping[str, str]
    ready_url: str


def children(runtime: Runtime, folder: StateFolder) -> list[Child]:
    """In the order in which they start: CloudFormation creates SageMaker resources in the SageMaker process."""
    return [_sagemaker(runtime, folder), _emulator(runtime, folder)]


def start(child: Child, folder: StateFolder) -> ProcessIdentity:
    """Start without waiting for readiness. Raises EmbeddedAwsError if it ends at once."""
    log = folder.logs / f"{child.name}.log"
    identity = start_detached(
        [sys.executable, "-m", child.module], environment=child.environment, folder=REPOSITORY, log=log
    )
    if identity is None:
        raise EmbeddedAwsError(last_words(child.name, log))
    return identity


def wait_until_ready(child: Child, identity: ProcessIdentity, folder: StateFolder) -> None:
    """Poll the process's own readiness address. Raises EmbeddedAwsError with the end of its log."""
    wait_for(child.name, child.ready_url, identity, folder)


def wait_for(
    name: str, url: str, identity: ProcessIdentity, folder: StateFolder, *, seconds: float = READY_SECONDS
) -> None:
    """Poll an address of a process until it answers.

    Raises:
        EmbeddedAwsError: it ended, with the end of its log, or did not answer in time.
    """
    log = folder.logs / f"{name}.log"
    deadline = time.monotonic() + seconds
    while not answers(url):
        if not is_alive(identity):
            folder.check_space()
            raise EmbeddedAwsError(last_words(name, log))
        if time.monotonic() > deadline:
            raise EmbeddedAwsError(f"{name}: did not answer {url} within {seconds:.0f} s; its log is {log}")
        time.sleep(0.03)


def answers(url: str, *, timeout_seconds: float = 2.0) -> bool:
    """True if a GET gives a 2xx status."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_seconds) as answer:  # noqa: S310 - our own loopback address
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def interruptible(runtime: Runtime, *, hold: bool = False) -> list[str]:
    """What a stop would cut, in words for a person; nothing if the emulator does not tell.

    Args:
        hold: where it would cut nothing, nothing begins from now on. For a stop that follows at once.
    """
    try:
        path = HOLD_PATH if hold else INTERRUPTIBLE_PATH
        with urllib.request.urlopen(runtime.endpoint_url + path, timeout=10) as answer:  # noqa: S310 - our own loopback address
            found: list[str] = json.loads(answer.read())
    except (urllib.error.URLError, OSError, ValueError):
        return []
    return found


def free_port() -> int:
    """A port that the operating system gave and that is free again."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise EmbeddedAwsError if something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the emulator itself binds: a connection that is still closing does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmbeddedAwsError(
                f"port {port} on {HOST} is not available ({error.strerror}); "
                "choose another with --port, or leave the option out and a free one is taken"
            ) from error


def _sagemaker(runtime: Runtime, folder: StateFolder) -> Child:
    return Child(
        name="sagemaker",
        module=f"{PACKAGE}.sagemaker",
        environment={
            **_base(folder),
            "SAGEMAKER_PORT": str(runtime.sagemaker_port),
            "AWS_ENDPOINT_URL": runtime.endpoint_url,
            "SAGEMAKER_STATE": str(folder.sagemaker),
            "SAGEMAKER_WORK": str(folder.work / "sagemaker"),
            "SAGEMAKER_LOGS": str(folder.logs / "sagemaker"),
            "MOTO_ACCOUNT_ID": ACCOUNT,
            "SAGEMAKER_INTERPRETERS": json.dumps(runtime.interpreters),
        },
        ready_url=f"{runtime.sagemaker_url}/moto-api/",
    )


def _emulator(runtime: Runtime, folder: StateFolder) -> Child:
    return Child(
        name="emulator",
        module=f"{PACKAGE}.emulator",
        environment={
            **_base(folder),
            "GATEWAY_PORT": str(runtime.emulator_port),
            "BIND_HOST": HOST,
            # Custom resources call back here; "localhost" may resolve to an address that nobody listens on.
            "MINISTACK_HOST": HOST,
            # AWS_ENDPOINT_URL is left out on purpose: it would win over the emulator's own port in Lambda workers.
            "AWS_ENDPOINT_URL_SAGEMAKER": runtime.sagemaker_url,
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(folder.services),
            "S3_DATA_DIR": str(folder.objects),
            "GLUE_WORK": str(folder.work / "glue"),
            "GLUE_LOGS": str(folder.logs / "glue"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "INFO",
        },
        ready_url=f"{runtime.endpoint_url}/_ministack/ready",
    )


def _base(folder: StateFolder) -> dict[str, str]:
    """Built from scratch: whatever stands here reaches every Lambda function, so nothing of the user's may."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    numeric = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    own_programs = str(Path(sys.executable).parent)  # node for JavaScript custom resources, python for jobs
    return {
        "OPENBLAS_NUM_THREADS": "2",
        **inherited,
        **numeric,
        **credentials(),
        **BUNDLE_ONLY,
        "PATH": os.pathsep.join([own_programs, os.environ.get("PATH", os.defpath)]),
        "TMPDIR": str(folder.temporary),
        FOLDER_VARIABLE: str(folder.calls),
        "PYTHONUNBUFFERED": "1",
        # As in Lambda, which runs in UTC; and nothing here collects traces.
        "TZ": "UTC",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
    }


def last_words(name: str, log: Path) -> str:
    """That a process ended while it started, with the end of its log."""
    try:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    except OSError:
        tail = []
    return "\n  ".join([f"{name}: ended while starting; its log is {log}, the last lines are:", *tail])
