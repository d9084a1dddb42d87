"""Retries as the state declares them: MaxDelaySeconds, jitter, and none once the execution is over."""

from __future__ import annotations

import random
from typing import Any

from assembly_line.embedded.extensions.executions import positions
from assembly_line.embedded.extensions.executions.current_task import current_task
from assembly_line.embedded.extensions.pinned import ministack, replace

Retriers = list[dict[str, Any]]


def install() -> None:
    states = ministack("services.stepfunctions", "_find_matching_retrier", "_find_matching_catcher")
    stock_retrier, stock_catcher = states._find_matching_retrier, states._find_matching_catcher

    def find_retrier(retriers: Retriers, error: str, counts: dict[int, int]) -> tuple[dict[str, Any] | None, int]:
        if _over():
            return None, -1
        positions.count_earlier_retries(counts)
        retrier, index = stock_retrier(retriers, error, counts)
        if retrier is None:
            return None, -1
        positions.begin_retry(counts)
        # The caller multiplies the interval by the rate to the power of the count: a rate of 1 leaves it as it is.
        return {**retrier, "IntervalSeconds": delay_seconds(retrier, counts.get(index, 0)), "BackoffRate": 1.0}, index

    def find_catcher(catchers: Retriers, error: str) -> Any:
        return None if _over() else stock_catcher(catchers, error)

    replace(states, "_find_matching_retrier", find_retrier)
    replace(states, "_find_matching_catcher", find_catcher)


def delay_seconds(retrier: dict[str, Any], retries: int) -> float:
    """How long to wait before the next attempt, after so many retries."""
    delay: float = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retries
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay  # noqa: S311 - no secret


def _over() -> bool:
    task = current_task()
    return task is not None and task.execution_is_over
