"""Windows of the calendar begin at the same wall time, whatever clocks and months did in between."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assembly_line import calendar_days, days, months, weeks, years
from assembly_line.declarations.windows import CalendarWindow
from assembly_line.features.explain.reference_rules import window_start
from assembly_line.features.values.window_starts import starts_of, widest
from assembly_line.instants import from_micros, to_micros
from tests.unit.features import reference
from tests.unit.features.small_world import NEW_YORK

LORD_HOWE = "Australia/Lord_Howe"
# Half hours, a day that was skipped (Apia 2011), clocks that are set back in summer (Casablanca), no change at all.
ZONES = [NEW_YORK, LORD_HOWE, "Pacific/Apia", "Africa/Casablanca", "Europe/Dublin", "Asia/Kathmandu", "UTC"]


@pytest.mark.parametrize(
    ("window", "decision", "start"),
    [
        (months(1, zone=NEW_YORK), "2017-03-31T16:00", "2017-02-28T17:00"),
        (months(1, zone="UTC"), "2016-03-30T00:00", "2016-02-29T00:00"),
        (months(13, zone="UTC"), "2017-03-31T00:00", "2016-02-29T00:00"),
        (years(1, zone="UTC"), "2016-02-29T17:00", "2015-02-28T17:00"),
        (weeks(2, zone=NEW_YORK), "2017-03-19T04:00", "2017-03-05T05:00"),
        # 2:30 of 12 March did not occur in New York: 3:30, counted on from before the gap.
        (calendar_days(1, zone=NEW_YORK), "2017-03-13T06:30", "2017-03-12T07:30"),
        # 1:30 of 5 November occurred twice: the earlier.
        (calendar_days(1, zone=NEW_YORK), "2017-11-06T06:30", "2017-11-05T05:30"),
        # Lord Howe's clocks are set by half an hour: 2:15 of 2 October is 2:45, 1:45 of 3 April the first of two.
        (calendar_days(1, zone=LORD_HOWE), "2016-10-02T15:15", "2016-10-01T15:45"),
        (calendar_days(1, zone=LORD_HOWE), "2016-04-03T15:15", "2016-04-02T14:45"),
    ],
)
def test_a_window_begins_at_the_same_wall_time(window: CalendarWindow, decision: str, start: str) -> None:
    at, expected = (to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in (decision, start))

    assert starts_of(window, np.array([at])).tolist() == [expected]
    assert window_start(window, at) == expected


@pytest.mark.parametrize("zone", ZONES)
def test_many_starts_are_what_the_rule_says_and_within_reach(zone: str) -> None:
    chance = random.Random(zone)  # noqa: S311
    first = datetime(2011, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(minutes=15 * chance.randint(0, 4 * 24 * 365 * 7)) for _ in range(300)]
    moments += [from_micros(to_micros(moment) + chance.choice([-1, 1])) for moment in moments[:50]]
    times = np.array([to_micros(moment) for moment in moments])
    for window in (calendar_days(1, zone=zone), weeks(3, zone=zone), months(5, zone=zone), years(2, zone=zone)):
        found = starts_of(window, times)

        assert found.tolist() == [to_micros(reference.calendar_start(window, moment)) for moment in moments]
        assert found.tolist() == [window_start(window, at) for at in times.tolist()]
        assert (times - found).max() <= widest(window)


def test_times_without_a_date_have_windows_too() -> None:
    """Such as a decision time that somebody mistyped: no calendar reaches there, and nothing fails."""
    times = np.array([-(2**61), 2**61])

    assert (starts_of(years(999, zone=NEW_YORK), times) < times).all()
    assert starts_of(days(2), times).tolist() == [at - 2 * 86_400_000_000 for at in times.tolist()]
