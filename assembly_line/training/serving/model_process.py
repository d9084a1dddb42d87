"""A process that serves one model: its archive unpacked into a folder, its code loaded once, its environment bare."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

from assembly_line.canonical import digest_bytes
from assembly_line.errors import JobFailed
from assembly_line.training.serving.model_server import read_frame, write_frame

MODEL_SERVER = Path(__file__).with_name("model_server.py")
CSV = "text/csv"
# What Python itself needs to start in a Lambda. Credentials are not among it.
KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
# Where a Lambda's layers lie.
LAYERS = "/opt/"


class ModelProcess:
    """Serves the model of an archive until it is ended, with every process that its code started in its session.

    Args:
        archive: the packed model, inference code included.
        digest: its SHA-256.
        folder: an empty one, which the process may write.
        program: file name of the inference script.
        rows: what becomes of CSV where the script does not say (`Framework.rows`).

    Raises:
        JobFailed: the archive is another one, or its model cannot be loaded.
    """

    def __init__(self, archive: bytes, digest: str, folder: Path, *, program: str, rows: str) -> None:
        self.digest = digest
        self._process = self._started(_unpacked(archive, digest, folder), program, rows)
        try:
            self._answer("the model could not be loaded")
        except JobFailed:
            self.end()
            raise

    def answer(self, rows: bytes) -> bytes:
        """The model's answers to rows of CSV.

        Raises:
            JobFailed: the model raised, or its process ended.
        """
        try:
            write_frame(self._requests, {"content_type": CSV, "accept": CSV}, rows)
        except BrokenPipeError as error:
            raise self._ended() from error
        return self._answer("the model raised")

    def end(self) -> None:
        # The model's code may have started others, which would see the next model's files.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._requests.close()
        self._responses.close()

    def _started(self, folder: Path, program: str, rows: str) -> subprocess.Popen[bytes]:
        (requests, ours), (theirs, responses) = os.pipe(), os.pipe()
        code = folder / "code"
        options = {
            "program": program,
            "code": str(code),
            "model": str(folder),
            "requests": requests,
            "responses": responses,
            "rows": rows,
        }
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        layers = os.pathsep.join(place for place in sys.path if place.startswith(LAYERS))
        bare = {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": layers, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            process = subprocess.Popen(
                [sys.executable, str(MODEL_SERVER), json.dumps(options)],
                env={**kept, **bare},
                cwd=code,
                stdin=subprocess.DEVNULL,
                pass_fds=(requests, responses),
                start_new_session=True,
            )
        finally:
            os.close(requests)
            os.close(responses)
        self._requests, self._responses = os.fdopen(ours, "wb", buffering=0), os.fdopen(theirs, "rb")
        return process

    def _answer(self, problem: str) -> bytes:
        frame = read_frame(self._responses)
        if frame is None:
            raise self._ended()
        header, body = frame
        if not header["ok"]:
            raise JobFailed(f"{problem}: {header['error']}")
        return body

    def _ended(self) -> JobFailed:
        return JobFailed(f"the model's process ended with status {self._process.wait()}; see the log of the function")


def _unpacked(archive: bytes, digest: str, folder: Path) -> Path:
    found = digest_bytes(archive)
    if found != digest:
        raise JobFailed(f"the model's archive has SHA-256 {found}; expected {digest}; it was altered")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        packed.extractall(folder, filter="data")
    return folder
