"""A training run from its start until it waits for its review, in the embedded AWS: its fits side by side, and in turn.

Both machines call the same functions and start the same jobs. They run alternately; the least of each counts.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assembly_line.cli.target import Target, embedded_target
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import RUNNING
from benchmarks.processes import PROJECT

LINE = "coupon_redemption"
REQUEST = {"line": LINE, "as_of": "2017-07-01T00:00:00Z"}
TURNS = 4
POLL_SECONDS = 0.2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as place, deployed(Path(place) / ".line") as target:
        machine = target.named(TRAINING_RUN.parameter)
        machines = {"side by side": machine, "in turn": _in_turn(target, machine)}
        # The first run builds the dataset and starts the functions.
        seconds_to_review(target, machine, "first")
        least = dict.fromkeys(machines, float("inf"))
        for turn in range(TURNS):
            for name, arn in machines.items():
                run = f"{name.replace(' ', '-')}-{turn}"
                least[name] = min(least[name], seconds_to_review(target, arn, run))
    print(json.dumps({**least, "ratio": least["side by side"] / least["in turn"]}))


@contextmanager
def deployed(state: Path) -> Iterator[Target]:
    """The shipped lines in an embedded AWS of their own."""
    try:
        _line(state, "deploy", "--load")
        yield embedded_target(state)
    finally:
        _line(state, "down", "--interrupt")


def seconds_to_review(target: Target, machine: str, run: str) -> float:
    """Start a run, wait until its review is entered, stop it, and return the seconds between."""
    arn = target.machines.start(machine, run, REQUEST)
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
