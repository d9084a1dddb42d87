"""A training run until it waits for its review, in the embedded AWS: as it is, and with its jobs in turn.

A run as it is fits side by side, and a function scores. All machines call the same functions. They run
alternately, and the least of each counts.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assembly_line.cli.target import Target, embedded_target
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import RUNNING
from benchmarks.processes import PROJECT

LINE = "coupon_redemption"
REQUEST = {"line": LINE, "as_of": "2017-07-01T00:00:00Z"}
TURNS = 3
POLL_SECONDS = 0.2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as place, deployed(Path(place) / ".line") as target:
        machine = target.named(TRAINING_RUN.parameter)
        by_jobs = {**REQUEST, "scored_by": "transform"}
        ways = {
            "seconds": (machine, REQUEST),
            "jobs_side_by_side": (machine, by_jobs),
            "jobs_in_turn": (_in_turn(target, machine), by_jobs),
        }
        # The first runs build the dataset and start the functions.
        for name, (arn, request) in ways.items():
            seconds_to_review(target, arn, f"first-{name}", request)
        least = dict.fromkeys(ways, float("inf"))
        for turn in range(TURNS):
            for name, (arn, request) in ways.items():
                least[name] = min(least[name], seconds_to_review(target, arn, f"{name}-{turn}", request))
    print(json.dumps(least))


@contextmanager
def deployed(state: Path) -> Iterator[Target]:
    """The shipped lines in an embedded AWS of their own."""
    try:
        _line(state, "deploy", "--load")
        yield embedded_target(state)
    finally:
        _line(state, "down", "--interrupt")


def seconds_to_review(target: Target, machine: str, run: str, request: Mapping[str, str]) -> float:
    """Start a run, wait until its review is entered, stop it, and return the seconds between."""
    arn = target.machines.start(machine, run.replace("_", "-"), request)
    while True:
        found = target.machines.describe(arn)
        entered = [visit.entered for visit in target.machines.states(arn) if visit.name == "Review"]
        if entered:
            target.machines.stop(arn, error="Measured", cause="the benchmark ends here")
            return (entered[0] - found.started).total_seconds()
        if found.status != RUNNING:
            raise RuntimeError(f"{run}: {found.reason}")
        time.sleep(POLL_SECONDS)


def _in_turn(target: Target, machine: str) -> str:
    """A machine that runs the final fit after the judged one."""
    sfn = target.client("stepfunctions")
    found = sfn.describe_state_machine(stateMachineArn=machine)
    definition = one_after_the_other(json.loads(found["definition"]))
    made = sfn.create_state_machine(name="in-turn", definition=json.dumps(definition), roleArn=found["roleArn"])
    return str(made["stateMachineArn"])


def one_after_the_other(definition: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(definition)
    states = changed["States"]
    judged, final = states["Fits"]["Branches"]
    follows = {"Branches": [final], "Assign": {"delivered": "{% $context.refit ? $states.result[0] : $judged %}"}}
    states["FinalFit"] = states["Fits"] | follows
    states["Fits"] |= {"Branches": [judged], "Assign": {"judged": "{% $states.result[0] %}"}, "Next": "FinalFit"}
    return changed


def _line(state: Path, *command: str) -> None:
    program = [sys.executable, "-m", "assembly_line.cli", "--state", str(state), *command]
    subprocess.run(program, cwd=PROJECT, check=True, stdout=sys.stderr, timeout=600)


if __name__ == "__main__":
    main()
