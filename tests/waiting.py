"""Waiting in tests. Everything has one patience, so that a busy machine fails no test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
PATIENCE_SECONDS = 120.0


def eventually(look: Callable[[], Value | None], what: str = "an answer") -> Value:
    """Look until there is an answer that is neither None nor empty nor False.

    Raises:
        AssertionError: there is none within PATIENCE_SECONDS; the message names `what`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        # A look costs the emulator and this process ten milliseconds each.
        time.sleep(0.05)
    return seen
