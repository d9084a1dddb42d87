"""A sixth station is one entry of the registry: status, logs, recorder and board know it from there alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from assembly_line import stations
from assembly_line.cli.target import Target
from assembly_line.stations import Machine, Station
from lambdas.event_recorder import handler
from tests.unit.cli.conftest import Command, deploy

PROBE = Machine(name="probe", request="OutcomesRequest")
CONTEXT: Any = SimpleNamespace(
    function_name="recorder", memory_limit_in_mb=256, invoked_function_arn="arn:function", aws_request_id="1"
)


@pytest.fixture
def planted(account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """An account that was deployed with the sixth station."""
    sixth = Station(name="probing", machines=(PROBE,), measures=True)
    monkeypatch.setattr(stations, "STATIONS", (*stations.STATIONS, sixth))
    target = deploy()
    arns = {name: target.parameters.value(each.parameter) for name, each in stations.machines().items()}
    monkeypatch.setenv("MACHINES", ",".join(f"{name}={arn}" for name, arn in arns.items()))
    monkeypatch.setenv("LEDGER_BUCKET", "ledger")
    monkeypatch.setenv("ASSEMBLY_ENVIRONMENT", "dev")
    handler.recorder.cache_clear()
    yield target
    handler.recorder.cache_clear()


def test_a_run_of_a_sixth_station_is_listed_and_told(planted: Target, line: Command) -> None:
    planted.machines.start(planted.parameters.value(PROBE.parameter), "probe-1", {"line": "a"})

    assert json.loads(line("status", "--json").out)["executions"] == [
        {"machine": "probe", "name": "probe-1", "status": "RUNNING"}
    ]
    assert json.loads(line("logs", "probe-1", "--json").out)["machine"] == "probe"


def test_a_stopped_run_of_a_sixth_station_is_recorded_and_on_the_board(planted: Target, line: Command) -> None:
    told = {
        "stateMachineArn": planted.parameters.value(PROBE.parameter),
        "name": "probe-1",
        "status": "ABORTED",
        "stopDate": 1793523661250,
        "input": json.dumps({"line": "a"}),
    }
    kind = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "account": "0"}
    record = {"messageId": "m", "body": json.dumps({**kind, "detail": told}), "eventSource": "aws:sqs"}

    assert handler.handle({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}

    (board,) = json.loads(line("board", "--json").out)
    assert [(station["station"], station["failed"]) for station in board["stations"]] == [("probing", 1)]
