"""When decisions are due: against a clock that is read minute by minute."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import Due, daily, every, hours, monthly, weekly
from assembly_line.declarations.populations import WEEKDAYS, CalendarCadence, FixedCadence
from assembly_line.delivery.slots import Fate, Slot, SlotRecord, Why, described, due_now, next_slot, slots_between
from assembly_line.errors import DeclarationError
from assembly_line.instants import zone_of
from assembly_line.requests import ScoringRequest

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Nights on which clocks are set: by an hour, half an hour, a whole day. And zones of half and three quarter hours.
NIGHTS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Santiago", date(2026, 9, 6)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 2, 28)),
    ("Asia/Kathmandu", date(2028, 2, 29)),
]
walls = st.sampled_from(
    ["00:00", "00:30", "01:00", "01:30", "01:45", "02:00", "02:15", "02:30", "03:00", "12:07", "23:59"]
)
nights = st.sampled_from(NIGHTS)


def wall(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(zone_of(zone)).replace(tzinfo=None)


def is_day_of(cadence: CalendarCadence, day: date) -> bool:
    if cadence.unit == "week":
        return day.isoweekday() == cadence.on
    if cadence.unit == "month":
        return day.day == min(cadence.on or 1, monthrange(day.year, day.month)[1])
    return True


def read_off(cadence: CalendarCadence, since: datetime, until: datetime) -> list[datetime]:
    """The instants since < t <= until at which a clock of the zone first shows the declared time, minute by minute.

    Where the clock jumps over it, it is due as long after the jump as the declared time lies behind where it jumped.
    """
    hour, minute = map(int, cadence.at.split(":"))
    found: set[datetime] = set()
    shown: set[datetime] = set()
    now = since - 2 * DAY
    clock = wall(now, cadence.zone)
    while now <= until:
        if (clock.hour, clock.minute) == (hour, minute) and is_day_of(cadence, clock.date()) and clock not in shown:
            shown.add(clock)
            found.add(now)
        now += MINUTE
        expected, clock = clock + MINUTE, wall(now, cadence.zone)
        skipped = expected
        while skipped < clock:
            if (skipped.hour, skipped.minute) == (hour, minute) and is_day_of(cadence, skipped.date()):
                found.add(now + (skipped - expected))
            skipped += MINUTE
    return sorted(instant for instant in found if since < instant <= until)


@given(nights, walls, st.integers(0, 31))
@settings(max_examples=60, deadline=None)
def test_slots_are_when_a_clock_of_the_zone_shows_the_time(night: tuple[str, date], at: str, on: int) -> None:
    zone, day = night
    cadence = (
        daily(at=at, zone=zone)
        if on == 0
        else weekly(on=WEEKDAYS[on % 7], at=at, zone=zone)
        if on < 10
        else monthly(on=on, at=at, zone=zone)
    )
    since = datetime(day.year, day.month, day.day, tzinfo=UTC) - 4 * DAY
    until = since + 8 * DAY

    slots = slots_between(cadence, since, until)

    assert [slot.at for slot in slots] == read_off(cadence, since, until)
    assert all(earlier.at == later.before for earlier, later in pairwise(slots))


@given(
    st.sampled_from([15, 30, 60, 90, 360, 720, 1440, 10080]),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)
@settings(max_examples=40)
def test_slots_of_a_fixed_cadence_are_whole_intervals_from_the_anchor(minutes: int, anchored: int, begins: int) -> None:
    anchor = datetime(2026, 10, 20, tzinfo=UTC) + anchored * MINUTE
    since = datetime(2026, 10, 23, tzinfo=UTC) + begins * MINUTE
    cadence = every(timedelta(minutes=minutes), anchor=anchor)
    until = since + timedelta(minutes=3 * minutes)

    expected = [since + number * MINUTE for number in range(1, 3 * minutes + 1)]
    expected = [minute for minute in expected if (minute - anchor) % timedelta(minutes=minutes) == timedelta(0)]

    assert [slot.at for slot in slots_between(cadence, since, until)] == expected


@pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_a_slot_has_all_decisions_since_the_one_before_however_long_the_day_is(day: date, length: int) -> None:
    midnight = daily(at="00:00", zone="Europe/Berlin")
    since = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    (slot,) = slots_between(midnight, since, since + DAY)

    assert slot.at - slot.before == timedelta(hours=length)


def test_a_time_that_occurs_twice_is_one_slot_and_one_that_is_skipped_is_moved_forward() -> None:
    night = daily(at="02:30", zone="Europe/Berlin")

    (twice,) = slots_between(night, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    (skipped,) = slots_between(night, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC))

    assert twice.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert skipped.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_the_request_of_a_slot_takes_its_own_instant_in_and_the_slot_before_out() -> None:
    slot = Slot(at=datetime(2026, 7, 12, 4, 30, tzinfo=UTC), before=datetime(2026, 7, 11, 4, 30, tzinfo=UTC))

    request = ScoringRequest.parse(slot.request("coupon_redemption"))

    assert request.since == slot.before + timedelta(microseconds=1)
    assert request.until == slot.at + timedelta(microseconds=1)
    assert (request.as_of, request.at, request.backfill) == (slot.at, None, False)
    assert ScoringRequest.parse(slot.request("coupon_redemption", backfill=True)).at == slot.at


def test_the_name_of_a_run_is_legal_and_another_one_for_every_slot() -> None:
    cadence = every(timedelta(minutes=15), anchor=datetime(2026, 1, 1, tzinfo=UTC))
    slots = slots_between(cadence, datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC))

    names = {slot.run_id("a_line_of_24_characters_") for slot in slots}

    assert len(names) == len(slots) == 960
    assert max(map(len, names)) <= 64


def test_a_record_is_read_as_it_was_written() -> None:
    at = datetime(2026, 7, 12, 4, 30, tzinfo=UTC)
    slot = Slot(at=at, before=at - DAY)
    record = SlotRecord(
        at=at,
        before=slot.before,
        fate=Fate.HELD,
        why=Why.ON_TIME,
        run_id=slot.run_id("a"),
        request=slot.request("a"),
        reason=None,
        recorded_at=at,
    )

    assert SlotRecord.from_json(record.to_json()) == record


def test_a_slot_runs_within_its_promise_and_is_caught_up_as_long_as_declared() -> None:
    due = Due(cadence=daily(at="06:00", zone="UTC"), within=hours(2), catch_up=3 * DAY)

    assert [due_now(due, age) for age in (hours(2), 3 * DAY, 3 * DAY + MINUTE)] == [
        Why.ON_TIME,
        Why.CAUGHT_UP,
        Why.MISSED,
    ]


def test_the_next_slot_and_the_words_of_a_cadence() -> None:
    cadence = weekly(on="monday", at="06:30", zone="Asia/Kolkata")

    assert next_slot(cadence, datetime(2026, 7, 12, tzinfo=UTC)) == datetime(2026, 7, 13, 1, tzinfo=UTC)
    assert described(Due(cadence=cadence)) == "weekly on monday at 06:30 Asia/Kolkata"


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({}, "exactly one"),
        ({"cadence": every(timedelta(minutes=14), anchor=datetime(2026, 1, 1, tzinfo=UTC))}, "at least 0:15:00"),
        ({"cadence": every(timedelta(hours=7), anchor=datetime(2026, 1, 1, tzinfo=UTC))}, "fill a day"),
        ({"cadence": every(hours(6), anchor=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))}, "no whole minute"),
        ({"cadence": daily(at="06:00", zone="UTC"), "within": timedelta(0)}, "within"),
        ({"cadence": daily(at="06:00", zone="UTC"), "catch_up": timedelta(days=32)}, "catch_up"),
    ],
)
def test_what_cannot_be_kept_is_refused(given_: dict[str, FixedCadence | timedelta], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Due(**given_)  # type: ignore[arg-type]
