"""What calls a line when its decisions are due, and what tells of one that are not delivered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_kms import Key

from assembly_line import Due, daily, every, monthly, weekly
from assembly_line.declarations.populations import Cadence
from assembly_line.delivery.slots import slots_between
from assembly_line.line_metrics import NAMESPACE, dimensions
from assembly_line.loader import load_line
from assembly_line.names import slots_function
from stacks.constructs.alarms import Alarms
from stacks.constructs.schedules.moments import crons_of
from stacks.constructs.schedules.schedules import Schedules
from tests.synth.cloud_assembly import ROOT, Assembly

ANCHOR = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
CADENCES = [
    daily(at="02:30", zone="Europe/Berlin"),
    daily(at="00:15", zone="America/St_Johns"),
    daily(at="02:15", zone="Australia/Lord_Howe"),
    weekly(on="sunday", at="23:45", zone="Asia/Kathmandu"),
    monthly(on=31, at="06:00", zone="America/Santiago"),
    every(timedelta(minutes=15), anchor=ANCHOR),
    every(timedelta(minutes=90), anchor=ANCHOR),
    every(timedelta(hours=6), anchor=ANCHOR),
    every(timedelta(days=2), anchor=ANCHOR),
]


def called(crons: list[str]) -> set[tuple[int, int]]:
    """(hour, minute) in UTC of every day."""
    found = set()
    for cron in crons:
        minutes, hours, *days = cron.removeprefix("cron(").removesuffix(")").split(" ")
        assert days == ["*", "*", "?", "*"]
        each_hour = range(24) if hours == "*" else map(int, hours.split(","))
        found |= {(hour, int(minute)) for hour in each_hour for minute in minutes.split(",")}
    return found


@pytest.mark.parametrize("cadence", CADENCES, ids=repr)
def test_a_schedule_calls_at_every_slot_of_a_year_and_at_few_other_times(cadence: Cadence) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)

    slots = {(slot.at.hour, slot.at.minute) for slot in slots_between(cadence, since, since + timedelta(days=366))}
    calls = called(crons_of(cadence))

    assert slots <= calls
    # In each offset of the zone that there is or will be.
    assert len(calls) <= max(len(slots), 2)


def test_crons_are_short() -> None:
    assert crons_of(daily(at="02:30", zone="Europe/Berlin")) == ["cron(30 0,1 * * ? *)"]
    assert crons_of(every(timedelta(minutes=15), anchor=ANCHOR)) == ["cron(10,25,40,55 * * * ? *)"]
    assert crons_of(every(timedelta(hours=6), anchor=ANCHOR)) == ["cron(10 0,6,12,18 * * ? *)"]


@pytest.mark.parametrize("after_a_load", [False, True])
def test_a_line_is_looked_at_when_its_decisions_are_due(production: Assembly, *, after_a_load: bool) -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    due = Due(after=line.decision.source) if after_a_load else Due(cadence=daily(at="02:30", zone="Europe/Berlin"))
    declared = replace(line, delivery=replace(line.delivery, due=due), tables=())
    stack = Stack(App(), "Line")
    alarms = Alarms(stack, "Alarms", key=Key(stack, "Key"), email=None)
    Schedules(stack, "Schedules", line=declared, environment="prod", enabled=True, alarms=alarms)
    written = Template.from_stack(stack)

    schedules = [each["Properties"] for each in written.find_resources("AWS::Scheduler::Schedule").values()]
    assert {each["ScheduleExpression"] for each in schedules} == (
        {"cron(0/5 * * * ? *)"} if after_a_load else {"cron(30 0,1 * * ? *)", "cron(23 * * * ? *)"}
    )
    for each in schedules:
        assert json.loads(each["Target"]["Input"]) == {"line": "coupon_redemption"}
        assert each["Target"]["Arn"]["Fn::Join"][1][-1] == f":function:{slots_function('prod')}"
        assert "ScheduleExpressionTimezone" not in each
        assert each["Target"]["DeadLetterConfig"]
    names = {function.properties.get("FunctionName") for function in production.of_type("AWS::Lambda::Function")}
    assert slots_function("prod") in names
    found = [each["Properties"] for each in written.find_resources("AWS::CloudWatch::Alarm").values()]
    (missing,) = [each for each in found if each.get("MetricName") == "MissingDeliveries"]
    assert {each["Name"]: each["Value"] for each in missing["Dimensions"]} == dimensions("prod", "coupon_redemption")
    assert missing["Namespace"] == NAMESPACE


def test_each_line_tells_of_deliveries_that_do_not_add_up(each_assembly: Assembly) -> None:
    found = [
        alarm
        for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "DeliveryDifferences"
    ]

    assert len(found) == 1
    named = {each["Name"]: each["Value"] for each in found[0].properties["Dimensions"]}
    assert named == dimensions(each_assembly.environment, "coupon_redemption")
