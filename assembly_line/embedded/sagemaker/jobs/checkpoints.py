"""A training job's checkpoints: what S3 holds is there when the script starts, what the script wrote is kept on S3."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from assembly_line.embedded.sagemaker.jobs.container import to_tree
from assembly_line.embedded.sagemaker.jobs.job_desk import JobDesk
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address
from assembly_line.embedded.sagemaker.jobs.script_mode import TrainingRequest
from assembly_line.errors import JobFailed

LOOK_SECONDS = 0.5


def restore(request: TrainingRequest, desk: JobDesk) -> None:
    """Make the checkpoint folder and fill it from S3. AWS does so at each start, spot or not."""
    if not request.checkpoints:
        return
    folder = desk.tree / "checkpoints"
    folder.mkdir()
    local = request.checkpoints.get("LocalPath", "/opt/ml/checkpoints")
    if to_tree(local.rstrip("/"), desk.tree) != str(folder):
        raise JobFailed(f"ClientError: CheckpointConfig.LocalPath {local!r}: expected /opt/ml/checkpoints")
    if any(True for _ in desk.files.entries(S3Address.parse(request.checkpoints["S3Uri"]))):
        count = desk.files.pull(request.checkpoints["S3Uri"], folder)
        desk.log.remark(f"checkpoints: {count} object(s) from {request.checkpoints['S3Uri']}")


class Checkpoints:
    """Keeps the folder on S3 while the script writes, as AWS does: a file is kept as it lies there, whole or not."""

    def __init__(self, request: TrainingRequest, desk: JobDesk) -> None:
        self._desk, self._folder = desk, desk.tree / "checkpoints"
        self._target = S3Address.parse(request.checkpoints["S3Uri"]) if request.checkpoints else None
        # What lies on S3 already: path -> time of its last change, and size.
        self._kept = {path: _state(path) for path in self._files()}
        self._looked = time.monotonic()

    def keep_now_and_then(self) -> None:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self.keep()
            self._looked = time.monotonic()

    def keep(self) -> None:
        """Write to S3 what changed since the last time."""
        if self._target is None:
            return
        for path in self._files():
            # A script may replace or remove a file at any time.
            with contextlib.suppress(FileNotFoundError):
                state = _state(path)
                if self._kept.get(path) != state:
                    key = f"{self._target.key.rstrip('/')}/{path.relative_to(self._folder).as_posix()}".lstrip("/")
                    self._desk.files.push(path, S3Address(self._target.bucket, key))
                    self._kept[path] = state

    def _files(self) -> list[Path]:
        return [path for path in sorted(self._folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
