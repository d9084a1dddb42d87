"""Judges the machines: errors that are named, loops, silent waiting, and the size of what states pass on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assembly_line.proof.findings import Finding, Judgement, fault, remark
from assembly_line.proof.machines.errors import catches_too_large_states, unknown_errors
from assembly_line.proof.machines.loops import CHECK, WAITS, found_in, judged_loops, loops
from assembly_line.proof.machines.tasks import Machine, states_of
from assembly_line.proof.recording import Recording

# Step Functions: quotas.
MOST_PAYLOAD = 256 * 1024
# A person who looks at the board should not wonder longer what a run does.
SILENT_SECONDS = 3600
# What names that which a task starts.
NAMING = ("TrainingJobName", "HyperParameterTuningJobName", "TransformJobName", "Name")
REDRIVEN = "RedriveCount"


def judgement(machines: Iterable[Machine], recording: Recording, classes: frozenset[str]) -> Judgement:
    """Args: `classes`: names of the exceptions that functions may raise."""
    found: list[Finding] = []
    looping, silences = 0, [0.0]
    machines = list(machines)
    for machine in machines:
        for task in machine.tasks():
            place = f"{machine.name}/{task.name}"
            for problem in unknown_errors(task, classes):
                todo = "name an error of this integration, or leave the name out"
                found.append(fault(CHECK, place, f"{problem}, which nothing that it calls raises", todo))
        for name, state in states_of(machine.definition):
            place = f"{machine.name}/{name}"
            if not catches_too_large_states(state):
                todo = "catch States.DataLimitExceeded beside States.ALL"
                found.append(fault(CHECK, place, "a state that grew too large escapes its Catch", todo))
            silent = max((longest_wait(each) for each in state.get("Retry", [])), default=0.0)
            silences.append(silent)
            if silent > SILENT_SECONDS:
                says = f"a retry may wait {silent / 3600:.1f} h in all without a word"
                found.append(fault(CHECK, place, says, "announce the waiting, or give up sooner"))
        looping += len(loops(machine.definition))
        found += judged_loops(machine)
    found += _sizes(recording)
    found += [finding for machine in machines for finding in _repeated_names(machine)]
    return Judgement(
        check=CHECK,
        counts={
            "machines": len(machines),
            "states": sum(1 for machine in machines for _ in states_of(machine.definition)),
            "loops": looping,
            "longest silence in s": round(max(silences)),
            "largest payload in bytes": max((max(each.sent, each.got) for each in recording.transitions), default=0),
        },
        findings=tuple(sorted(set(found))),
        not_judged=tuple(
            f"{name}: the wait is an expression; taken for {known.why}"
            for machine in machines
            for name, _ in states_of(machine.definition)
            if (known := found_in(WAITS, name))
        ),
    )


def _repeated_names(machine: Machine) -> Iterator[Finding]:
    """Jobs and children keep their names for ever: what is redriven needs others."""
    named = [task.name for task in machine.tasks() if any(name in task.arguments for name in NAMING)]
    # Announcing it changes no name.
    told = any(REDRIVEN in json.dumps(task.state) for task in machine.tasks() if task.service != "events")
    if named and not told:
        says = f"starts jobs or executions in {', '.join(named)} under the same names after a redrive"
        yield fault(CHECK, machine.name, says, f"let the names depend on $states.context.Execution.{REDRIVEN}")


def longest_wait(retrier: Mapping[str, Any]) -> float:
    """Seconds that all waits of a Retry may take together."""
    interval, rate = retrier.get("IntervalSeconds", 1), retrier.get("BackoffRate", 2.0)
    most = retrier.get("MaxDelaySeconds", float("inf"))
    return float(sum(min(interval * rate**number, most) for number in range(retrier.get("MaxAttempts", 3))))


def _sizes(recording: Recording) -> Iterator[Finding]:
    largest: dict[str, int] = defaultdict(int)
    for each in recording.transitions:
        largest[each.state] = max(largest[each.state], each.sent, each.got)
    for state, size in largest.items():
        if size > MOST_PAYLOAD:
            yield fault(CHECK, state, f"passed on {size} bytes, {MOST_PAYLOAD} are the most", "pass a pointer instead")
        elif size > MOST_PAYLOAD / 4:
            yield remark(CHECK, state, f"passed on {size} of {MOST_PAYLOAD} bytes", "pass a pointer instead")
