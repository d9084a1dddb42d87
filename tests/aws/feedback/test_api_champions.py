"""An approved run decides again: by a reviewer alone, once, against the champion that the reviewer saw."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError

from assembly_line.canonical import digest
from assembly_line.errors import AssemblyError
from assembly_line.messages import StationEvent
from assembly_line.names import ControlKey, line_resource, review_item
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.training.champions import Champion, Restoration
from assembly_line.training.review import decide
from lambdas.champions import handler as champions
from tests.aws.feedback.conftest import ANNA, Call
from tests.champions import a_champion

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

LINE = "coupon_redemption"
CHAMPION = f"/lines/{LINE}/champion"
BEN = "arn:aws:sts::123456789012:assumed-role/Reviewer/ben"
CLEO = "arn:aws:sts::123456789012:assumed-role/Reviewer/cleo"


@pytest.fixture
def sagemaker(aws: None) -> SageMakerClient:
    client = boto3.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName=line_resource("embedded", LINE))
    return client


@pytest.fixture
def announced(aws: None, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The station events that were put onto the bus."""
    boto3.client("events").create_event_bus(Name="bus")
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    put: list[dict[str, Any]] = []

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "PutEvents":
            put.extend(json.loads(entry["Detail"]) for entry in parameters["Entries"])
        return real(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return put


@pytest.fixture
def function(variables: None, lambda_context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that writes champions answers where the API calls it; the mock runs no functions."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "Invoke":
            return real(self, operation, parameters)
        assert parameters["FunctionName"] == "champions"
        try:
            answer = champions.handle(json.loads(parameters["Payload"]), lambda_context)
            return {"Payload": io.BytesIO(json.dumps(answer).encode())}
        except AssemblyError as error:
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)


@dataclass(frozen=True)
class World:
    """A line of which three runs were approved, one after the other; the last one decides."""

    api: Call
    control: ControlTable
    sagemaker: SageMakerClient
    announced: list[dict[str, Any]]

    @property
    def champion(self) -> Champion:
        return self.control.champion(LINE)

    def ask(self, body: object, who: str = BEN) -> tuple[int, dict[str, Any]]:
        return self.api("POST", CHAMPION, body, who=who)

    def statuses(self) -> dict[str, tuple[str, str | None]]:
        found: dict[str, tuple[str, str | None]] = {}
        for run in self.control.approvals(LINE):
            package = self.sagemaker.describe_model_package(ModelPackageName=run.model_package_arn)
            found[run.run_id] = (package["ModelApprovalStatus"], package.get("ApprovalDescription"))
        return found


@pytest.fixture
def world(
    api: Call, function: None, control: ControlTable, sagemaker: SageMakerClient, announced: list[dict[str, Any]]
) -> World:
    runs = ["run-1", "run-2", "run-3"]
    for number, run in enumerate(runs):
        package = sagemaker.create_model_package(
            ModelPackageGroupName=line_resource("embedded", LINE), ModelApprovalStatus="Approved"
        )
        review = {"run_id": run, "line": LINE, "author": ANNA, "author_verified": True, "risk": "standard"}
        packet = {"metrics": {"auc": 0.7}}
        waiting = {**review, "state": "waiting", "token": run, "packet": packet, "packet_digest": digest(packet)}
        at = datetime(2026, 11, number + 1, tzinfo=UTC)
        control.open_review(LINE, run, decide(waiting, reviewer=BEN, decision="approve", reason="good", at=at))
        champion = a_champion(
            run,
            line=LINE,
            digest=f"digest of {run}",
            model_package_arn=package["ModelPackageArn"],
            author=ANNA,
            reviewer=BEN,
            promoted_at=f"2026-11-0{number + 1}T00:00:00.000000Z",
            replaces=runs[number - 1] if number else None,
        )
        assert control.promote(LINE, champion)
    return World(api, control, sagemaker, announced)


def rollback(run: str, replaces: str, reason: str = "worse on weekends") -> dict[str, str]:
    return {"run_id": run, "replaces": replaces, "reason": reason}


def test_the_run_before_decides_again_and_the_one_that_did_is_sent_back(
    world: World,
) -> None:
    before = world.champion

    status, answer = world.ask(rollback("run-2", "run-3"), CLEO)

    champion = world.champion
    restored = {"by": CLEO, "reason": "worse on weekends", "replaced": "run-3"}
    assert (status, answer["run_id"], answer["restored"]) == (200, "run-2", restored)
    assert champion == replace(
        world.control.approved(LINE, "run-2"), promoted_at=answer["promoted_at"], restored=Restoration(**restored)
    )
    # It goes back to what it took over from itself: the next rollback leads further back, not to run-3 again.
    assert (champion.digest, champion.replaces) == ("digest of run-2", "run-1")
    assert champion.promoted_at > before.promoted_at
    assert world.statuses() == {
        "run-1": ("Approved", None),
        "run-2": ("Approved", "decides again: worse on weekends"),
        "run-3": ("Rejected", "rolled back: worse on weekends"),
    }
    (event,) = world.announced
    told = StationEvent.from_json(json.dumps(event))
    assert (told.kind, told.station, told.item, told.line, told.principal) == (
        "sent_back",
        "training",
        "run-3",
        LINE,
        CLEO,
    )
    assert told.cause == "rolled back to run-2: worse on weekends"


def test_back_twice_and_forward_by_name(world: World) -> None:
    for run, replaces in (("run-2", "run-3"), ("run-1", "run-2"), ("run-3", "run-1")):
        assert world.ask(rollback(run, replaces))[0] == 200

    assert (world.champion.run_id, world.champion.replaces) == ("run-3", "run-2")
    assert {run: status for run, (status, _) in world.statuses().items()} == {
        "run-1": "Rejected",
        "run-2": "Rejected",
        "run-3": "Approved",
    }


def test_asking_the_same_again_rolls_back_once(world: World) -> None:
    first = world.ask(rollback("run-2", "run-3"))

    assert world.ask(rollback("run-2", "run-3")) == first
    assert world.champion.run_id == "run-2"
    assert len({event["id"] for event in world.announced}) == 1


def test_what_did_not_come_about_is_done_by_asking_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def down(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "UpdateModelPackage":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, operation)
        return whole(self, operation, parameters)

    with monkeypatch.context() as broken:
        broken.setattr(botocore.client.BaseClient, "_make_api_call", down)
        assert world.ask(rollback("run-2", "run-3"))[0] == 503
    assert world.announced == []

    assert world.ask(rollback("run-2", "run-3"))[0] == 200
    assert world.statuses()["run-3"][0] == "Rejected"
    assert [event["item"] for event in world.announced] == ["run-3"]


@pytest.mark.parametrize(
    ("body", "who", "status", "said"),
    [
        (rollback("run-2", "run-3"), ANNA, 403, "is the author"),
        (rollback("run-2", "run-3"), "arn:aws:sts::123456789012:assumed-role/Reviewer/anna", 403, "is the author"),
        (rollback("run-2", "run-1"), BEN, 409, "run run-1 does not decide for line coupon_redemption any more"),
        (rollback("run-3", "run-3"), BEN, 409, "run run-3 decides for line coupon_redemption already"),
        (rollback("run-9", "run-3"), BEN, 404, "was not approved; approved were: run-3, run-2, run-1"),
        (rollback("run-2", "run-3", ""), BEN, 400, "reason"),
        ({"run_id": "run-2", "reason": "worse"}, BEN, 400, "replaces"),
        ("no JSON", BEN, 400, "JSON"),
    ],
)
def test_what_is_no_rollback_changes_nothing(world: World, body: object, who: str, status: int, said: str) -> None:
    found, answer = world.ask(body, who)

    assert (found, said in answer["error"]) == (status, True), answer
    assert world.champion == world.control.approved(LINE, "run-3")
    assert {found for found, _ in world.statuses().values()} == {"Approved"}
    assert world.announced == []


def test_a_champion_that_changes_while_a_rollback_looks_at_it_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ControlTable.approved
    taken_over = replace(world.champion, run_id="run-4", promoted_at="2199-01-01T00:00:00.000000Z")

    def late(self: ControlTable, line: str, run_id: str) -> Champion:
        world.control.write(LINE, ControlKey.CHAMPION, taken_over.to_json())
        return real(self, line, run_id)

    with monkeypatch.context() as race:
        race.setattr(ControlTable, "approved", late)
        status, answer = world.ask(rollback("run-2", "run-3"))

    assert (status, "decide anew" in answer["error"]) == (409, True)
    assert (world.champion, world.announced) == (taken_over, [])


def test_without_a_champion_there_is_nothing_to_roll_back(api: Call, function: None, control: ControlTable) -> None:
    status, answer = api("POST", CHAMPION, rollback("run-2", "run-3"), who=BEN)

    assert (status, "no champion yet" in answer["error"]) == (404, True)


def test_a_champion_that_was_approved_before_approvals_were_kept_is_rolled_back_too(world: World) -> None:
    old = {name: value for name, value in world.champion.to_json().items() if name not in ("replaces", "restored")}
    world.control.write(LINE, ControlKey.CHAMPION, {**old, "run_id": "run-0"})

    assert world.ask(rollback("run-2", "run-0"))[0] == 200
    assert world.control.approved(LINE, "run-0").run_id == "run-0"


def test_approving_again_a_run_that_was_overtaken_is_refused_with_the_command_that_rolls_back(world: World) -> None:
    for who in (BEN, CLEO):
        status, answer = world.api(
            "POST", f"/lines/{LINE}/runs/run-1/review", {"decision": "approve", "reason": "again"}, who=who
        )
        assert (status, f"`line champion rollback {LINE} --to run-1 --reason" in answer["error"]) == (409, True), answer
    assert world.champion.run_id == "run-3"


def test_a_run_whose_packet_was_altered_since_does_not_decide_again(world: World) -> None:
    review = world.control.review(LINE, "run-2")
    world.control.write(LINE, review_item("run-2"), {**review, "packet": {"metrics": {"auc": 0.9}}})

    status, answer = world.ask(rollback("run-2", "run-3"), CLEO)

    assert (status, "its packet has the digest" in answer["error"]) == (409, True), answer
    assert world.champion.run_id == "run-3"


def test_a_run_that_was_judged_before_packets_had_digests_decides_again(world: World) -> None:
    review = world.control.review(LINE, "run-2")
    old = {name: value for name, value in review.items() if name not in ("packet_digest", "judgements")}
    world.control.write(LINE, review_item("run-2"), old)

    assert world.ask(rollback("run-2", "run-3"), CLEO)[0] == 200
