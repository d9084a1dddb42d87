"""What the board says of a line, from its events alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assembly_line.messages import StationEvent
from assembly_line.throughput.board import LineBoard, boards
from assembly_line.throughput.recorded import RecordedEvent

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
LINE = "coupon_redemption"


def event(kind: str, station: str, item: str, second: float, *, attempt: int = 1, line: str = LINE) -> RecordedEvent:
    return RecordedEvent.from_json(
        StationEvent.model_validate(
            {
                "schema": "assembly-line/station-event",
                "id": f"{line}/{item}/{station}/{attempt}/{kind}/{second}",
                "environment": "embedded",
                "account": "000000000000",
                "line": line,
                "station": station,
                "item": item,
                "kind": kind,
                "attempt": attempt,
                "at": START + timedelta(seconds=second),
            }
        ).to_json()
    )


def reviewed_run(item: str = "run-1", *, at: float = 0, verdict: str = "finished") -> list[RecordedEvent]:
    """Queued 2 s, prepares 3 s, builds its dataset 10 s (queued for 1), trains 20 s, waits 60 s, concludes 5 s."""
    return [
        event("queued", "training", item, at),
        event("started", "training", item, at + 2),
        event("queued", "features", item, at + 5),
        event("started", "features", item, at + 6),
        event("finished", "features", item, at + 15),
        event("waiting", "training", item, at + 35),
        event(verdict, "training", item, at + 100),
    ]


def board(*events: RecordedEvent, seconds: float = 1000) -> LineBoard:
    (found,) = boards(events, now=START + timedelta(seconds=seconds))
    return found


def test_lead_time_runs_from_queued_to_the_end_and_every_second_is_in_one_station() -> None:
    found = board(*reviewed_run())

    (kind,) = found.kinds
    stations = {station.station: station for station in found.stations}
    assert (kind.began_in, kind.items, kind.finished, kind.lead_seconds_median) == ("training", 1, 1, 100)
    assert stations["features"].seconds == 10
    assert stations["training"].seconds == 90
    assert found.work_seconds + found.waiting_seconds == 100


def test_waiting_is_queued_until_started_and_a_review_until_it_is_decided() -> None:
    found = board(*reviewed_run())

    stations = {station.station: station.waiting_seconds for station in found.stations}
    assert stations == {"training": 2 + 65, "features": 1}


def test_a_run_without_capacity_waits_and_says_why_until_it_is_tried_again() -> None:
    before = [event("queued", "training", "run-1", 0), event("started", "training", "run-1", 2)]
    why = "CapacityError: none of this type"
    held = replace(event("waiting", "training", "run-1", 10), cause=why)

    (item,) = board(*before, held, seconds=70).open_items
    assert (item.state, item.state_seconds, item.cause) == ("waiting", 60, why)
    tried = board(*before, held, event("started", "training", "run-1", 130), seconds=150)
    (item,) = tried.open_items
    assert (item.state, item.cause) == ("working", None)
    found = board(
        *before, held, event("started", "training", "run-1", 130), event("finished", "training", "run-1", 140)
    )
    assert (found.waiting_seconds, found.work_seconds) == (2 + 120, 8 + 10)


def test_what_has_not_ended_is_in_progress_with_its_age_and_where_it_waits() -> None:
    found = board(*reviewed_run()[:-1], seconds=95)

    (waiting,) = found.open_items
    assert (waiting.item, waiting.station, waiting.state) == ("run-1", "training", "waiting")
    assert (waiting.age_seconds, waiting.state_seconds) == (95, 60)
    assert found.kinds[0].in_progress == 1
    assert found.kinds[0].lead_seconds_median is None
    assert found.first_pass_yield is None


def test_an_item_in_a_called_station_is_shown_where_it_really_is() -> None:
    found = board(*reviewed_run()[:4], seconds=9)

    (working,) = found.open_items
    assert (working.station, working.state, working.state_seconds) == ("features", "working", 3)


def test_an_item_that_nobody_started_is_queued() -> None:
    (queued,) = board(event("queued", "delivery", "run-9", 0), seconds=30).open_items

    assert (queued.state, queued.state_seconds) == ("queued", 30)


def test_a_redriven_run_that_waits_for_its_reviewer_waits() -> None:
    before = [event("queued", "training", "run-1", 0), event("started", "training", "run-1", 60)]
    review = replace(event("waiting", "training", "run-1", 120), cause="review")
    again = [event("failed", "training", "run-1", 600), event("started", "training", "run-1", 720, attempt=2)]

    (item,) = board(*before, review, *again, seconds=1200).open_items

    assert (item.state, item.state_seconds, item.cause) == ("waiting", 480, "review")


def test_a_visit_whose_start_was_lost_waits_and_one_that_is_queued_again_is_queued() -> None:
    (waiting,) = board(event("waiting", "training", "run-1", 5), seconds=10).open_items
    first = [event("started", "training", "run-1", 0), event("failed", "training", "run-1", 5)]
    (queued,) = board(*first, event("queued", "training", "run-1", 7, attempt=2), seconds=10).open_items

    assert (waiting.state, queued.state) == ("waiting", "queued")


def test_first_pass_yield_counts_items_that_came_through_at_once() -> None:
    failed = [event("queued", "delivery", "s-1", 0), event("started", "delivery", "s-1", 0)]
    found = board(
        *reviewed_run("run-1"),
        *reviewed_run("run-2", verdict="sent_back"),
        *failed,
        event("failed", "delivery", "s-1", 4),
        event("started", "delivery", "s-2", 10),
        event("finished", "delivery", "s-2", 12),
        event("started", "delivery", "s-3", 10),
    )

    assert found.first_pass_yield == pytest.approx(2 / 4)
    assert {kind.began_in: (kind.failed, kind.sent_back) for kind in found.kinds} == {
        "training": (0, 1),
        "delivery": (1, 0),
    }


def test_rework_is_the_work_that_came_to_nothing_but_not_the_dataset_that_is_kept() -> None:
    found = board(*reviewed_run("run-1"), *reviewed_run("run-2", at=200, verdict="sent_back"))

    # Each run: 23 s of training (3 before the dataset, 20 after it) and 9 s of features in work.
    assert found.work_seconds == 64
    assert found.rework_seconds == 23
    assert found.rework_tax == pytest.approx(23 / 64)


def test_a_run_that_is_rolled_back_after_months_was_rework_and_took_no_longer() -> None:
    decided = board(*reviewed_run("run-1"))
    rolled_back = board(*reviewed_run("run-1"), event("sent_back", "training", "run-1", 9_000_000), seconds=9_000_001)

    assert (rolled_back.work_seconds, rolled_back.rework_seconds) == (decided.work_seconds, 23)
    assert rolled_back.kinds[0].sent_back == 1
    assert rolled_back.first_pass_yield == 0


def test_a_second_attempt_makes_the_first_one_rework_even_if_its_failure_was_never_announced() -> None:
    found = board(
        event("started", "delivery", "s-1", 0),
        event("failed", "delivery", "s-1", 6),
        event("started", "delivery", "s-1", 10, attempt=2),
        event("finished", "delivery", "s-1", 14, attempt=2),
    )

    assert found.rework_seconds == 6
    assert found.work_seconds == 10
    assert found.kinds[0].finished == 1
    assert found.first_pass_yield == 0


def test_a_later_attempt_closes_one_whose_end_was_lost() -> None:
    first = [event("started", "training", "run-1", 0), event("started", "features", "run-1", 2)]
    again = [
        event("started", "training", "run-1", 10, attempt=2),
        event("finished", "training", "run-1", 14, attempt=2),
    ]

    (going_on,) = board(*first, again[0], seconds=12).open_items
    assert (going_on.station, going_on.state, going_on.state_seconds) == ("training", "working", 2)
    found = board(*first, *again)
    assert found.open_items == ()
    assert [(one.station, one.visits, one.seconds) for one in found.stations] == [
        ("training", 2, 2 + 4), ("features", 1, 8)
    ]  # fmt: skip
    assert (found.work_seconds, found.rework_seconds, found.kinds[0].finished) == (14, 2, 1)


def test_a_lost_end_is_that_of_the_caller_rather_than_the_next_attempt() -> None:
    found = board(
        event("started", "training", "run-1", 0),
        event("started", "features", "run-1", 2),
        event("failed", "training", "run-1", 6),
        event("started", "training", "run-1", 10, attempt=2),
        event("started", "features", "run-1", 12, attempt=2),
        event("finished", "features", "run-1", 13, attempt=2),
        event("finished", "training", "run-1", 14, attempt=2),
    )

    assert {one.station: one.seconds for one in found.stations} == {"training": 2 + 3, "features": 4 + 1}


def test_ends_that_were_all_lost_leave_no_item_without_a_verdict() -> None:
    found = board(
        event("started", "features", "run-1", 0),
        event("started", "training", "run-1", 2),
        event("started", "features", "run-1", 4, attempt=2),
        event("finished", "training", "run-1", 8),
    )

    assert (found.open_items, found.kinds[0].finished) == ((), 1)


def test_clocks_that_differ_leave_no_item_without_an_end() -> None:
    """Each station's first attempt did its last after the second ones began, so each encloses the other's second."""
    found = board(
        *(event("started", station, "run-1", at) for station, at in (("features", 0), ("training", 1))),
        *(event("waiting", station, "run-1", 20) for station in ("features", "training")),
        *(event("started", station, "run-1", at, attempt=2) for station, at in (("features", 5), ("training", 6))),
    )

    assert found.kinds[0].items == 1


def test_a_rerun_under_the_same_attempt_is_another_pass() -> None:
    found = board(
        event("started", "delivery", "s-1", 0),
        event("failed", "delivery", "s-1", 6),
        event("started", "delivery", "s-1", 10),
        event("finished", "delivery", "s-1", 14),
    )

    assert (found.stations[0].visits, found.stations[0].failed) == (2, 1)
    assert found.rework_seconds == 6


def test_the_lost_end_of_a_called_station_closes_with_its_caller() -> None:
    without_end = [e for e in reviewed_run() if (e.station, e.kind) != ("features", "finished")]

    found = board(*without_end)

    assert found.open_items == ()
    assert found.kinds[0].lead_seconds_median == 100


def test_a_lost_start_is_not_taken_for_waiting() -> None:
    found = board(event("queued", "delivery", "s-1", 0), event("finished", "delivery", "s-1", 8))

    assert (found.work_seconds, found.waiting_seconds) == (8, 0)


def test_lines_are_measured_apart_and_without_events_there_is_nothing() -> None:
    other = [event("started", "delivery", "x", 0, line="churn"), event("finished", "delivery", "x", 1, line="churn")]

    found = boards([*reviewed_run(), *other], now=START)

    assert [one.line for one in found] == ["churn", LINE]
    assert boards([], now=START) == []


def test_nobody_is_named() -> None:
    assert "principal" not in str(board(*reviewed_run()))
