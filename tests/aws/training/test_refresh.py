"""A line that declares a refresh trains again by itself: once a moment, and only when its model is too old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from assembly_line import Refresh
from assembly_line.errors import NotPermitted
from assembly_line.names import ControlKey, dataset_prefix
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training import refreshed
from assembly_line.training.review import decide
from lambdas.account import account_of
from lambdas.refresh import handler
from lambdas.training import handler as training
from tests.aws.conftest import REGION, empty_account, new_bucket, new_control_table
from tests.aws.training.training_run import LINE, call
from tests.manifests import a_manifest

KNOWN = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
LATER_THAT_DAY = MONDAY + timedelta(hours=9, microseconds=5)
DECLARED = Refresh(at="weekly on monday at 04:00", model_age=timedelta(days=30))
DATASET = "d" * 64
ANNA = "arn:aws:sts::123456789012:assumed-role/Deployer/anna"


@pytest.fixture
def machine() -> Iterator[str]:
    """The training machine's ARN, in an account in which the function of refreshes is deployed."""
    with empty_account(), pytest.MonkeyPatch.context() as patch:
        arn = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
            name="training",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        new_bucket(boto3.client("s3", region_name=REGION), "store")
        new_control_table()
        new_control_table("champions")
        for variable, value in {
            "ASSEMBLY_ENVIRONMENT": "test",
            "STORE_BUCKET": "store",
            "CONTROL_TABLE": "control",
            "CHAMPION_TABLE": "champions",
            "TRAINING_MACHINE_ARN": arn,
            "ACCOUNT_ID": "123456789012",
            "LEDGER_BUCKET": "ledger",
            "FUNCTION_SCORING_MIB": "4",
        }.items():
            patch.setenv(variable, value)
        account_of.cache_clear()
        yield arn
        account_of.cache_clear()


@pytest.fixture
def control(machine: str) -> ControlTable:
    return ControlTable(boto3.client("dynamodb", region_name=REGION), "control", "champions")


@pytest.fixture
def store(machine: str) -> ObjectStore:
    return ObjectStore(boto3.client("s3", region_name=REGION), "store")


@pytest.fixture
def line(shipped: Release, store: ObjectStore, control: ControlTable) -> str:
    """The name of a released line whose champion learnt from what was known at `KNOWN`."""
    published = ReleaseStore(store).publish(Release(replace(shipped.line, refresh=DECLARED), shipped.scripts))
    control.set_current_release(LINE, published, by=ANNA)
    manifest = a_manifest(dataset_id=DATASET, line=LINE, as_of="2026-01-01T00:00:00.000000Z")
    store.write_json(f"{dataset_prefix(LINE, DATASET)}manifest.json", manifest.to_json())
    control.write(LINE, ControlKey.CHAMPION, {"run_id": "first", "line": LINE, "dataset_id": DATASET})
    return LINE


def look(line: str, now: datetime = LATER_THAT_DAY) -> dict[str, Any]:
    return refreshed(handler.account(), line, now).to_json()


def executions(machine: str) -> list[dict[str, Any]]:
    sfn = boto3.client("stepfunctions", region_name=REGION)
    arns = [one["executionArn"] for one in sfn.list_executions(stateMachineArn=machine)["executions"]]
    return [dict(sfn.describe_execution(executionArn=arn)) for arn in arns]


def test_a_model_that_is_too_old_is_trained_again_as_of_the_declared_moment(
    line: str, machine: str, control: ControlTable
) -> None:
    found = look(line)

    (run,) = executions(machine)
    assert found["run_id"] == run["name"] == "coupon-redemption-refresh-20260302-0400"
    assert found["reason"] == "the model was 60 days, 4:00:00 old; it may be 30 days, 0:00:00"
    request = json.loads(run["input"])
    assert (request["as_of"], request["release"]) == ("2026-03-02T04:00:00.000000Z", control.current_release(line))
    asked = control.run(line, run["name"])
    assert asked is not None
    assert asked["author"] == ANNA


@pytest.mark.parametrize("by", [ANNA, None])
def test_who_released_the_line_is_the_author_and_nobody_else_is_made_up(
    line: str, control: ControlTable, by: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.set_current_release(line, control.current_release(line), by=by)
    found = look(line)
    event = {"run_id": found["run_id"], "started_at": "2026-03-02T04:00:00Z"}
    with monkeypatch.context() as patch:
        patch.setattr(training, "_image_of", lambda _: None)
        begun = call(training.begin, {**event, "input": {"line": line, "as_of": "2026-03-02T04:00:00Z", "margin": 0.0}})

    assert (begun["author"], begun["author_verified"]) == ((by, True) if by else ("unverified", False))
    review = {**begun, "risk": "standard", "state": "waiting", "packet": {}}
    with pytest.raises(NotPermitted, match="is the author" if by else "its author is not verified"):
        decide(review, reviewer="arn:aws:sts::123456789012:assumed-role/Reviewer/anna", decision="approve", reason="-")
    if by:
        ben = "arn:aws:sts::123456789012:assumed-role/Reviewer/ben"
        assert decide(review, reviewer=ben, decision="approve", reason="-")["state"] == "decided"


def test_two_calls_for_one_moment_start_one_run_also_after_it_ended(line: str, machine: str) -> None:
    look(line)
    assert look(line)["reason"] == "training run coupon-redemption-refresh-20260302-0400 has not ended yet"
    (run,) = executions(machine)
    boto3.client("stepfunctions", region_name=REGION).stop_execution(executionArn=run["executionArn"])

    assert look(line) == {
        "run_id": None,
        "reason": "training run coupon-redemption-refresh-20260302-0400 was started before",
    }
    assert look(line, LATER_THAT_DAY + timedelta(days=7))["run_id"] == "coupon-redemption-refresh-20260309-0400"
    assert len(executions(machine)) == 2


@pytest.mark.parametrize(
    ("now", "started"),
    [
        (datetime(2026, 2, 2, 3, 59, tzinfo=UTC), False),  # the moment before was 25 days after
        (datetime(2026, 2, 2, 4, tzinfo=UTC), True),  # 32 days after
    ],
)
def test_the_age_is_that_at_the_declared_moment(line: str, now: datetime, started: bool) -> None:
    assert (look(line, now)["run_id"] is not None) is started


def test_a_run_by_hand_that_goes_on_is_not_overtaken(line: str, machine: str) -> None:
    sfn = boto3.client("stepfunctions", region_name=REGION)
    sfn.start_execution(stateMachineArn=machine, name="by-hand", input=json.dumps({"line": "another_line"}))
    sfn.start_execution(stateMachineArn=machine, name="of-mine", input=json.dumps({"line": line}))
    assert look(line) == {"run_id": None, "reason": "training run of-mine has not ended yet"}


def test_a_line_without_a_champion_waits_for_its_first_model(
    shipped: Release, store: ObjectStore, control: ControlTable, machine: str
) -> None:
    published = ReleaseStore(store).publish(Release(replace(shipped.line, refresh=DECLARED), shipped.scripts))
    control.set_current_release(LINE, published)
    assert look(LINE)["reason"] == "there is no champion yet: the first model is trained by hand"
    assert executions(machine) == []


def test_a_line_that_declares_no_refresh_any_more_is_left_alone(
    line: str, shipped: Release, store: ObjectStore, control: ControlTable, machine: str
) -> None:
    control.set_current_release(line, ReleaseStore(store).publish(shipped))
    assert call(handler.look, {"line": line})["reason"] == "the line declares no refresh any more"
    assert executions(machine) == []


def test_the_function_looks_by_the_clock(line: str, machine: str) -> None:
    """Years after the model, whenever this test runs."""
    found = call(handler.look, {"line": line})
    (run,) = executions(machine)
    assert run["name"] == found["run_id"]
