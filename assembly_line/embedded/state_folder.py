"""Where the embedded AWS keeps what: the folders under `.line/`, and whether they were left in good order."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assembly_line.errors import EmbeddedAwsError

MINIMUM_FREE_MIB = 200
# Files of the account that change without anybody's work.
NO_WORK = frozenset({"disposable", "closed-cleanly", "services/saved", "calls/emulator.jsonl", "calls/sagemaker.jsonl"})


@dataclass(frozen=True)
class StateFolder:
    """The layout of `.line/`. Everything that belongs to the emulated account lies under `account`."""

    root: Path

    @property
    def runtime(self) -> Path:
        return self.root / "runtime.json"

    @property
    def account(self) -> Path:
        return self.root / "account"

    @property
    def services(self) -> Path:
        return self.account / "services"

    @property
    def objects(self) -> Path:
        return self.account / "s3"

    @property
    def sagemaker(self) -> Path:
        return self.account / "sagemaker"

    @property
    def calls(self) -> Path:
        """Every call of AWS, as it came in."""
        return self.account / "calls"

    @property
    def recorded(self) -> Path:
        """Exists once a recording for the proof is whole."""
        return self.calls / "whole"

    @property
    def deployment(self) -> Path:
        """Digest of the assembly that was deployed last."""
        return self.account / "deployment.json"

    @property
    def clean(self) -> Path:
        """Exists only while nothing runs and all state was written."""
        return self.account / "closed-cleanly"

    @property
    def saved(self) -> Path:
        """Written by the emulator after it has saved every service."""
        return self.services / "saved"

    @property
    def disposable(self) -> Path:
        """The fingerprint of what a demo left; another one means that somebody has worked in the account since."""
        return self.account / "disposable"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and files. Beside the account: it has the runs of other environments, too."""
        return self.root / "mlflow"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def assemblies(self) -> Path:
        return self.root / "assembly"

    def prepare(self) -> None:
        """Make the folders; what earlier processes left in the temporary ones is removed."""
        for folder in (self.temporary, self.work):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.services, self.objects, self.sagemaker, self.calls, self.logs, self.temporary, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def free_mib(self) -> int:
        return shutil.disk_usage(self.root).free // 2**20

    def check_space(self) -> None:
        """Raise EmbeddedAwsError if the file system is too full to work on."""
        free = self.free_mib()
        if free < MINIMUM_FREE_MIB:
            raise EmbeddedAwsError(
                f"{self.root}: {free} MiB are free on its file system, at least {MINIMUM_FREE_MIB} MiB are needed; "
                "free some space or choose another state folder"
            )

    def move_aside_if_unclean(self) -> Path | None:
        """Where a state that nobody closed was moved to; None if it was in order or there is none."""
        if not self.account.exists() or self.clean.exists():
            return None
        return self._move_aside("unclean")

    def give_way(self) -> Path | None:
        """Make place for another account. What a demo left is removed; returns where anything else was moved to."""
        aside = self.move_aside_if_unclean()
        if aside is not None or not self.account.exists():
            return aside
        if not self._is_disposable():
            return self._move_aside("kept")
        shutil.rmtree(self.account)
        return None

    def mark_disposable(self) -> None:
        """Say that the account holds nothing that somebody would miss, as long as nothing in it changes."""
        self.disposable.write_text(fingerprint(self.account), encoding="utf-8")

    def _is_disposable(self) -> bool:
        marked = self.disposable.read_text(encoding="utf-8") if self.disposable.exists() else None
        return marked == fingerprint(self.account)

    def _move_aside(self, why: str) -> Path:
        aside = self.root / f"{why}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        self.account.rename(aside)
        return aside

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One start or stop at a time; another one waiting gets an error at once."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise EmbeddedAwsError(
                    f"{self.root}: another command is starting or stopping the embedded AWS; wait for it to end"
                ) from error
            yield


def fingerprint(account: Path) -> str:
    """Changes with anything that work leaves in the stopped account; starting and stopping alone leave it as it is."""
    digest = hashlib.sha256()
    for path in sorted(path for path in account.rglob("*") if path.is_file()):
        name = path.relative_to(account).as_posix()
        if name not in NO_WORK:
            digest.update(f"{len(name)}:{name}:{path.stat().st_size}:".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def moved_aside(aside: Path, why: str) -> str:
    """What a person is told of an account that gave way."""
    return (
        f"{why}: it was moved to {aside}. Delete that folder when you need nothing of it; to have it back, run "
        f"`line down`, move what is in {aside.with_name('account')} elsewhere, and this folder there."
    )


@contextmanager
def explaining_full_disk(folder: StateFolder) -> Iterator[None]:
    """Turn the system's "no space left" into an EmbeddedAwsError that says where."""
    try:
        yield
    except OSError as error:
        # shutil.copytree gathers its errors into one without a number.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise EmbeddedAwsError(
            f"{folder.root}: its file system is full ({folder.free_mib()} MiB free, at least {MINIMUM_FREE_MIB} MiB "
            "are needed); free some space or choose another state folder"
        ) from error
