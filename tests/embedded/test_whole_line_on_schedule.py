"""A day scored by its schedule in the embedded AWS, whose clock is told: once, however often, and given again to one.

Goes on where `test_whole_line_in_shards.py` ended; alone it does so too. No day was scored that lies behind this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.names import LedgerKind, slots_function
from assembly_line.stations import SCORING
from assembly_line.storage.services.machines import execution_arn
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.line_slice import REPOSITORY, mailed, variant
from tests.embedded.test_whole_line_in_shards import received

CAMPAIGN, SLOT = 23, "2017-12-28T11:00:00Z"
RUN = "coupon-redemption-slot-20171228-1100"


@dataclass(frozen=True)
class Scored:
    """What looking answered, and what came of it."""

    looks: list[dict[str, Any]]
    report: dict[str, Any]
    received: list[dict[str, Any]]
    later: dict[str, Any]
    slots: list[dict[str, Any]]
    again: dict[str, Any]
    received_again: list[dict[str, Any]]
    filled_in: dict[str, Any]
    reconciled: dict[str, Any]


@pytest.fixture(scope="module")
def scheduled(deployed: Deployed) -> Iterator[Deployed]:
    """The shipped line with decisions that are due at six in the morning; afterwards it is released as it was."""
    deployed.champion()
    old = 'delivery=Delivery(subscribers=("campaign_desk",))'
    due = 'Due(cadence=daily(at="06:00", zone=NEW_YORK), catch_up=days(3))'
    new = f'delivery=Delivery(subscribers=("campaign_desk",), due={due})'
    folder = variant(deployed.folder / "scheduled", script="line.py", old=old, new=new)
    script = folder / LINE / "line.py"
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace("    Delivery,\n", "    Delivery,\n    Due,\n    daily,\n", 1), encoding="utf-8")
    deployed.release(folder)
    yield deployed
    deployed.release(REPOSITORY / "lines")


@pytest.fixture(scope="module")
def scored(scheduled: Deployed) -> Scored:
    line, target = scheduled.line, scheduled.target
    received(scheduled)
    function, event = slots_function(target.environment), {"line": LINE, "at": SLOT}
    with ThreadPoolExecutor(2) as at_once:
        looks = [*at_once.map(lambda _: target.functions.call(function, event), range(2))]
    assert any(RUN in look["started"] for look in looks), looks
    machine = target.named(SCORING.parameter)
    end = scheduled.end(execution_arn(machine, RUN))
    assert end.status == "SUCCEEDED", end.reason
    had = received(scheduled)
    looks.append(line("delivery", "due", LINE, "--at", SLOT).document)
    later = line("delivery", "due", LINE, "--at", "2017-12-30T12:00:00Z").document
    for run in later["started"]:
        scheduled.end(execution_arn(machine, run))
    slots = line("delivery", "slots", LINE, "--until", "2017-12-30").document
    again = line("delivery", "redeliver", LINE, "--consumer", "campaign_desk", "--batch", RUN).document
    received_again = received(scheduled)
    days = ("--from", "2017-12-27", "--until", "2017-12-28")
    filled_in = line("delivery", "backfill", LINE, *days, "--as", "scientist").document
    for run in filled_in["started"]:
        scheduled.end(execution_arn(machine, run))
    reconciled = line("delivery", "reconcile", LINE).document
    return Scored(looks, dict(end.output), had, later, slots, again, received_again, filled_in, reconciled)


def test_a_day_is_scored_by_its_schedule_once(scored: Scored, scheduled: Deployed) -> None:
    asked = mailed(scheduled.raw, CAMPAIGN)

    assert asked > 0
    assert {run for look in scored.looks for run in look["started"]} == {RUN}
    assert scored.looks[-1]["started"] == []
    assert (scored.report["offered"], scored.report["delivered"]) == (asked, asked)
    assert scored.report["backfill"] == []
    assert len({message["decision_id"] for message in scored.received}) == len(scored.received) == asked


def test_each_slot_is_told_and_a_missed_one_is_caught_up(scored: Scored, scheduled: Deployed) -> None:
    asked = mailed(scheduled.raw, CAMPAIGN)

    assert scored.later["started"] == [f"coupon-redemption-slot-201712{day}-1100" for day in (29, 30)]
    assert [(one["local"][:16], one["state"], one["why"]) for one in scored.slots] == [
        ("2017-12-28T06:00", "delivered", "on_time"),
        ("2017-12-29T06:00", "nothing to decide", "caught_up"),
        ("2017-12-30T06:00", "nothing to decide", "on_time"),
    ]
    assert scored.slots[0]["delivered"] == asked


def test_only_a_slot_that_never_ran_is_filled_in(scored: Scored) -> None:
    assert scored.filled_in["started"] == ["coupon-redemption-slot-20171227-1100"]
    assert [one["run_id"] for one in scored.filled_in["ran"]] == [RUN]


def test_a_batch_is_given_to_one_consumer_again_and_counted_once(scored: Scored, scheduled: Deployed) -> None:
    def by_id(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(messages, key=lambda one: str(one["decision_id"]))

    assert scored.again["sent"] == len(scored.received)
    assert by_id(scored.received_again) == by_id(scored.received)
    rows = [row for row in scheduled.ledger(LedgerKind.DELIVERIES) if row["run_id"] == RUN]
    assert {row["channel"] for row in rows} == {"sns", "sqs:campaign_desk"}
    assert scored.reconciled["differences"] == 0


def test_status_tells_when_decisions_are_due(scored: Scored, scheduled: Deployed) -> None:
    (line,) = [one for one in scheduled.line("status").document["lines"] if one["line"] == LINE]

    assert line["due"]["declared"] == "daily at 06:00 America/New_York"
    unknown = scheduled.line("delivery", "redeliver", LINE, "--consumer", "nobody", "--batch", RUN)
    assert unknown.code == ExitCode.REFUSED
    assert "campaign_desk" in unknown.err
