"""The sample consuming application, run as a program of its own for one business day at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from assembly_line.cli.session import REPOSITORY
from assembly_line.errors import RunFailed
from assembly_line.instants import format_instant

PROGRAM = REPOSITORY / "examples" / "consumer" / "consume.py"
# The embedded AWS takes any key: by this one the application's calls are told from the command's.
CONSUMER = "consumer"
LIMIT_SECONDS = 120
# How long each look at an empty queue waits: messages are normally there, later looks are for those that are late.
PATIENCE_SECONDS = (0, 1, 5)


@dataclass
class Consumer:
    """Knows what the program is told: two queue URLs, its own database, and how to reach AWS."""

    queue_url: str
    feedback_queue_url: str
    database: Path
    log: Path
    environment: Mapping[str, str]
    actions: Sequence[str]
    counts: Counter[str] = field(default_factory=Counter)

    def run(self, now: datetime, *, expected: int) -> None:
        """Empty the queue as an application would at that business time.

        Args:
            expected: how many messages were delivered to the application until now.

        Raises:
            RunFailed: the program failed, or messages are missing.
        """
        for patience in PATIENCE_SECONDS:
            self._empty(now, wait_seconds=patience)
            if self.counts["received"] >= expected:
                return
        received = self.counts["received"]
        raise RunFailed(f"{expected} predictions were delivered, but the application received only {received}")

    def _empty(self, now: datetime, *, wait_seconds: int) -> None:
        command = [
            *(sys.executable, str(PROGRAM)),
            *("--queue-url", self.queue_url, "--feedback-queue-url", self.feedback_queue_url),
            *("--actions", *self.actions),
            *(
                "--database",
                str(self.database),
                "--now",
                format_instant(now),
                "--until-empty",
                "--wait-seconds",
                str(wait_seconds),
            ),
        ]
        answer = subprocess.run(
            command, env=dict(self.environment), capture_output=True, text=True, timeout=LIMIT_SECONDS,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        with self.log.open("a", encoding="utf-8") as log:
            log.write(answer.stderr)
        if answer.returncode:
            last = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise RunFailed(f"the consuming application failed: {last}; its log is {self.log}")
        self.counts.update(json.loads(answer.stdout.splitlines()[-1]))
