"""Rehearsed faults: whoever asks says which spot job loses its instance, or which call is refused, and how often.

AWS takes a spot instance away whenever it needs it, and refuses calls when a quota is used up or calls come too fast.
Nothing of that happens here by itself, so it happens on request alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from assembly_line.errors import RequestRefused

KINDS = {"str": str, "int": int, "bool": bool}


@dataclass(kw_only=True)
class Interruption:
    """A spot job loses its instance.

    Args:
        job: a regular expression of names of training jobs.
        printed: a regular expression of the line at which the instance is taken away.
        times: how often that shall happen.
        capacity: whether there is another instance at once; if not, the job waits as long as it may.
        fired: how often it has happened.
    """

    job: str
    printed: str
    times: int = 1
    capacity: bool = True
    fired: int = 0


@dataclass(kw_only=True)
class Refusal:
    """A call is answered with an error, and not looked at.

    Args:
        operation: its name, such as `CreateTrainingJob`.
        code: of the error, such as `ResourceLimitExceeded` or `ThrottlingException`.
        message: of the error.
        times: how often that shall happen.
        fired: how often it has happened.
    """

    operation: str
    code: str
    message: str
    times: int = 1
    fired: int = 0


Rehearsal = TypeVar("Rehearsal", Interruption, Refusal)


class Rehearsals:
    """What was asked for. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interruptions: list[Interruption] = []
        self._refusals: list[Refusal] = []

    def ask(self, what: str, given: Any) -> None:
        """Add a rehearsal.

        Args:
            what: `interruptions` or `refusals`.

        Raises:
            RequestRefused: it is not one.
        """
        with self._lock:
            if what == "interruptions":
                asked = _read(Interruption, given)
                _check_pattern(asked.job)
                _check_pattern(asked.printed)
                self._interruptions.append(asked)
            else:
                self._refusals.append(_read(Refusal, given))

    def interrupts(self, job: str, line: str) -> bool:
        """Whether this line of a spot job costs it its instance. It counts as done then."""
        with self._lock:
            for asked in self._interruptions:
                if asked.fired < asked.times and re.fullmatch(asked.job, job) and re.search(asked.printed, line):
                    asked.fired += 1
                    return True
        return False

    def has_capacity(self, job: str) -> bool:
        """Whether there is a spot instance for a job."""
        with self._lock:
            of_job = [asked for asked in self._interruptions if re.fullmatch(asked.job, job)]
            return all(asked.capacity or not asked.fired for asked in of_job)

    def refuses(self, operation: str) -> Refusal | None:
        """The error that a call is answered with. It counts as done then."""
        with self._lock:
            for asked in self._refusals:
                if asked.operation == operation and asked.fired < asked.times:
                    asked.fired += 1
                    return asked
        return None

    def to_json(self) -> dict[str, Any]:
        with self._lock:
            return {
                "interruptions": [vars(asked) for asked in self._interruptions],
                "refusals": [vars(asked) for asked in self._refusals],
            }


def _read(kind: type[Rehearsal], given: Any) -> Rehearsal:
    known = {field.name: KINDS[str(field.type)] for field in fields(kind)}
    if not isinstance(given, Mapping):
        raise RequestRefused(f"{kind.__name__}: expected an object with {', '.join(known)}")
    for name, value in given.items():
        if not isinstance(value, known.get(name, ())):
            raise RequestRefused(f"{kind.__name__}: {name}={value!r}: expected {', '.join(known)}")
    try:
        return kind(**given)
    except TypeError as error:
        raise RequestRefused(f"{kind.__name__}: {error}; expected {', '.join(known)}") from error


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise RequestRefused(f"Interruption: {text!r} is no regular expression: {error}") from error
