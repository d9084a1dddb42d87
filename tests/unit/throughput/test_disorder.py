"""Delivery is at least once and unordered: neither may change a measure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.messages import StationEvent
from assembly_line.throughput.board import boards
from assembly_line.throughput.station_visits import visits
from assembly_line.throughput.work_items import items

START = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = ["queued", "started", "waiting", "finished", "failed", "sent_back"]

raw_events = st.builds(
    lambda kind, station, item, attempt, second, line: StationEvent.model_validate(
        {
            "schema": "assembly-line/station-event",
            "id": f"{line}/{item}/{station}/{attempt}/{kind}",
            "environment": "embedded",
            "account": "000000000000",
            "line": line,
            "station": station,
            "item": item,
            "kind": kind,
            "attempt": attempt,
            "at": START + timedelta(seconds=second),
        }
    ),
    kind=st.sampled_from(KINDS),
    station=st.sampled_from(["features", "training", "delivery"]),
    item=st.sampled_from(["a", "b"]),
    attempt=st.integers(1, 3),
    second=st.integers(0, 40),
    line=st.sampled_from(["one", "two"]),
)
event_lists = st.lists(raw_events, max_size=30)
NOW = START + timedelta(seconds=60)


@settings(max_examples=200, deadline=None)
@given(event_lists, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(events: list[StationEvent], random: object) -> None:
    shuffled = events + events[::2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert boards(shuffled, now=NOW) == boards(events, now=NOW)


@settings(max_examples=200, deadline=None)
@given(event_lists)
def test_no_second_is_counted_twice_and_none_is_negative(events: list[StationEvent]) -> None:
    for item in items(visits(events)):
        spent = sum(((time.work + time.waiting) for time in item.times), timedelta(0))
        assert all(time.work >= timedelta(0) and time.waiting >= timedelta(0) for time in item.times)
        if item.lead_time is not None:
            assert spent <= item.lead_time
        assert (item.ended is None) == (item.current is not None)


@settings(max_examples=200, deadline=None)
@given(event_lists)
def test_shares_are_shares_and_every_visit_is_somewhere(events: list[StationEvent]) -> None:
    for board in boards(events, now=NOW):
        assert board.rework_tax is None or 0 <= board.rework_tax <= 1
        assert board.first_pass_yield is None or 0 <= board.first_pass_yield <= 1
        for kind in board.kinds:
            assert kind.items == kind.finished + kind.failed + kind.sent_back + kind.in_progress
