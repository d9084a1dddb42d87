"""How the slots of a line stand: what was due, what ran for it, what it delivered, and what was skipped or missed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.populations import CalendarCadence
from assembly_line.delivery.service.slots import declared_due, slot_records
from assembly_line.delivery.slots import Fate, SlotRecord, slots_between
from assembly_line.errors import NotFound
from assembly_line.instants import format_instant, parse_instant, zone_of
from assembly_line.names import slot_clock_item
from assembly_line.stations import SCORING
from assembly_line.storage import RUNNING, SUCCEEDED, execution_arn

if TYPE_CHECKING:
    from assembly_line.declarations.delivery.due import Due
    from assembly_line.storage import Account


def slots_of(account: Account, line: str, *, since: datetime, until: datetime, now: datetime) -> list[dict[str, Any]]:
    """Every slot from one instant to another, in order: `slot`, `local`, `state`, `why`, `run_id`, `because`.

    `state` is `delivered`, `withheld`, `nothing to decide`, `running`, `failed`, `skipped`, `due`, or `missed`: nothing
    was recorded of it within the promised time.

    Raises:
        NotFound: the line was never released.
        RequestRefused: it declares nothing due.
    """
    due = declared_due(account, line)
    records: dict[datetime, SlotRecord | None] = {**slot_records(account, line, since, until)}
    began = account.control.read(line, slot_clock_item(told=False))
    if due.cadence is not None and began is not None:
        first = max(since, parse_instant(began["began"], field="began") - due.within)
        for slot in slots_between(due.cadence, first, min(until, now)) if first < min(until, now) else []:
            records.setdefault(slot.at, None)
    return [standing_of_slot(account, due, at, record, now) for at, record in sorted(records.items())]


def standing_of_slot(
    account: Account, due: Due, at: datetime, record: SlotRecord | None, now: datetime
) -> dict[str, Any]:
    zone = due.cadence.zone if isinstance(due.cadence, CalendarCadence) else "UTC"
    told: dict[str, Any] = {"slot": format_instant(at), "local": at.astimezone(zone_of(zone)).isoformat()}
    if record is None:
        return {**told, "state": "due" if now - at <= due.within else "missed", "why": None, "run_id": None}
    told |= {"why": str(record.why), "run_id": record.run_id, "from": format_instant(record.before)}
    if record.fate is Fate.SKIPPED:
        return {**told, "state": "skipped", "because": record.reason}
    return {**told, **_run(account, str(record.run_id))}


def _run(account: Account, run_id: str) -> dict[str, Any]:
    try:
        found = account.machines.describe(execution_arn(account.named(SCORING.parameter), run_id))
    except NotFound:
        return {"state": "held", "because": "its run has not started yet, or lies back too far to be known"}
    if found.status == RUNNING:
        return {"state": "running"}
    if found.status != SUCCEEDED:
        return {"state": "failed", "because": found.reason}
    numbers = {name: found.output.get(name, 0) for name in ("offered", "delivered", "withheld")}
    if numbers["withheld"]:
        return {"state": "withheld", **numbers}
    return {"state": "delivered" if numbers["offered"] else "nothing to decide", **numbers}
