"""Compact the ledger of one line, or of every line, and reconcile it: once a day, and when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.environments import LedgerEnvironment
from assembly_line.errors import AssemblyError, RunFailed
from assembly_line.ledger import compact as compact_ledger
from assembly_line.ledger import publish_views, reconcile
from assembly_line.line_metrics import DIFFERENCES
from assembly_line.reporting import watched
from lambdas.account import account_of
from lambdas.line_metrics import emit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="ledger")
account = partial(account_of, LedgerEnvironment)


@logger.inject_lambda_context
def compact(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Compact the event's `line`, look whether its deliveries add up, and emit what is watched of it.

    Without a `line` it does so for every released one.
    One line that cannot be compacted does not keep the others from it.

    Raises:
        RunFailed: some could not; names each with the reason.
    """
    done: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for line in [event["line"]] if event.get("line") else account().control.lines():
        try:
            done[line] = asdict(compact_ledger(account(), line, datetime.now(UTC)))
            publish_views(account(), line)
            done[line]["differences"] = _reconciled(line)
            emit(account().environment, line, {**watched(account(), line), DIFFERENCES: done[line]["differences"]})
        except AssemblyError as error:
            failed[line] = str(error)
    logger.info("ledger compacted", extra={"lines": done, "failed": failed})
    if failed:
        raise RunFailed("; ".join(f"line {line}: {why}" for line, why in failed.items()))
    return {"lines": done}


def _reconciled(line: str) -> int:
    """How many decisions of the last days are not accounted for."""
    found = reconcile(account(), line, datetime.now(UTC))
    logger.info("deliveries reconciled", extra=found)
    return int(found["differences"])
