"""What is due is scored: called at the moments that a line declares, every few minutes, and by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.delivery import due_slots, fill_in
from assembly_line.environments import SlotsEnvironment
from assembly_line.instants import parse_day, parse_instant
from assembly_line.line_metrics import MISSING
from lambdas.account import account_of
from lambdas.line_metrics import emit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="slots")
account = partial(account_of, SlotsEnvironment)


@logger.inject_lambda_context
def look(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Start the slots of the event's `line` that are due, as the clock says or as `at` tells it.

    With `backfill` (`from`, `until`, `deliver`) it fills in past slots instead.
    """
    line, now = event["line"], datetime.now(UTC)
    if (asked := event.get("backfill")) is not None:
        first, last = (parse_day(asked[name], field=f"--{name}") for name in ("from", "until"))
        found = fill_in(account(), line, first=first, last=last, deliver=bool(asked.get("deliver")), now=now)
        logger.info("past slots filled in", extra=found)
        return found
    told = parse_instant(event["at"], field="at") if event.get("at") else None
    found = due_slots(account(), line, now=now, told=told)
    logger.info("looked for slots", extra=found)
    if told is None:
        emit(account().environment, line, {MISSING: int(found["late"] is not None)})
    return found
