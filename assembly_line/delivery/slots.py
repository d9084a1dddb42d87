"""Slots: the occasions at which a line's decisions are due, each with the decisions since the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from assembly_line.documents import TEXT, TEXT_OR_NULL, Allowed, record_of
from assembly_line.features import occasions
from assembly_line.instants import MICROSECOND, format_instant, from_micros, parse_instant, to_micros
from assembly_line.names import aws_name

if TYPE_CHECKING:
    from assembly_line.declarations.delivery.due import Due
    from assembly_line.declarations.populations import Cadence

# Between a slot and the one before lie a month and clocks that are set at most, or the declared interval.
LONGEST_PAUSE = timedelta(days=35)
# A load without an earlier one has the decisions of so long before it.
FIRST_PERIOD = timedelta(days=1)


class Fate(StrEnum):
    """What is recorded of a slot. One that is held may have been started or not: starting it again does no harm."""

    HELD = "held"
    STARTED = "started"
    SKIPPED = "skipped"


class Why(StrEnum):
    """Why a slot was started, or skipped."""

    ON_TIME = "on_time"
    CAUGHT_UP = "caught_up"
    BACKFILL = "backfill"
    MISSED = "missed"
    NO_CHAMPION = "no_champion"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One occasion at which decisions are due: an instant, which no change of clocks repeats.

    Args:
        before: the slot before. The slot's decisions come after that one, and none after the slot.
    """

    at: datetime
    before: datetime

    def run_id(self, line: str) -> str:
        """The name of its execution; the same whoever starts it."""
        seconds = f"{self.at:%S}" if self.at.second else ""
        return f"{aws_name(line)}-slot-{self.at:%Y%m%d-%H%M}{seconds}"

    def request(
        self, line: str, *, told: bool = False, backfill: bool = False, deliver: bool = False
    ) -> dict[str, Any]:
        """The scoring request: its decisions, as they are known at its instant.

        Args:
            told: its instant is that of the business clock, as in a replay.
            backfill: it fills in the past.
            deliver: although it does.
        """
        at = format_instant(self.at)
        return {
            "line": line,
            "from": format_instant(self.before + MICROSECOND),
            "to": format_instant(self.at + MICROSECOND),
            "as_of": at,
            **({"at": at} if told or backfill else {}),
            **({"backfill": True} if backfill else {}),
            **({"deliver_backfill": True} if deliver else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRecord:
    """What is kept of a slot for good.

    Args:
        run_id: its execution; None of one that was skipped.
        request: what that is given.
        reason: of one that was skipped, in words.
        recorded_at: real time.
    """

    at: datetime
    before: datetime
    fate: Fate
    why: Why
    run_id: str | None
    request: Mapping[str, Any] | None
    reason: str | None
    recorded_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "slot": format_instant(self.at),
            "slot_before": format_instant(self.before),
            "fate": str(self.fate),
            "why": str(self.why),
            "execution": self.run_id,
            "request": self.request,
            "because": self.reason,
            "recorded_at": format_instant(self.recorded_at),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SlotRecord:
        """Read one.

        Raises:
            DocumentUnreadable: it is not what the line wrote; names the member.
        """
        found = record_of(dict(document), _MEMBERS, of="slot")
        return cls(
            at=parse_instant(found["slot"], field="slot"),
            before=parse_instant(found["slot_before"], field="slot_before"),
            fate=Fate(found["fate"]),
            why=Why(found["why"]),
            run_id=found["execution"],
            request=found["request"],
            reason=found["because"],
            recorded_at=parse_instant(found["recorded_at"], field="recorded_at"),
        )


_MEMBERS: Mapping[str, Allowed] = {
    "slot": TEXT,
    "slot_before": TEXT,
    "fate": frozenset(Fate),
    "why": frozenset(Why),
    "execution": TEXT_OR_NULL,
    "request": (dict, type(None)),
    "because": TEXT_OR_NULL,
    "recorded_at": TEXT,
}


def slots_between(cadence: Cadence, since: datetime, until: datetime) -> list[Slot]:
    """The slots with since < at <= until, ascending."""
    interval = getattr(cadence, "interval", LONGEST_PAUSE)
    found = occasions(cadence, to_micros(since - max(interval, LONGEST_PAUSE)), to_micros(until) + 1)
    instants = [from_micros(int(instant)) for instant in found]
    return [Slot(at=at, before=before) for before, at in pairwise(instants) if at > since]


def next_slot(cadence: Cadence, now: datetime) -> datetime:
    """The first slot after an instant."""
    ahead = max(getattr(cadence, "interval", LONGEST_PAUSE), LONGEST_PAUSE)
    return slots_between(cadence, now, now + ahead)[0].at


def since_latest(slot: Slot, recorded: Mapping[datetime, SlotRecord]) -> Slot:
    """The slot with the decisions since the latest one that ran, where that is later than the cadence has it.

    So no decision is due twice after the cadence was changed.
    """
    ran = [at for at, one in recorded.items() if slot.before < at < slot.at and one.fate is not Fate.SKIPPED]
    return Slot(at=slot.at, before=max([slot.before, *ran]))


def due_now(due: Due, age: timedelta) -> Why:
    """What becomes of a slot of this age that nothing started yet: it runs, is caught up, or is missed."""
    if age <= due.within:
        return Why.ON_TIME
    return Why.CAUGHT_UP if age <= due.catch_up else Why.MISSED


def described(due: Due) -> str:
    """The declared occasions in words."""
    if due.after is not None:
        return f"after each load of {due.after.name}"
    return "; ".join(_words(due))


def _words(due: Due) -> Iterator[str]:
    from assembly_line.declarations.populations import WEEKDAYS, FixedCadence

    cadence = due.cadence
    if isinstance(cadence, FixedCadence):
        yield f"every {cadence.interval} from {format_instant(cadence.anchor)}"
    elif cadence is not None:
        on = {"day": "daily", "week": "weekly", "month": "monthly"}[cadence.unit]
        if cadence.on is not None:
            on += f" on {WEEKDAYS[cadence.on - 1] if cadence.unit == 'week' else cadence.on}"
        yield f"{on} at {cadence.at} {cadence.zone}"
