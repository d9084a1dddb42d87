"""What the SageMaker process reads from its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from assembly_line.errors import EmbeddedAwsError, SettingMissing


@dataclass(frozen=True, kw_only=True)
class SageMakerSettings:
    """Where the process listens, where S3 answers, where it keeps records and runs jobs."""

    port: int
    emulator_url: str
    state: Path
    work: Path
    logs: Path
    account: str = "000000000000"
    region: str = "us-east-1"
    workers: int = 2
    # Repository of an image -> a Python that stands for it.
    interpreters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_process(cls, source: Mapping[str, str] = os.environ) -> Self:
        """Read the variables, or name every one that is missing at once."""
        required = ("SAGEMAKER_PORT", "AWS_ENDPOINT_URL", "SAGEMAKER_STATE", "SAGEMAKER_WORK")
        missing = [name for name in required if not source.get(name)]
        if missing:
            raise SettingMissing(cls.__name__, missing)
        work = Path(source["SAGEMAKER_WORK"]).absolute()
        return cls(
            port=_number(source, "SAGEMAKER_PORT", source["SAGEMAKER_PORT"], 0, 65535),
            emulator_url=source["AWS_ENDPOINT_URL"],
            state=Path(source["SAGEMAKER_STATE"]).absolute(),
            work=work,
            # Beside the job trees by default, so that logs outlive them.
            logs=Path(source.get("SAGEMAKER_LOGS") or work.parent / "logs").absolute(),
            account=source.get("MOTO_ACCOUNT_ID", "000000000000"),
            region=source.get("AWS_DEFAULT_REGION") or source.get("AWS_REGION") or "us-east-1",
            workers=_number(source, "SAGEMAKER_WORKERS", "2", 1, 64),
            interpreters=json.loads(source.get("SAGEMAKER_INTERPRETERS") or "{}"),
        )

    @property
    def trees(self) -> Path:
        """Where the folders of running jobs lie; nothing else does, so that a start may clear it."""
        return self.work / "opt-ml"

    @property
    def threads_per_job(self) -> int:
        """Cores of this machine shared by the jobs that may run at once, at least one."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // self.workers)


def _number(source: Mapping[str, str], name: str, default: str, lowest: int, highest: int) -> int:
    text = source.get(name) or default
    if not text.isdigit() or not lowest <= int(text) <= highest:
        raise EmbeddedAwsError(f"{name}={text!r}: expected a whole number from {lowest} to {highest}")
    return int(text)
