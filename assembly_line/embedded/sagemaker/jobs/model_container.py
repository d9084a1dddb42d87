"""A model's container for one transform job: its archive unpacked, its server process started, requests answered."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assembly_line.embedded.sagemaker import archives
from assembly_line.embedded.sagemaker.jobs.code_installation import install, install_requirements
from assembly_line.embedded.sagemaker.jobs.container import Container, base_environment, from_tree, to_tree
from assembly_line.embedded.sagemaker.jobs.failure_reason import signal_message
from assembly_line.embedded.sagemaker.jobs.interpreters import interpreter_for
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_desk import JobDesk
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Address
from assembly_line.errors import JobFailed, JobStopped
from assembly_line.training import MODEL_SERVER, framework_of, rows_of

LOAD_SECONDS = 600.0
PIPE_CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """The container of a SageMaker model: where its archive lies and which script serves it."""

    model_name: str
    image: str
    data_url: str | None
    environment: dict[str, str]
    isolated: bool


class ModelContainer:
    """The running server of one model. Use as a context: leaving it ends the process."""

    def __init__(self, description: ModelDescription, desk: JobDesk, *, environment: dict[str, str]) -> None:
        self._description, self._desk = description, desk
        self._environment = {key: to_tree(value, desk.tree) for key, value in environment.items()}
        self._container: Container | None = None
        self._labels_said = False

    def __enter__(self) -> Self:
        tree, python = self._desk.tree, interpreter_for(self._description.image, self._desk.interpreters)
        for folder in ("model", "code", "tmp"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        self._fetch_model()
        code, program = self._code()
        framework = framework_of(self._description.image)
        if framework is not None and framework.installed_to_serve:
            code = install(code, program, self._desk, python)
        else:
            install_requirements(code, self._desk, python)
        request_read, self._requests = os.pipe()
        self._responses, response_write = os.pipe()
        os.set_blocking(self._requests, False)
        options = {
            "program": program,
            "code": str(code),
            "model": str(tree / "model"),
            "requests": request_read,
            "responses": response_write,
            "rows": rows_of(self._description.image),
        }
        base = base_environment(
            tree, threads=self._desk.threads, code=code, isolation=self._desk.isolation, python=python
        )
        kept = {"PYTHONPATH": base["PYTHONPATH"]} if self._desk.isolation is Isolation.PYTHON_GUARD else {}
        try:
            self._container = Container(
                [python, str(MODEL_SERVER), json.dumps(options)],
                environment=base | self._environment | kept,
                cwd=code,
                isolation=self._desk.isolation,
                log=self._desk.log,
                pass_fds=(request_read, response_write),
            )
        finally:
            os.close(request_read)
            os.close(response_write)
        self._answer("the model could not be loaded", time.monotonic() + LOAD_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._requests)
        os.close(self._responses)
        if self._container is not None:
            self._container.end(1.0)

    def invoke(self, body: bytes, *, content_type: str, accept: str, timeout_seconds: float) -> bytes:
        """Send one request to the model.

        Raises:
            JobFailed: the model raised (its last line is in the message), ended, or took too long.
            JobStopped: the job was told to stop.
        """
        header = json.dumps({"content_type": content_type, "accept": accept, "length": len(body)}).encode("utf-8")
        deadline = time.monotonic() + timeout_seconds
        self._send(struct.pack(">Q", len(header)) + header + body, deadline)
        return self._answer("Bad HTTP status received from algorithm: 500", deadline, accept=accept)

    def _fetch_model(self) -> None:
        if not self._description.data_url:
            raise JobFailed(f"ClientError: model {self._description.model_name!r} has no ModelDataUrl")
        packed = self._desk.tree / "tmp" / "model.tar.gz"
        self._desk.files.fetch(S3Address.parse(self._description.data_url), packed)
        archives.unpack(packed, self._desk.tree / "model", what=self._description.data_url)
        packed.unlink()

    def _code(self) -> tuple[Path, str]:
        """The folder that holds the inference script, and the script's name in it."""
        tree, name = self._desk.tree, self._description.model_name
        program = self._environment.get("SAGEMAKER_PROGRAM")
        place = self._environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
        if not program or not place:
            raise JobFailed(
                f"ClientError: model {name!r}: SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY must both be in its "
                "container's Environment; without them the container finds no inference script"
            )
        code = tree / "code"
        if place.startswith(("s3://", "https://")):
            if self._description.isolated:
                raise JobFailed(
                    f"ClientError: Could not connect to the endpoint URL: isolated containers cannot reach {place!r}; "
                    "put the script into the model's archive and set SAGEMAKER_SUBMIT_DIRECTORY=/opt/ml/model/code"
                )
            packed = tree / "tmp" / "sourcedir.tar.gz"
            self._desk.files.fetch(S3Address.parse(place), packed)
            archives.unpack(packed, code, what=place)
        else:
            code = self._local_code(Path(place), code)
        if not (code / program).resolve().is_relative_to(code.resolve()) or not (code / program).is_file():
            raise JobFailed(f"ClientError: model {name!r}: SAGEMAKER_PROGRAM {program!r} is not in {place!r}")
        return code, program

    def _local_code(self, place: Path, code: Path) -> Path:
        tree = self._desk.tree
        if not place.resolve().is_relative_to(tree.resolve()) or not place.exists():
            raise JobFailed(
                f"ClientError: SAGEMAKER_SUBMIT_DIRECTORY {from_tree(str(place), tree)!r} is not in the container"
            )
        if place.is_dir():
            return place
        archives.unpack(place, code, what=from_tree(str(place), tree))
        return code

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(lambda: select.select([], [self._requests], [], 0.1)[1], "took no request", deadline)
            try:
                view = view[os.write(self._requests, view[:PIPE_CHUNK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise self._ended() from error

    def _answer(self, what: str, deadline: float, *, accept: str = "") -> bytes:
        header = json.loads(self._read(struct.unpack(">Q", self._read(8, deadline))[0], deadline))
        body = self._read(header["length"], deadline)
        if not header["ok"]:
            error = from_tree(header["error"], self._desk.tree)
            raise JobFailed(f"ClientError: See job logs for more information: {what}: {error}")
        self._compare(header.get("content_type", accept), accept)
        return body

    def _compare(self, label: str, accept: str) -> None:
        """Say once that answers carry another type than the one asked for. A transform job keeps them all the same."""
        if self._labels_said or accept in {"*/*", ""} or label.partition(";")[0] == accept.partition(";")[0]:
            return
        self._labels_said = True
        self._desk.log.remark(
            f"the model's answers are labelled {label!r}, not {accept!r} as asked: let output_fn return "
            f"(answers, {accept!r})"
        )

    def _read(self, size: int, deadline: float) -> bytes:
        parts, missing = [], size
        while missing:
            self._wait(lambda: select.select([self._responses], [], [], 0.1)[0], "gave no answer", deadline)
            part = os.read(self._responses, min(missing, 1024 * 1024))
            if not part:
                raise self._ended()
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _wait(self, ready: Callable[[], Any], what: str, deadline: float) -> None:
        while not ready():
            if self._desk.stop.is_set():
                raise JobStopped
            if time.monotonic() > deadline:
                raise JobFailed(f"ClientError: See job logs for more information: the model {what} in time")

    def _ended(self) -> JobFailed:
        code = self._container.end(2.0) if self._container is not None else 0
        if code < 0:
            return JobFailed(f"AlgorithmError: {signal_message(code)}")
        tail = next((line for line in reversed(self._desk.log.error_lines()) if line.strip()), "it printed no error")
        return JobFailed(f"AlgorithmError: the model's process ended with status {code}: {tail.strip()}")
