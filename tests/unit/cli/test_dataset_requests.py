"""Asking for a dataset on the command line: groups, an explanation, and a run that is cancelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.names import Parameter
from assembly_line.storage.services.machines import Execution, Machines, execution_arn

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"
BUILD = ("dataset", "build", LINE, "--as-of", "2017-07-01")
FORECAST: dict[str, Any] = {
    "dataset_id": "ds-" + "0" * 32,
    **{"line": LINE, "release": "f" * 64, "purpose": "training", "as_of": "2017-07-01T00:00:00.000000Z"},
    **{"from": None, "to": None, "exists": False, "created": None, "features": ["age", "income"]},
    **{"engine": "duckdb", "reason": "little to read"},
    "joins": {"transactions by household_id": "sorted windows"},
    "sources": [
        {
            "source": "transactions",
            "columns": ["a", "b"],
            "read": {"objects": 6, "rows": 700_000, "bytes": 5 << 20},
            "pruned": {"objects": 6, "rows": 1, "bytes": 4096},
        }
    ],
    "estimate": {"bytes": 1, "events": 2, "spine_rows": 6589, "memory_mib": 345, "seconds": 3.2, "usd": 0.000156},
    "basis": {"seconds": "throughput of a benchmark", "usd": "list prices"},
}


@pytest.fixture(scope="module", autouse=True)
def target(shared_target: Target, shared_release: dict[str, str]) -> Target:
    """The shipped lines are released, and nothing is built."""
    return shared_target


@pytest.fixture
def started(target: Target, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The requests that executions were started with; each succeeds with the forecast."""
    requests: list[Mapping[str, Any]] = []

    def start(_: Machines, machine_arn: str, name: str, request: Mapping[str, Any]) -> str:
        assert machine_arn == target.parameters.value(Parameter.DATASET_MACHINE)
        requests.append(request)
        return execution_arn(machine_arn, name)

    ended = Execution(
        arn="arn", machine_arn="arn", name="run", status="SUCCEEDED", started=datetime(2026, 1, 1, tzinfo=UTC),
        stopped=datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC), request={}, output=FORECAST, error=None, cause=None,
    )  # fmt: skip
    monkeypatch.setattr(Machines, "start", start)
    monkeypatch.setattr(Machines, "describe", lambda _self, _arn: ended)
    return requests


def test_where_nothing_is_built_the_list_says_how_to(line: Command) -> None:
    assert json.loads(line("dataset", "list", "--json").out) == []
    assert "`line dataset build` makes one" in line("dataset", "list").out


def test_an_explanation_is_a_table_for_a_person_and_json_for_a_program(
    started: list[Mapping[str, Any]], line: Command
) -> None:
    shown, program = line(*BUILD, "--explain"), line(*BUILD, "--explain", "--json")

    assert (shown.code, program.code) == (ExitCode.OK, ExitCode.OK)
    assert [request["explain"] for request in started] == [True, True]
    assert json.loads(program.out) == FORECAST
    text = " ".join(shown.out.split())
    for said in (
        "6 of 12, 4.0 KiB",
        "5.0 MiB",
        "transactions by household_id sorted windows",
        "345 MiB",
        "about 3.2 s",
        "0.000156 USD",
        "list prices",
        "Exists no",
        "Decisions of any time",
    ):
        assert said in text, said


def test_groups_and_features_are_sent_as_they_were_asked(started: list[Mapping[str, Any]], line: Command) -> None:
    assert line(*BUILD, "--groups", "household,spending", "--features", "coupon_share_90d", "--no-wait").code == 0

    (request,) = started
    assert (request["groups"], request["features"]) == (["household", "spending"], ["coupon_share_90d"])
    assert "explain" not in request


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--groups", "nonsense", "--groups: line coupon_redemption has no group 'nonsense'; it has spending, coupons"),
        ("--groups", "", "groups"),
        ("--groups", "../x", "groups"),
        ("--features", "nonsense", "--features: line coupon_redemption has no feature 'nonsense'"),
    ],
)
def test_what_the_line_does_not_have_is_refused_before_anything_starts(
    started: list[Mapping[str, Any]], line: Command, option: str, value: str, said: str
) -> None:
    answer = line(*BUILD, option, value)

    assert (answer.code, started) == (ExitCode.REFUSED, [])
    assert said in answer.err


@pytest.mark.parametrize("option", ["--as-of", "--purpose", "--from", "--to", "--features", "--groups", "--engine"])
def test_hostile_options_are_refused_and_start_nothing(
    started: list[Mapping[str, Any]], line: Command, option: str
) -> None:
    for value in ("'; DROP TABLE spine; --", "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "$(id)", "two\nlines"):
        answer = line(*BUILD, f"{option}={value}")

        assert answer.code == ExitCode.REFUSED, (option, value, answer.err)
        assert "Traceback" not in answer.err
    assert started == []


def test_features_tell_their_groups_and_are_found_by_them(line: Command) -> None:
    listed = {one["name"]: one["groups"] for one in json.loads(line("features", "list", LINE, "--json").out)}
    found = [one["name"] for one in json.loads(line("features", "search", LINE, "household income", "--json").out)]

    assert listed["spend_30d"] == ["spending"]
    assert listed["coupon_discount_90d"] == []
    assert found == ["income"]


def test_a_run_is_cancelled_and_what_waited_for_it_is_named(target: Target, line: Command) -> None:
    machine, states = target.parameters.value(Parameter.DATASET_MACHINE), boto3.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, name="run-1-dataset", input=json.dumps({"line": LINE}))

    answer = line("dataset", "cancel", "run-1-dataset", "--json")

    assert answer.code == ExitCode.OK, answer.err
    document = json.loads(answer.out)
    assert (document["status"], document["line"], document["fails_too"]) == ("ABORTED", LINE, "run-1")
    assert states.describe_execution(executionArn=arn["executionArn"])["status"] == "ABORTED"


def test_a_run_that_is_not_there_cannot_be_cancelled(target: Target, line: Command) -> None:
    answer = line("dataset", "cancel", "no-such-run")

    assert answer.code == ExitCode.REFUSED
    assert "there is no dataset run 'no-such-run'" in answer.err


def test_a_run_that_ended_stays_as_it_ended(started: list[Mapping[str, Any]], line: Command) -> None:
    answer = line("dataset", "cancel", "run-1")

    assert answer.code == ExitCode.REFUSED
    assert "had succeeded before it could be cancelled" in answer.err
