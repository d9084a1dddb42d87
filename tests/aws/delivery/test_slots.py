"""Scoring by the clock: a slot runs once, whoever looks; what was missed is caught up or skipped, and said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from assembly_line import Delivery, Due, daily, every, hours
from assembly_line.delivery import due_of, due_slots, fill_in, slots_of
from assembly_line.delivery.run_standing import Backfill
from assembly_line.delivery.service import slots
from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant
from assembly_line.names import ControlKey, line_resource, slot_item, snapshot_key
from assembly_line.release import Release
from assembly_line.storage import Account
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.machines import Machines
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.slots import handler
from tests.aws.conftest import REGION
from tests.aws.delivery.scoring_run import LINE, Context
from tests.emitted import emitted

NIGHT = Due(cadence=daily(at="02:30", zone="Europe/Berlin"), within=hours(2))
CATCHING_UP = replace(NIGHT, catch_up=timedelta(days=3))
# A slot of the night on which the clocks are set back, which shows 02:30 twice.
TWICE = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
Declare = Callable[[Due], Account]


@pytest.fixture
def machine(aws: None, lake_objects: ObjectStore, environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    arn = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
        name="scoring",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    monkeypatch.setenv("SCORING_MACHINE_ARN", arn)
    monkeypatch.setenv("LAKE_BUCKET", lake_objects.bucket)
    account_of.cache_clear()
    yield arn
    account_of.cache_clear()


@pytest.fixture
def declare(
    machine: str, champion: dict[str, Any], store: ObjectStore, control: ControlTable, shipped: Release
) -> Declare:
    """Releases the shipped line with other moments at which its decisions are due."""

    def released(due: Due | None) -> Account:
        delivery = Delivery(subscribers=shipped.line.delivery.subscribers, due=due)
        # The champion asks the same question, whose actions last.
        policy = replace(shipped.line.policy, expires_after=timedelta(days=28))
        release = Release(replace(shipped.line, delivery=delivery, policy=policy), shipped.scripts)
        control.set_current_release(LINE, ReleaseStore(store).publish(release))
        return handler.account()

    return released


def runs(machine: str) -> dict[str, dict[str, Any]]:
    sfn = boto3.client("stepfunctions", region_name=REGION)
    found = sfn.list_executions(stateMachineArn=machine)["executions"]
    return {one["name"]: json.loads(sfn.describe_execution(executionArn=one["executionArn"])["input"]) for one in found}


def ended(monkeypatch: pytest.MonkeyPatch, status: str, output: dict[str, Any] | None = None) -> None:
    """Let every execution look as if it had ended so."""
    describe = Machines.describe

    def described(self: Machines, arn: str) -> Any:
        return replace(describe(self, arn), status=status, output=output, error="Oops", cause="it broke")

    monkeypatch.setattr(Machines, "describe", described)


def test_two_looks_at_once_start_one_run_of_the_slot_that_the_clocks_show_twice(declare: Declare, machine: str) -> None:
    account = declare(NIGHT)
    moments = [TWICE, TWICE + timedelta(seconds=1), TWICE + timedelta(hours=1), TWICE + timedelta(hours=1)]
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda now: due_slots(account, LINE, now=now), moments)]

    (name,) = runs(machine)
    assert name == "coupon-redemption-slot-20261025-0030"
    assert {run for one in found for run in one["started"]} == {name}
    assert runs(machine)[name] == {
        "line": LINE,
        "from": "2026-10-24T00:30:00.000001Z",
        "to": "2026-10-25T00:30:00.000001Z",
        "as_of": "2026-10-25T00:30:00.000000Z",
    }
    assert due_slots(account, LINE, now=TWICE + timedelta(hours=2))["started"] == []


def test_who_looked_before_another_started_the_slot_does_not_start_it_again(
    declare: Declare, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Step Functions would take the name again, as it does once an execution lies back far enough."""
    account = declare(NIGHT)
    due_slots(account, LINE, now=TWICE)
    monkeypatch.setattr(slots, "slot_records", lambda *_: {})
    monkeypatch.setattr(Machines, "start", lambda *_: pytest.fail("started again"))

    assert due_slots(account, LINE, now=TWICE)["started"] == []


def test_the_slot_that_the_spring_change_skips_runs(declare: Declare, machine: str) -> None:
    account = declare(NIGHT)
    assert due_slots(account, LINE, now=datetime(2026, 3, 29, 0, 30, tzinfo=UTC))["started"] == []

    due_slots(account, LINE, now=datetime(2026, 3, 29, 1, 30, tzinfo=UTC))

    assert list(runs(machine)) == ["coupon-redemption-slot-20260329-0130"]


def test_a_look_that_was_killed_before_it_started_the_run_is_made_up_for(
    declare: Declare, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = declare(NIGHT)
    with monkeypatch.context() as patch:
        patch.setattr(Machines, "start", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            due_slots(account, LINE, now=TWICE)
    assert runs(machine) == {}

    # The same slot, also long after its promise: it is held.
    assert due_slots(account, LINE, now=TWICE + DAY - timedelta(hours=3))["started"] == [
        "coupon-redemption-slot-20261025-0030"
    ]
    assert len(runs(machine)) == 1


def test_a_look_that_was_killed_after_it_started_the_run_is_not_repeated(
    declare: Declare, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = declare(NIGHT)
    with monkeypatch.context() as patch:
        patch.setattr(ControlTable, "replace", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            due_slots(account, LINE, now=TWICE)

    due_slots(account, LINE, now=TWICE)
    assert len(runs(machine)) == 1


@pytest.mark.parametrize(("due", "caught_up"), [(NIGHT, 0), (CATCHING_UP, 3)])
def test_missed_slots_are_skipped_or_caught_up_as_declared_and_said(
    declare: Declare, machine: str, due: Due, caught_up: int
) -> None:
    account = declare(due)
    due_slots(account, LINE, now=TWICE)
    later = TWICE + 6 * DAY + timedelta(hours=1)  # winter time: the slot of that day is due now

    found = due_slots(account, LINE, now=later)

    assert len(found["started"]) == caught_up + 1
    assert len(found["skipped"]) == 5 - caught_up
    assert all("nothing started it within 2:00:00" in one["because"] for one in found["skipped"])
    shown = slots_of(account, LINE, since=TWICE, until=later, now=later)
    assert [one["state"] for one in shown] == [
        "running",
        *["skipped"] * (5 - caught_up),
        *["running"] * (caught_up + 1),
    ]
    assert [one["local"][11:] for one in shown] == ["02:30:00+02:00", *["02:30:00+01:00"] * 6]
    assert due_slots(account, LINE, now=later)["started"] == []


def test_what_was_due_before_the_line_declared_it_was_never_missed(declare: Declare, machine: str) -> None:
    account = declare(CATCHING_UP)
    assert due_slots(account, LINE, now=TWICE + timedelta(hours=3)) == {
        "line": LINE,
        "started": [],
        "skipped": [],
        "late": None,
    }
    due_slots(account, LINE, now=TWICE + DAY + timedelta(hours=1))
    # Another cadence begins with its own slots, and takes none of the decisions that the other one had.
    account = declare(replace(CATCHING_UP, cadence=daily(at="04:30", zone="Europe/Berlin")))
    due_slots(account, LINE, now=TWICE + DAY + timedelta(hours=3))

    found = runs(machine)
    assert sorted(found) == ["coupon-redemption-slot-20261026-0130", "coupon-redemption-slot-20261026-0330"]
    assert found["coupon-redemption-slot-20261026-0330"]["from"] == "2026-10-26T01:30:00.000001Z"


def test_nothing_was_due_while_a_line_was_removed(declare: Declare, machine: str, control: ControlTable) -> None:
    account = declare(CATCHING_UP)
    due_slots(account, LINE, now=TWICE)
    control.retire_release(LINE, {"removed_at": format_instant(TWICE + hours(1)), "removed_by": "arn:anna"})
    account = declare(CATCHING_UP)

    found = due_slots(account, LINE, now=TWICE + 4 * DAY)

    assert (found["started"], found["skipped"]) == ([], [])


def test_a_run_that_is_gone_is_late_and_stops_no_look(declare: Declare, machine: str) -> None:
    account = declare(NIGHT)
    due_slots(account, LINE, now=TWICE)
    boto3.client("stepfunctions", region_name=REGION).delete_state_machine(stateMachineArn=machine)

    assert due_slots(account, LINE, now=TWICE + hours(3))["late"] == format_instant(TWICE)
    (shown,) = slots_of(account, LINE, since=TWICE, until=TWICE, now=TWICE)
    assert shown["state"] == "held"


def test_a_line_without_a_champion_says_so_and_rings_no_alarm(
    declare: Declare, machine: str, control: ControlTable
) -> None:
    account = declare(NIGHT)
    boto3.client("dynamodb", region_name=REGION).delete_item(
        TableName="champions", Key={"line": {"S": LINE}, "item": {"S": str(ControlKey.CHAMPION)}}
    )

    found = due_slots(account, LINE, now=TWICE)
    late = due_slots(account, LINE, now=TWICE + timedelta(hours=3))["late"]

    assert "has no champion yet" in found["skipped"][0]["because"]
    assert (runs(machine), late) == ({}, None)
    (shown,) = slots_of(account, LINE, since=TWICE, until=TWICE, now=TWICE)
    assert (shown["state"], shown["why"]) == ("skipped", "no_champion")


@pytest.mark.parametrize(("status", "late"), [("RUNNING", True), ("FAILED", True), ("SUCCEEDED", False)])
def test_a_slot_that_is_not_delivered_as_promised_is_late(
    declare: Declare, machine: str, monkeypatch: pytest.MonkeyPatch, status: str, *, late: bool
) -> None:
    account = declare(NIGHT)
    due_slots(account, LINE, now=TWICE)
    ended(monkeypatch, status, {"offered": 3, "delivered": 3})
    promised = TWICE + timedelta(hours=2)

    assert due_slots(account, LINE, now=promised - timedelta(seconds=1))["late"] is None
    assert due_slots(account, LINE, now=promised)["late"] == (format_instant(TWICE) if late else None)
    due = due_of(account, LINE, promised)
    assert due is not None
    assert (due["declared"], due["next"]) == ("daily at 02:30 Europe/Berlin", "2026-10-26T01:30:00.000000Z")
    states = {"RUNNING": "running", "FAILED": "failed", "SUCCEEDED": "delivered"}
    assert due["latest"]["state"] == states[status]


def test_a_slot_whose_decisions_somebody_delivered_by_hand_is_skipped(
    declare: Declare, machine: str, control: ControlTable
) -> None:
    account = declare(NIGHT)
    by_hand = {"run_id": "by-hand", "from": "2026-10-24T10:00:00Z", "to": "2026-10-24T11:00:00Z"}
    control.add(LINE, f"delivered#{by_hand['to']}#by-hand", {**by_hand, "instant": "2026-10-24T11:00:00Z"})

    found = due_slots(account, LINE, now=TWICE)

    assert "were delivered before, by run by-hand" in found["skipped"][0]["because"]
    assert runs(machine) == {}


def test_the_clock_of_a_replay_is_told_and_its_runs_happen_at_their_slots(declare: Declare, machine: str) -> None:
    declare(CATCHING_UP)
    look = handler.look({"line": LINE, "at": "2017-08-08T00:30:00Z"}, Context())  # type: ignore[arg-type]
    assert look["started"] == ["coupon-redemption-slot-20170808-0030"]
    handler.look({"line": LINE, "at": "2017-08-10T12:00:00Z"}, Context())  # type: ignore[arg-type]

    found = runs(machine)
    assert sorted(found) == [f"coupon-redemption-slot-201708{day:02}-0030" for day in (8, 9, 10)]
    assert found["coupon-redemption-slot-20170809-0030"]["at"] == "2017-08-09T00:30:00.000000Z"
    with pytest.raises(RequestRefused, match="an instant of the past"):
        handler.look({"line": LINE, "at": "9999-01-01"}, Context())  # type: ignore[arg-type]


def test_past_slots_are_filled_in_at_their_instants_and_labelled(
    declare: Declare, machine: str, control: ControlTable
) -> None:
    account = declare(NIGHT)
    now = datetime(2017, 8, 12, 12, tzinfo=UTC)
    due_slots(account, LINE, now=datetime(2017, 8, 8, 0, 30, tzinfo=UTC))
    due_slots(account, LINE, now=datetime(2017, 8, 10, 0, 30, tzinfo=UTC))  # the ninth is skipped

    found = fill_in(account, LINE, first=date(2017, 8, 7), last=date(2017, 8, 10), deliver=False, now=now)

    assert found["started"] == [f"coupon-redemption-slot-201708{day:02}-0030" for day in (7, 9)]
    assert [one["run_id"] for one in found["ran"]] == [f"coupon-redemption-slot-201708{day:02}-0030" for day in (8, 10)]
    request = runs(machine)["coupon-redemption-slot-20170809-0030"]
    assert (request["backfill"], request["at"]) == (True, "2017-08-09T00:30:00.000000Z")
    standing = handler.account().scored_periods.standing(
        handler_request(request), control.champion(LINE), now=now, run_id="x"
    )
    assert Backfill.ASKED in standing.backfill
    assert standing.withheld
    again = fill_in(account, LINE, first=date(2017, 8, 7), last=date(2017, 8, 10), deliver=True, now=now)
    assert (again["started"], len(again["ran"])) == ([], 4)


def handler_request(request: dict[str, Any]) -> Any:
    from assembly_line.requests import ScoringRequest

    return ScoringRequest.parse(request)


def test_too_many_past_slots_are_refused_before_anything_starts(declare: Declare, machine: str) -> None:
    quarters = Due(cadence=every(timedelta(minutes=15), anchor=TWICE), within=hours(2))
    account = declare(quarters)

    with pytest.raises(RequestRefused, match="192 slots: expected at most 100"):
        fill_in(account, LINE, first=date(2017, 8, 7), last=date(2017, 8, 8), deliver=False, now=TWICE)
    assert runs(machine) == {}


def test_each_load_of_a_source_is_a_slot_since_the_load_before(
    declare: Declare, machine: str, shipped: Release, lake_objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shipped.line.decision.source
    account = declare(Due(after=source))
    loads = {
        "one": datetime(2026, 7, 1, 6, 0, 7, tzinfo=UTC),
        "two": datetime(2026, 7, 1, 18, 0, tzinfo=UTC),
    }
    current = ""

    def written(_: ObjectStore, key: str) -> tuple[str, datetime] | None:
        assert key == snapshot_key(source.name)
        return (current, loads[current]) if current else None

    monkeypatch.setattr(ObjectStore, "written", written)
    assert due_slots(account, LINE, now=loads["one"] - hours(1))["started"] == []
    current = "one"
    for _ in range(2):
        due_slots(account, LINE, now=loads["one"] + timedelta(minutes=4))
    current = "two"
    due_slots(account, LINE, now=loads["two"] + timedelta(minutes=4))

    found = runs(machine)
    assert {name: request["from"] for name, request in found.items()} == {
        "coupon-redemption-slot-20260701-060007": "2026-06-30T06:00:07.000001Z",
        "coupon-redemption-slot-20260701-1800": "2026-07-01T06:00:07.000001Z",
    }


def test_a_load_is_one_slot_whatever_the_clock_is_told(
    declare: Declare, machine: str, shipped: Release, lake_objects: ObjectStore
) -> None:
    account = declare(Due(after=shipped.line.decision.source))
    lake_objects.write_json(snapshot_key(shipped.line.decision.source.name), {})
    told, now = datetime(2017, 8, 8, 4, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)

    for minutes in (0, 5):
        due_slots(account, LINE, now=now, told=told + timedelta(minutes=minutes))

    assert list(runs(machine)) == ["coupon-redemption-slot-20170808-0400"]


def test_the_version_of_a_snapshot_is_when_it_was_written(lake_objects: ObjectStore) -> None:
    assert lake_objects.written("snapshots/none.json") is None
    lake_objects.write_json("snapshots/campaigns.json", {})
    version, at = lake_objects.written("snapshots/campaigns.json") or ("", TWICE)
    assert version == lake_objects.version_of("snapshots/campaigns.json")
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_the_function_tells_the_alarm_whether_the_promise_was_kept(
    declare: Declare, machine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account = declare(Due(cadence=every(timedelta(minutes=15), anchor=TWICE), within=timedelta(minutes=15)))
    # The line has looked for a day.
    handler.look({"line": LINE}, Context())  # type: ignore[arg-type]

    told = emitted(capsys.readouterr().out, line=line_resource(account.environment, LINE))

    assert told == {("MissingDeliveries", None): [0.0]}


def test_the_record_of_a_slot_is_kept(declare: Declare, control: ControlTable) -> None:
    due_slots(declare(NIGHT), LINE, now=TWICE)

    kept = control.read(LINE, slot_item(format_instant(TWICE)))

    assert kept is not None
    assert (kept["fate"], kept["why"], kept["execution"]) == (
        "started",
        "on_time",
        "coupon-redemption-slot-20261025-0030",
    )


def test_a_line_that_declares_nothing_due_is_left_alone(declare: Declare, machine: str) -> None:
    account = declare(None)  # type: ignore[arg-type]

    with pytest.raises(RequestRefused, match="declares nothing due"):
        due_slots(account, LINE, now=TWICE)
    assert due_of(account, LINE, TWICE) is None
