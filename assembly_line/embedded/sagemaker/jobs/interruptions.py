"""Rehearsed interruptions of spot jobs: whoever asks says at which printed line which job loses its instance.

AWS takes a spot instance away whenever it needs it. Here nobody needs one, so it happens on request alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.errors import RequestRefused

FIELDS = {"job": str, "printed": str, "times": int, "capacity": bool}


@dataclass
class Interruption:
    """One request for interruptions.

    Args:
        job: a regular expression of names of training jobs.
        printed: a regular expression of the line at which an instance is taken away.
        times: how often that shall happen.
        capacity: whether there is another instance at once; if not, the job waits as long as it may.
        fired: how often it has happened.
    """

    job: str
    printed: str
    times: int = 1
    capacity: bool = True
    fired: int = 0


class Interruptions:
    """What was asked for. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[Interruption] = []

    def ask(self, given: Mapping[str, Any]) -> None:
        """Add a request.

        Raises:
            RequestRefused: it is not one.
        """
        for name, value in given.items():
            if not isinstance(value, FIELDS.get(name, ())):
                raise RequestRefused(f"interruption: {name}={value!r}: expected {', '.join(FIELDS)}")
        try:
            asked = Interruption(**given)
            for pattern in (asked.job, asked.printed):
                re.compile(pattern)
        except (TypeError, re.error) as error:
            raise RequestRefused(f"interruption: {error}; expected the patterns job and printed") from error
        with self._lock:
            self._asked.append(asked)

    def hits(self, job: str, line: str) -> bool:
        """Whether this line of a spot job costs it its instance. It counts as done then."""
        with self._lock:
            for asked in self._asked:
                if asked.fired < asked.times and re.fullmatch(asked.job, job) and re.search(asked.printed, line):
                    asked.fired += 1
                    return True
        return False

    def capacity(self, job: str) -> bool:
        """Whether there is a spot instance for a job."""
        with self._lock:
            return all(asked.capacity or not asked.fired for asked in self._asked if re.fullmatch(asked.job, job))

    def to_json(self) -> dict[str, Any]:
        with self._lock:
            return {"interruptions": [vars(asked) for asked in self._asked]}
