"""What is known of a running embedded AWS: where it listens, which processes it is, how a client reaches it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assembly_line.embedded.processes import ProcessIdentity

REGION = "us-east-1"
ACCOUNT = "000000000000"
HOST = "127.0.0.1"
# The emulators accept any key; a key of twelve digits would name another account.
ACCESS_KEY = "test"
# By which the emulated services call each other. Nobody's permissions are judged by these calls.
SERVICE_KEY = "service"
SECRET_KEY = "test"  # noqa: S105 - not a secret: nothing outside this machine accepts it


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One running embedded AWS. Written to `<state>/runtime.json` for whoever needs to reach or stop it."""

    root: Path
    emulator_port: int
    sagemaker_port: int
    processes: dict[str, ProcessIdentity]
    started: str  # UTC, ISO 8601
    versions: dict[str, str]
    interpreters: dict[str, str] = field(default_factory=dict)  # repository of an image -> a Python that stands for it

    @property
    def endpoint_url(self) -> str:
        """Where every service but SageMaker answers."""
        return f"http://{HOST}:{self.emulator_port}"

    @property
    def sagemaker_url(self) -> str:
        return f"http://{HOST}:{self.sagemaker_port}"

    def environment(self) -> dict[str, str]:
        """The AWS variables of a client process: endpoints, keys, region, and nothing from the user's own account."""
        return {
            **credentials(),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.sagemaker_url,
        }

    def client_environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """`base` (the own process's by default) without any AWS variable, and with `environment()` instead."""
        inherited = os.environ if base is None else base
        kept = {name: value for name, value in inherited.items() if not name.startswith(("AWS_", "CDK_"))}
        return {**kept, **self.environment()}

    def cdk_environment(self) -> dict[str, str]:
        """For the CDK's command, which then prints nothing but what it does."""
        return self.client_environment() | {"CI": "true", "NO_COLOR": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}


def credentials() -> dict[str, str]:
    """Keys and region of the embedded AWS; the user's own profile, config and instance metadata are shut out."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # StartSyncExecution and others prefix the host name, and "sync-127.0.0.1" does not resolve.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def write_runtime(path: Path, runtime: Runtime) -> None:
    """Write atomically: a reader sees the old or the new one, never half."""
    content = asdict(runtime) | {"root": str(runtime.root), "endpoint_url": runtime.endpoint_url}
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def read_runtime(path: Path) -> Runtime | None:
    """None if there is none, or if it is unreadable (which is what a killed start may leave)."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Runtime(
            root=Path(content["root"]),
            emulator_port=content["emulator_port"],
            sagemaker_port=content["sagemaker_port"],
            processes={name: ProcessIdentity(**identity) for name, identity in content["processes"].items()},
            started=content["started"],
            versions=content["versions"],
            interpreters=content.get("interpreters", {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Replace the file in one step, from a temporary one beside it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
