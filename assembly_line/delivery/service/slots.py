"""Scoring by the clock: what is due is started once, what was missed is caught up or skipped, and both are said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from assembly_line.canonical import digest
from assembly_line.declarations.delivery.due import LONGEST
from assembly_line.declarations.populations import CalendarCadence
from assembly_line.delivery.service.scoring import standing_of
from assembly_line.delivery.slots import (
    FIRST_PERIOD,
    LONGEST_PAUSE,
    Fate,
    Slot,
    SlotRecord,
    Why,
    due_now,
    since_latest,
    slots_between,
)
from assembly_line.errors import AssemblyError, Conflict, NotFound, RequestRefused
from assembly_line.instants import MICROSECOND, day_end, day_start, format_instant, parse_instant
from assembly_line.names import ControlKey, load_item, slot_clock_item, slot_item, snapshot_key
from assembly_line.stations import SCORING
from assembly_line.storage import SUCCEEDED, execution_arn

if TYPE_CHECKING:
    from assembly_line.declarations.delivery.due import Due
    from assembly_line.storage import Account

Records = dict[datetime, SlotRecord]
# Slots that one look judges, and of those that were missed, that it starts: the next look goes on.
MOST, MOST_CAUGHT_UP = 1000, 24
# Slots that one command fills in.
MOST_FILLED_IN = 100


def due_slots(account: Account, line: str, *, now: datetime, told: datetime | None = None) -> dict[str, Any]:
    """Start every slot of a line that is due and that nothing started yet.

    However often it is called, and from how many places at once, a slot runs once: it is held by a record that is
    written once and kept for good, and its execution has one name.

    Args:
        now: real time.
        told: an instant of the past that the clock is told, as in a replay. Its runs happen at their slots.

    Returns:
        `started`: the runs. `skipped`: slots, each with the reason. `late`: the latest slot whose decisions should have
        been delivered by now and were not; None if there is none.

    Raises:
        NotFound: the line was never released.
        RequestRefused: the line declares nothing due, or the clock is told a time to come.
    """
    due = declared_due(account, line)
    if told is not None and told > now:
        raise RequestRefused.about(
            "at", format_instant(told), f"at most {format_instant(now)}", "tell the clock an instant of the past"
        )
    clock = told or now
    since = max(_begun(account, line, due, clock, told=told is not None) - due.within, clock - LONGEST)
    slots = _slots_due(account, line, due, since=since, clock=clock, told=told)
    records = slot_records(account, line, since - LONGEST_PAUSE, clock)
    started, skipped, caught_up = [], [], 0
    for slot in slots[-MOST:]:
        known = records.get(slot.at)
        if known is None:
            why = due_now(due, clock - slot.at)
            caught_up += why is Why.CAUGHT_UP
            if caught_up > MOST_CAUGHT_UP and why is Why.CAUGHT_UP:
                continue
            judged = _judged(account, line, since_latest(slot, records), why, due=due, now=now, told=told is not None)
            known = _held(account, line, judged)
            if known == judged and known.fate is Fate.SKIPPED:
                skipped.append({"slot": format_instant(slot.at), "because": str(known.reason)})
        if known.fate is Fate.HELD:
            started.append(str(known.run_id))
            known = _start(account, line, known)
        records[slot.at] = known
    late = _late(account, due, [records[slot.at] for slot in slots if slot.at in records], clock)
    return {"line": line, "started": started, "skipped": skipped, "late": late and format_instant(late)}


def fill_in(account: Account, line: str, *, first: date, last: date, deliver: bool, now: datetime) -> dict[str, Any]:
    """Start the past slots of some days that never ran, each at its own instant, labelled as a backfill.

    Args:
        first, last: days in the zone of the cadence.
        deliver: nothing is delivered of them otherwise.

    Returns:
        `started`: the runs. `ran`: slots that ran before. `refused`: slots that cannot run, each with the reason.

    Raises:
        NotFound: the line was never released.
        RequestRefused: the line declares no cadence, or there are too many slots.
    """
    due = declared_due(account, line)
    if due.cadence is None:
        raise RequestRefused.about(
            f"Line {line}",
            "its decisions are due after a load, so it has no past slots",
            "a line with a cadence",
            f"score a period with `line score {line} --from INSTANT --to INSTANT --at INSTANT`",
        )
    zone = due.cadence.zone if isinstance(due.cadence, CalendarCadence) else "UTC"
    since, until = day_start(first, zone) - MICROSECOND, min(day_end(last, zone) - MICROSECOND, now - due.within)
    slots = slots_between(due.cadence, since, until) if since < until else []
    if len(slots) > MOST_FILLED_IN:
        raise RequestRefused.about(
            "--from, --until", f"{len(slots)} slots", f"at most {MOST_FILLED_IN}", "ask for fewer days"
        )
    records = slot_records(account, line, since - LONGEST_PAUSE, until)
    started, ran, refused = [], [], []
    for slot in slots:
        known = records.get(slot.at)
        if known is not None and known.fate is not Fate.SKIPPED:
            ran.append({"slot": format_instant(slot.at), "run_id": known.run_id})
            continue
        wanted = _wanted(line, slot, Why.BACKFILL, slot.request(line, backfill=True, deliver=deliver), now)
        if (because := _refusal(account, wanted, now)) is not None:
            refused.append({"slot": format_instant(slot.at), "because": because})
            continue
        held = _held(account, line, wanted, instead_of=known)
        if held != wanted:
            ran.append({"slot": format_instant(slot.at), "run_id": held.run_id})
            continue
        _start(account, line, held)
        started.append(str(held.run_id))
    return {"line": line, "started": started, "ran": ran, "refused": refused}


def declared_due(account: Account, line: str) -> Due:
    """When the line's decisions are due.

    Raises:
        NotFound: the line was never released.
        RequestRefused: it declares nothing due.
    """
    due = account.released.current(line).delivery.due
    if due is None:
        raise RequestRefused.about(
            f"Line {line}",
            "its release declares nothing due",
            "Delivery(due=Due(...))",
            f"declare when its decisions are due and release it, or score by hand with `line score {line}`",
        )
    return due


def slot_records(account: Account, line: str, since: datetime, until: datetime) -> Records:
    """What is recorded of the slots from one instant to another, in order."""
    found = account.control.between(line, slot_item(format_instant(since)), slot_item(format_instant(until)))
    records = map(SlotRecord.from_json, found)
    return {record.at: record for record in records}


def _begun(account: Account, line: str, due: Due, clock: datetime, *, told: bool) -> datetime:
    """Since when the line looks for the slots that it declares now. What was due before was never missed."""
    item = slot_clock_item(told=told)
    declared = digest(repr(due.cadence or (due.after and due.after.name)))
    begins = {"declared": declared, "began": format_instant(clock)}
    while True:
        if account.control.add(line, item, begins):
            return clock
        known = account.control.read(line, item) or begins
        began = parse_instant(known["began"], field="began")
        removed = _removed(account, line, told=told)
        if known["declared"] == declared and began <= clock and (removed is None or removed <= began):
            return began
        if account.control.replace(line, item, begins, known=known):
            return clock


def _removed(account: Account, line: str, *, told: bool) -> datetime | None:
    """When the line was removed the last time: nothing was due until it was released again."""
    found = None if told else account.control.read(line, ControlKey.REMOVED)
    return None if found is None else parse_instant(found["removed_at"], field="removed_at")


def _slots_due(
    account: Account, line: str, due: Due, *, since: datetime, clock: datetime, told: datetime | None
) -> list[Slot]:
    if due.cadence is not None:
        return slots_between(due.cadence, since, clock)
    loaded = None if due.after is None else account.lake_objects.written(snapshot_key(due.after.name))
    if due.after is None or loaded is None:
        return []
    version, written = loaded
    item, at = load_item(due.after.name, version), told or written.replace(microsecond=0)
    if not account.control.add(line, item, {"slot": format_instant(at)}):
        at = parse_instant((account.control.read(line, item) or {})["slot"], field="slot")
    return [Slot(at=at, before=_before(account, line, at))] if since < at <= clock else []


def _before(account: Account, line: str, at: datetime) -> datetime:
    """The load that ran before; a day earlier where none did."""
    ran = [
        earlier
        for earlier, record in slot_records(account, line, at - LONGEST_PAUSE, at - MICROSECOND).items()
        if record.fate is not Fate.SKIPPED
    ]
    return max(ran, default=at - FIRST_PERIOD)


def _judged(account: Account, line: str, slot: Slot, why: Why, *, due: Due, now: datetime, told: bool) -> SlotRecord:
    """What becomes of a slot that has no record."""
    wanted = _wanted(line, slot, why, slot.request(line, told=told), now)
    if why is Why.MISSED:
        return _skipped(wanted, why, f"nothing started it within {due.within}, and {due.catch_up} is caught up")
    because = _refusal(account, wanted, now)
    if because is None:
        return wanted
    without = account.control.read(line, ControlKey.CHAMPION) is None
    return _skipped(wanted, Why.NO_CHAMPION if without else Why.REFUSED, because)


def _wanted(line: str, slot: Slot, why: Why, request: Mapping[str, Any], now: datetime) -> SlotRecord:
    return SlotRecord(
        at=slot.at,
        before=slot.before,
        fate=Fate.HELD,
        why=why,
        run_id=slot.run_id(line),
        request=request,
        reason=None,
        recorded_at=now,
    )


def _skipped(wanted: SlotRecord, why: Why, because: str) -> SlotRecord:
    return replace(wanted, fate=Fate.SKIPPED, why=why, run_id=None, request=None, reason=because)


def _refusal(account: Account, wanted: SlotRecord, now: datetime) -> str | None:
    """Why the run would be refused; None if it may start."""
    from assembly_line.requests import ScoringRequest  # with pydantic, which `line status` does without

    try:
        request = ScoringRequest.parse(wanted.request)
        standing_of(account, request, now=now).require_asked(request)
    except AssemblyError as error:
        return str(error)
    return None


def _held(account: Account, line: str, record: SlotRecord, *, instead_of: SlotRecord | None = None) -> SlotRecord:
    """Write the record of a slot, of which there is one; what stands there then."""
    item = slot_item(format_instant(record.at))
    if instead_of is None:
        written = account.control.add(line, item, record.to_json())
    else:
        written = account.control.replace(line, item, record.to_json(), known=instead_of.to_json())
    if written:
        return record
    found = account.control.read(line, item)
    return record if found is None else SlotRecord.from_json(found)


def _start(account: Account, line: str, held: SlotRecord) -> SlotRecord:
    """Start the run of a slot that is held, unless that was done before its record could say so."""
    with suppress(Conflict):  # it was started before: no other run has that name
        account.machines.start(account.named(SCORING.parameter), str(held.run_id), held.request or {})
    started = replace(held, fate=Fate.STARTED)
    account.control.replace(line, slot_item(format_instant(held.at)), started.to_json(), known=held.to_json())
    return started


def _late(account: Account, due: Due, records: Iterable[SlotRecord], clock: datetime) -> datetime | None:
    """The latest slot that should have been delivered by now, if it was not. Without a champion nothing is promised."""
    overdue = [record for record in records if record.at + due.within <= clock]
    if not overdue or overdue[-1].why is Why.NO_CHAMPION:
        return None
    latest = overdue[-1]
    if latest.fate is Fate.SKIPPED:
        return latest.at
    arn = execution_arn(account.named(SCORING.parameter), str(latest.run_id))
    try:
        delivered = account.machines.describe(arn).status == SUCCEEDED
    except NotFound:  # nobody knows what became of it
        delivered = False
    return None if delivered else latest.at
