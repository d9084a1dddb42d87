"""Equal requests at the same time build once: one holds the claim while it runs, and a dead holder stops nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from assembly_line.features.model.claims import UNSEEN, new_claim
from assembly_line.names import dataset_item
from assembly_line.storage.datasets.dataset_claims import DatasetClaims
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.control_table import ControlTable
from lambdas.dataset_request import handler
from tests.aws.features.conftest import LINE, Context, Steps

SCORING = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}
DATASET = "ds-" + "0" * 32
LEASE = 3600
MINE, BUILT, WAIT = "mine", "built", "wait"
Start = Callable[[str], str]


@pytest.fixture
def execution(aws: None) -> Iterator[Start]:
    """Starts an execution of a machine and returns its ARN; it runs until it is stopped."""
    states = boto3.client("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Wait", "Seconds": 60, "End": True}}})
    role = "arn:aws:iam::123456789012:role/states"
    machine = states.create_state_machine(name="dataset", definition=definition, roleArn=role)["stateMachineArn"]
    yield lambda name: states.start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"]


def claim(holder: str, *, dataset_id: str = DATASET) -> dict[str, Any]:
    event = {"line": LINE, "dataset_id": dataset_id, "holder": holder, "lease_seconds": LEASE}
    return handler.claim(event, Context())  # type: ignore[arg-type]


def state(holder: str) -> str:
    return str(claim(holder)["state"])


def test_the_first_builds_and_the_second_waits(steps: Steps, execution: Start) -> None:
    first, second = execution("first"), execution("second")

    assert state(first) == MINE
    answer = claim(second)
    assert answer["state"] == WAIT
    assert 1 <= answer["wait_seconds"] <= 60


def test_a_repeated_claim_of_the_holder_is_granted_again(steps: Steps, execution: Start) -> None:
    first = execution("first")

    assert [state(first), state(first)] == [MINE, MINE]


def test_a_stopped_holder_gives_way_at_once_and_to_one_only(steps: Steps, execution: Start) -> None:
    first, second, third = execution("first"), execution("second"), execution("third")
    assert state(first) == MINE
    boto3.client("stepfunctions").stop_execution(executionArn=first)

    assert [state(second), state(third), state(second)] == [MINE, WAIT, MINE]


def test_of_many_that_see_a_dead_holder_exactly_one_takes_over(
    steps: Steps, execution: Start, control: ControlTable
) -> None:
    claims, now = DatasetClaims(control), datetime.now(UTC)
    dead = new_claim("arn:dead", now, lease_seconds=LEASE)
    assert claims.take(LINE, DATASET, dead) is None

    # All have seen the same holder. In DynamoDB conditional writes of one item come one after the other (in moto, which
    # keeps no lock, threads would not), so their order is all that can differ.
    contenders = [f"arn:{number}" for number in range(6)]
    held_by = [claims.take_over(LINE, DATASET, new_claim(name, now, lease_seconds=LEASE), dead) for name in contenders]

    assert held_by[0] is None
    assert [None if claim is None else claim.holder for claim in held_by[1:]] == ["arn:0"] * 5
    standing = claims.find(LINE, DATASET)
    assert standing is not None
    assert standing.holder == "arn:0"


@pytest.mark.parametrize(
    ("age", "expected"),
    # One that has just begun may not be seen yet.
    [(timedelta(seconds=5), WAIT), (UNSEEN + timedelta(seconds=5), MINE)],
)
def test_a_holder_that_step_functions_does_not_know_gives_way(
    steps: Steps, execution: Start, control: ControlTable, age: timedelta, expected: str
) -> None:
    second = execution("second")
    unknown = second.replace("second", "never-started")
    begun = datetime.now(UTC) - age
    DatasetClaims(control).take(LINE, DATASET, new_claim(unknown, begun, lease_seconds=LEASE))

    assert state(second) == expected


def test_an_expired_lease_gives_way_even_if_its_holder_seems_to_run(
    steps: Steps, execution: Start, control: ControlTable
) -> None:
    first, second = execution("first"), execution("second")
    begun = datetime.now(UTC) - timedelta(seconds=LEASE + 1)
    DatasetClaims(control).take(LINE, DATASET, new_claim(first, begun, lease_seconds=LEASE))

    assert state(second) == MINE


def test_who_waits_gets_the_dataset_that_the_other_built(
    steps: Steps, loaded: Lake, execution: Start, control: ControlTable
) -> None:
    first, second = execution("first"), execution("second")
    plan, same = steps.plan(**SCORING), steps.plan(**SCORING)
    assert plan["dataset_id"] == same["dataset_id"]
    assert claim(first, dataset_id=plan["dataset_id"])["state"] == MINE
    assert claim(second, dataset_id=same["dataset_id"])["state"] == WAIT

    result = steps.finish(plan, steps.build(plan))

    assert claim(second, dataset_id=same["dataset_id"])["state"] == BUILT
    assert steps.finish(same, None) == {**result, "exists": True}
    kept = control.read(LINE, dataset_item(plan["dataset_id"]))
    assert kept is not None
    assert kept["holder"] == first


def test_waits_grow_with_the_time_that_the_other_takes_and_stay_short() -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    standing = new_claim("arn", begun, lease_seconds=LEASE)

    waits = [standing.wait_seconds(begun + timedelta(seconds=taken)) for taken in (0, 4, 40, 400, 4000)]

    assert waits == [2, 2, 10, 30, 30]
