"""Whether somebody hears of every end: of machines that fail or run out of time, of jobs that a schedule starts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from assembly_line.proof.deployment.references import CHECK
from assembly_line.proof.findings import Finding, fault
from assembly_line.proof.templates import Resource
from assembly_line.proof.world import World

ALARMED = ("ExecutionsFailed", "ExecutionsTimedOut")
# Ends that a machine cannot announce itself.
ENDS = ("ABORTED", "FAILED", "TIMED_OUT")


def unheard_machines(world: World) -> Iterator[Finding]:
    """A machine needs an alarm for each bad end, and a rule that closes its work where it cannot announce it."""
    alarms = {
        (str(alarm.properties.get("MetricName")), text)
        for alarm in world.of_type("AWS::CloudWatch::Alarm")
        for text in _texts(world.value(alarm.properties.get("Dimensions", []), alarm.stack))
    }
    heard = [json.dumps(world.value(rule.properties.get("EventPattern", {}), rule.stack)) for rule in _rules(world)]
    for machine in world.of_type("AWS::StepFunctions::StateMachine"):
        arn = world.arn(machine)
        for metric in ALARMED:
            if (metric, arn) not in alarms:
                yield fault(CHECK, str(machine), f"has no alarm on {metric}", "add one where the machine is made")
        for end in ENDS:
            if not any(arn in pattern and f'"{end}"' in pattern for pattern in heard):
                says = f"no rule hears of executions that end as {end}, so their work stays open on the board"
                yield fault(CHECK, str(machine), says, "add the machine and the status to the recorder's rule")


def unheard_schedules(world: World) -> Iterator[Finding]:
    """A job that a schedule starts by itself fails where nobody looks."""
    listening = any('"aws.glue"' in json.dumps(rule.properties) for rule in _rules(world))
    for trigger in world.of_type("AWS::Glue::Trigger"):
        if trigger.properties.get("Type") == "SCHEDULED" and not listening:
            says = "starts a job whose failure nobody hears of"
            yield fault(CHECK, str(trigger), says, "start it by a machine, or alarm on the job's state")


def _rules(world: World) -> list[Resource]:
    return world.of_type("AWS::Events::Rule")


def _texts(dimensions: list[dict[str, str]]) -> list[str]:
    return [str(each.get("Value")) for each in dimensions]
