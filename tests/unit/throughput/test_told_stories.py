"""Stories whose times are known beforehand: whatever happens to a run, the board finds its working and its waiting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from assembly_line.messages import StationEvent
from assembly_line.throughput.recorded import RecordedEvent
from assembly_line.throughput.station_visits import visits
from assembly_line.throughput.work_items import items

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTHS = 90 * 24 * 3600
SECONDS = st.integers(1, 1000)
# Between an end and what follows it: a redrive, or a rollback of a champion that decided for months.
GAPS = st.integers(1, MONTHS)


@dataclass
class Story:
    """What happens to one run, told from its beginning; only what the machine announces becomes an event."""

    second: int = 0
    working: int = 0
    waiting: int = 0
    attempt: int = 1
    events: list[RecordedEvent] = field(default_factory=list)

    def tell(self, kind: str, *, attempt: int | None = None) -> None:
        given = {
            "schema": "assembly-line/station-event",
            "id": f"{kind}/{len(self.events)}",
            "environment": "embedded",
            "account": "000000000000",
            "line": "one",
            "station": "training",
            "item": "run",
            "kind": kind,
            "attempt": attempt or self.attempt,
            "at": START + timedelta(seconds=self.second),
        }
        self.events.append(RecordedEvent.from_json(StationEvent.model_validate(given).to_json()))

    def work(self, seconds: int) -> None:
        self.second += seconds
        self.working += seconds

    def wait(self, seconds: int) -> None:
        self.second += seconds
        self.waiting += seconds


@dataclass(frozen=True)
class Attempt:
    """Queued, then stretches of work, between which the run waits for capacity or for its reviewer.

    Args:
        ends_waiting: so long it waits at last, until it is stopped or its time is over; 0 for one that fails at work.
        gap: from its failure to its redrive.
    """

    queued: int
    stretches: list[int]
    waits: list[int]
    ends_waiting: int
    gap: int


ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        queued=SECONDS,
        stretches=st.lists(SECONDS, min_size=4, max_size=4),
        waits=st.lists(SECONDS, max_size=3),
        ends_waiting=st.just(0) | SECONDS,
        gap=GAPS,
    ),
    min_size=1,
    max_size=3,
)


def told(attempts: list[Attempt], rollbacks: list[int], *, rejected: bool) -> Story:
    story, waits_on = Story(), False
    for number, attempt in enumerate(attempts, start=1):
        story.attempt = number
        # A redriven execution says only that it goes on. It is in the state in which it ended, which may be a wait.
        story.tell("started" if waits_on else "queued")
        story.wait(attempt.queued)
        story.tell("started")
        story.work(attempt.stretches[0])
        for wait, stretch in zip(attempt.waits, attempt.stretches[1:], strict=False):
            story.tell("waiting")
            story.wait(wait)
            story.tell("started")
            story.work(stretch)
        if number < len(attempts):
            waits_on = attempt.ends_waiting > 0
            if waits_on:
                story.tell("waiting")
                story.wait(attempt.ends_waiting)
            story.tell("failed")
            story.second += attempt.gap
    story.tell("sent_back" if rejected else "finished")
    for gap in [] if rejected else rollbacks:
        story.second += gap
        # Whoever rolls back does not know which attempt finished.
        story.tell("sent_back", attempt=1)
    return story


ONCE = Attempt(queued=1, stretches=[10, 1, 1, 1], waits=[5], ends_waiting=0, gap=60)


@settings(max_examples=200)
@given(
    attempts=ATTEMPTS,
    rollbacks=st.lists(GAPS, max_size=3),
    rejected=st.booleans(),
    random=st.randoms(use_true_random=False),
)
@example(attempts=[ONCE, ONCE], rollbacks=[MONTHS], rejected=False, random=Random(1))  # noqa: S311
@example(attempts=[ONCE], rollbacks=[MONTHS, MONTHS], rejected=False, random=Random(1))  # noqa: S311
@example(attempts=[replace(ONCE, ends_waiting=MONTHS), ONCE], rollbacks=[], rejected=False, random=Random(1))  # noqa: S311
def test_working_and_waiting_are_what_they_were(
    attempts: list[Attempt], rollbacks: list[int], rejected: bool, random: Random
) -> None:
    story = told(attempts, rollbacks, rejected=rejected)
    events = [*story.events, *story.events[::2]]
    random.shuffle(events)

    (item,) = items(visits(events))

    assert sum((time.work for time in item.times), timedelta()) == timedelta(seconds=story.working)
    assert sum((time.waiting for time in item.times), timedelta()) == timedelta(seconds=story.waiting)
    assert item.lead_time == timedelta(seconds=story.second)
    assert item.result == ("sent_back" if rejected or rollbacks else "finished")
    returns = [time for time in item.times if time.visit.result == "sent_back"]
    assert len(returns) == (1 if rejected else len(rollbacks))
    assert all(one.visit.began < other.visit.began for one, other in pairwise(item.times))


def test_a_review_that_ran_out_of_time_and_was_redriven_waited_all_the_while() -> None:
    """Between the redrive and the approval the machine announces nothing: it is in the state that waits."""
    story = Story()
    story.tell("queued")
    story.tell("started")
    story.work(9)
    story.tell("waiting")
    story.wait(14 * 24 * 3600)
    story.tell("failed")
    story.second += 60
    story.attempt = 2
    story.tell("started")
    story.wait(10 * 24 * 3600)
    story.tell("finished")

    (item,) = items(visits(story.events))

    assert sum((time.work for time in item.times), timedelta()) == timedelta(seconds=9)
    assert sum((time.waiting for time in item.times), timedelta()) == timedelta(days=24)
