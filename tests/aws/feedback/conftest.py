"""A released line as the feedback handlers find it."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from assembly_line.loader import load_line
from assembly_line.storage.control_table import ControlTable
from assembly_line.storage.ledger import Ledger
from assembly_line.storage.objects import ObjectStore
from assembly_line.storage.releases import ReleaseStore

LINES = Path(__file__).parents[3] / "lines"
LINE = "coupon_redemption"
LogsOf = Callable[[Logger], io.StringIO]


@dataclass(frozen=True)
class Context:
    """What a Lambda runtime hands to its function."""

    function_name: str = "feedback"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:feedback"
    aws_request_id: str = "request"


@pytest.fixture
def lambda_context() -> Any:
    return Context()


@pytest.fixture
def logs_of() -> Iterator[LogsOf]:
    """From now on, what a logger writes to the function's log, as it is written there."""
    changed: list[tuple[Any, Any]] = []

    def follow(logger: Logger) -> io.StringIO:
        written, handler = io.StringIO(), logger.registered_handler
        assert isinstance(handler, logging.StreamHandler)
        changed.append((handler, handler.setStream(written)))
        return written

    yield follow
    for handler, stream in changed:
        handler.setStream(stream)


@pytest.fixture
def released(store: ObjectStore, control: ControlTable) -> str:
    """The digest of the shipped line's current release."""
    digest = ReleaseStore(store).publish(load_line(LINES, LINE))
    control.set_current_release(LINE, digest)
    return digest


@pytest.fixture
def ledger(ledger_objects: ObjectStore) -> Ledger:
    return Ledger(ledger_objects)


@pytest.fixture
def environment(
    store: ObjectStore, ledger_objects: ObjectStore, lake_objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that the stack sets for the collector and the outcomes step."""
    variables = {
        "ASSEMBLY_ENVIRONMENT": "embedded",
        "STORE_BUCKET": store.bucket,
        "LEDGER_BUCKET": ledger_objects.bucket,
        "LAKE_BUCKET": lake_objects.bucket,
        "CONTROL_TABLE": "control",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
