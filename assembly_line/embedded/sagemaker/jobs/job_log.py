"""What a job prints: to a file, to CloudWatch Logs, and through the metric definitions."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

MAX_FILE_BYTES = 64 * 1024**2
MAX_EVENT_CHARACTERS = 8192
FLUSH_SECONDS = 1.0
EVENTS_PER_CALL = 1000


@dataclass(frozen=True)
class MetricValue:
    name: str
    value: float
    timestamp: float


class MetricScan:
    """Keeps the last value that each definition's pattern found in what the script printed."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
        self._last: dict[str, MetricValue] = {}

    def look(self, line: str) -> None:
        for name, pattern in self._patterns:
            match = pattern.search(line)
            if match is None or not match.groups() or match.group(1) is None:
                continue
            try:
                self._last[name] = MetricValue(name, float(match.group(1)), time.time())
            except ValueError:
                continue

    def values(self) -> list[MetricValue]:
        return sorted(self._last.values(), key=lambda metric: metric.name)


class CloudWatchStream:
    """Sends lines to one log stream of the emulator. A stream that cannot be reached never fails a job."""

    def __init__(self, client: CloudWatchLogsClient, group: str, stream: str) -> None:
        self._client, self._group, self._stream = client, group, stream
        self._created = False

    def send(self, events: list[InputLogEventTypeDef]) -> None:
        if not self._created:
            self._create()
        for start in range(0, len(events), EVENTS_PER_CALL):
            self._client.put_log_events(
                logGroupName=self._group,
                logStreamName=self._stream,
                logEvents=events[start : start + EVENTS_PER_CALL],
            )

    def _create(self) -> None:
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self._group)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        self._created = True


class JobLog:
    """Takes the lines of a job from several threads. Use as a context: leaving it flushes and closes."""

    def __init__(
        self,
        path: Path,
        *,
        stream: CloudWatchStream | None = None,
        metrics: MetricScan | None = None,
        heard: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Args: heard: is told every line that the script prints."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._stream, self._metrics, self._heard = stream, metrics, heard
        self._lock = threading.Lock()
        self._pending: list[InputLogEventTypeDef] = []
        self._errors: deque[str] = deque(maxlen=400)
        self._written = 0
        self._closed = threading.Event()
        self._flusher = threading.Thread(target=self._flush_often, name=f"log-{path.stem}", daemon=True)

    def __enter__(self) -> Self:
        self._flusher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._flusher.join(timeout=5)
        with self._lock, contextlib.suppress(OSError):
            self._file.close()

    def write(self, line: str, *, error: bool = False) -> None:
        """Add one line that the script printed; `error` for its standard error."""
        if self._metrics is not None:
            self._metrics.look(line)
        self._heard(line)
        with self._lock:
            if error:
                self._errors.append(line)
            self._add(line)

    def remark(self, line: str) -> None:
        """Add a line of the embedded SageMaker itself."""
        with self._lock:
            self._add(f"[sagemaker] {line}")

    def error_lines(self) -> list[str]:
        """The last lines of the script's standard error."""
        with self._lock:
            return list(self._errors)

    def _add(self, line: str) -> None:
        self._written += len(line) + 1
        if self._file.closed or self._written > MAX_FILE_BYTES:
            return
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError:
            # A full disk must not end the job's reader thread; the job itself meets the disk when it writes.
            return
        self._pending.append({"timestamp": int(time.time() * 1000), "message": line[:MAX_EVENT_CHARACTERS] or " "})

    def _flush_often(self) -> None:
        while not self._closed.wait(FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            events, self._pending = self._pending, []
        if not events or self._stream is None:
            return
        try:
            self._stream.send(events)
        except (ClientError, BotoCoreError) as problem:
            self._stream = None
            with self._lock:
                self._add(f"[sagemaker] CloudWatch Logs took no more lines: {problem}")
