"""The queue of jobs and the workers that run them: at most so many at once, each ending with a reason."""

from __future__ import annotations

import contextlib
import queue
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assembly_line.embedded.sagemaker.emulator_clients import logs_client, s3_client
from assembly_line.embedded.sagemaker.jobs.container import StopSignal
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_desk import (
    SHUT_DOWN,
    STOPPED,
    JobDesk,
    JobEnd,
    Progress,
    choose_isolation,
)
from assembly_line.embedded.sagemaker.jobs.job_log import CloudWatchStream, JobLog, MetricScan
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Files
from assembly_line.embedded.sagemaker.jobs.script_mode import TrainingRequest
from assembly_line.embedded.sagemaker.jobs.training import run_training
from assembly_line.embedded.sagemaker.jobs.transform import TransformRequest, run_transform
from assembly_line.embedded.sagemaker.rehearsals import Rehearsals
from assembly_line.embedded.sagemaker.settings import SageMakerSettings
from assembly_line.errors import JobFailed


class Record(Progress, Protocol):
    """The job as others see it."""

    kind: str
    service_kind: str

    @property
    def name(self) -> str: ...

    def stopping(self) -> None: ...

    def finish(self, end: JobEnd) -> None: ...


@dataclass
class Ticket:
    """One job that was accepted and has not ended."""

    record: Record
    request: TrainingRequest | TransformRequest
    stop: StopSignal = field(default_factory=StopSignal)
    taken: bool = False
    ended: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.record.kind, self.record.name


class JobBoard:
    """Accepts jobs, runs them on its workers, stops them. Safe to call from any thread."""

    def __init__(
        self, settings: SageMakerSettings, strongest: Isolation | None, rehearsals: Rehearsals | None = None
    ) -> None:
        self._settings, self._strongest = settings, strongest
        self._rehearsals = rehearsals or Rehearsals()
        self._files = S3Files(s3_client(settings.emulator_url, settings.region))
        self._logs = logs_client(settings.emulator_url, settings.region)
        self._waiting: queue.SimpleQueue[Ticket] = queue.SimpleQueue()
        self._open: dict[tuple[str, str], Ticket] = {}
        self._lock = threading.Lock()
        self._closing = False

    def start(self) -> None:
        for number in range(self._settings.workers):
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True).start()

    def submit(self, record: Record, request: TrainingRequest | TransformRequest) -> None:
        ticket = Ticket(record, request)
        with self._lock:
            self._open[ticket.key] = ticket
            closing = self._closing
        if closing:
            self._close_ticket(ticket, JobEnd.failed(SHUT_DOWN))
            return
        self._waiting.put(ticket)

    def stop(self, kind: str, name: str) -> None:
        """End a job that waits or runs. One that has ended meanwhile stays as it is."""
        with self._lock:
            ticket = self._open.get((kind, name))
            waits = ticket is not None and not ticket.taken
        if ticket is None:
            return
        ticket.record.stopping()
        ticket.stop.requested.set()
        if waits:
            self._close_ticket(ticket, STOPPED)

    def close(self, patience_seconds: float) -> None:
        """End every job, with a reason, and wait for the workers to have written it."""
        with self._lock:
            self._closing = True
            tickets = list(self._open.values())
        for ticket in tickets:
            ticket.stop.shutdown.set()
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline and self._open:
            time.sleep(0.02)
        for ticket in list(self._open.values()):
            self._close_ticket(ticket, JobEnd.failed(SHUT_DOWN))

    def _work(self) -> None:
        while True:
            ticket = self._waiting.get()
            with self._lock:
                ticket.taken = True
            if not ticket.ended:
                self._close_ticket(ticket, self._run(ticket))

    def _close_ticket(self, ticket: Ticket, end: JobEnd) -> None:
        with self._lock:
            if ticket.ended:
                return
            ticket.ended = True
        ticket.record.finish(end)
        with self._lock:
            self._open.pop(ticket.key, None)

    def _run(self, ticket: Ticket) -> JobEnd:
        """Run one job to its end. Whatever goes wrong becomes the job's reason; a worker never dies of a job."""
        if ticket.stop.is_set():
            return JobEnd.failed(SHUT_DOWN) if ticket.stop.shutdown.is_set() else STOPPED
        record, tree = ticket.record, None
        try:
            folder = self._settings.trees / record.kind
            folder.mkdir(parents=True, exist_ok=True)
            tree = tempfile.mkdtemp(prefix=f"{record.name[:40]}-", dir=folder)
            return self._run_in(ticket, tree)
        except JobFailed as error:
            return JobEnd.failed(str(error))
        except Exception as error:  # noqa: BLE001  the edge of the worker: the job must end, the worker must not
            with contextlib.suppress(OSError):
                traceback.print_exc(file=sys.stderr)
            return JobEnd.failed(f"InternalServerError: {type(error).__name__}: {error}")
        finally:
            if tree is not None:
                shutil.rmtree(tree, ignore_errors=True)

    def _run_in(self, ticket: Ticket, tree: str) -> JobEnd:
        record, request = ticket.record, ticket.request
        stream = CloudWatchStream(self._logs, f"/aws/sagemaker/{record.service_kind}", f"{record.name}/algo-1")
        definitions = request.metric_definitions if isinstance(request, TrainingRequest) else []
        scan = MetricScan(definitions)
        isolated = request.isolated if isinstance(request, TrainingRequest) else request.model.isolated
        path = self._settings.logs / f"{record.kind}-jobs" / f"{record.name}.log"
        spot = isinstance(request, TrainingRequest) and request.spot

        def heard(line: str) -> None:
            if spot and self._rehearsals.interrupts(record.name, line):
                ticket.stop.interrupted.set()

        with JobLog(path, stream=stream, metrics=scan, heard=heard) as log:
            desk = JobDesk(
                tree=Path(tree),
                log=log,
                files=self._files,
                progress=record,
                stop=ticket.stop,
                isolation=choose_isolation(isolated, self._strongest),
                threads=self._settings.threads_per_job,
                capacity=lambda: self._rehearsals.has_capacity(record.name),
                interpreters=self._settings.interpreters,
            )
            end = _logged(log, lambda: _run_request(request, desk))
            record.metrics(scan.values())
            return end


def _run_request(request: TrainingRequest | TransformRequest, desk: JobDesk) -> JobEnd:
    if isinstance(request, TrainingRequest):
        return run_training(request, desk)
    desk.progress.enter("InProgress", "")
    return run_transform(request, desk)


def _logged(log: JobLog, run: Callable[[], JobEnd]) -> JobEnd:
    try:
        end = run()
    except JobFailed as error:
        end = JobEnd.failed(str(error))
    log.remark(f"{end.status}{': ' + end.reason if end.reason else ''}")
    return end
