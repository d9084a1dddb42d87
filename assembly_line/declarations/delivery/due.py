"""When the decisions of a line are due: at a cadence, or once a source was loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from assembly_line.declarations.checks import require
from assembly_line.declarations.populations import Cadence, FixedCadence
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed
from assembly_line.instants import EPOCH

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
# So far back go looks for slots that nobody started.
LONGEST = timedelta(days=31)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the line scores by itself. Each occasion is a **slot**, and runs once.

    A slot has the decisions since the slot before, up to its own instant, as they are known then. Give `cadence` or
    `after`.

    Args:
        cadence: such as `daily(at="06:30", zone="Europe/Berlin")`, or `every(hours(6), anchor=...)` with an interval of
            whole minutes that fills a day or is whole days, 15 minutes or longer. A wall time that a night skips is
            moved forward by what is skipped. One that occurs twice means the earlier.
        after: a source of the line. Each load of it is a slot.
        within: how long after the slot its decisions must be delivered. An alarm tells of a slot that is late.
        catch_up: how old a slot may be that nothing started within `within`. An older one is skipped, and said. Zero
            skips all of them.
    """

    cadence: Cadence | None = None
    after: Source | None = None
    within: timedelta = timedelta(hours=3)
    catch_up: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        require((self.cadence is None) != (self.after is None), "Due: give cadence= or after=, exactly one")
        require(
            timedelta(minutes=1) <= self.within <= LONGEST,
            f"Due: within {self.within} is outside a minute to {LONGEST.days} days",
        )
        require(
            timedelta(0) <= self.catch_up <= LONGEST,
            f"Due: catch_up {self.catch_up} is outside 0 to {LONGEST.days} days",
        )
        if self.after is not None:
            require(self.after.sql is None, f"Due: after {self.after.name} is a view; name a source that is loaded")
        if isinstance(self.cadence, FixedCadence):
            _check_interval(self.cadence.interval, self.cadence.anchor)


def _check_interval(interval: timedelta, anchor: datetime) -> None:
    fills = DAY % interval == timedelta(0) or interval % DAY == timedelta(0)
    require(
        interval >= QUARTER and interval % timedelta(minutes=1) == timedelta(0) and fills,
        f"Due: cadence every {interval}: expected whole minutes that fill a day, or whole days, at least {QUARTER}",
    )
    require(
        (anchor - EPOCH) % timedelta(minutes=1) == timedelta(0),
        f"Due: cadence anchor {anchor} is no whole minute",
    )
