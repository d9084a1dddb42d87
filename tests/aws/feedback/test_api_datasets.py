"""The API's routes of datasets: asked for, explained, looked at and cancelled, by whom it is recorded, and refused."""

from __future__ import annotations

import io
import json
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import botocore.client
import pytest
from botocore.exceptions import ReadTimeoutError

from assembly_line.features.model.manifests import DefinedFeature, ReadSnapshot
from assembly_line.names import run_item
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.functions import WITHIN_A_REQUEST
from assembly_line.storage.services.objects import ObjectStore
from tests.aws.feedback.conftest import ANNA, Call
from tests.manifests import a_manifest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LINE = "coupon_redemption"
DATASETS = f"/lines/{LINE}/datasets"
TRAINING = {"purpose": "training", "as_of": "2018-01-02"}
DATASET = "ds-" + "0123456789abcdef" * 2
MANIFEST = a_manifest(
    dataset_id=DATASET,
    line=LINE,
    rows=7,
    snapshots={"large": ReadSnapshot(snapshot="left out", objects=())},
    features=(DefinedFeature(name="age", definition={}),),
).to_json()


@pytest.fixture
def machine(aws: None) -> str:
    """Its executions run until they are stopped."""
    definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})
    return boto3.client("stepfunctions").create_state_machine(
        name="dataset", definition=definition, roleArn="arn:aws:iam::123456789012:role/states"
    )["stateMachineArn"]


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the explaining function was asked; it refuses what is as of 2000, breaks at 2001, hangs at 2002."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    asked: list[dict[str, Any]] = []

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "Invoke":
            return real(self, operation, parameters)
        event = json.loads(parameters["Payload"])
        asked.append(event)
        if event["as_of"].startswith("2002"):
            raise ReadTimeoutError(endpoint_url="lambda")
        kind = {"2000": "RequestRefused", "2001": "KeyError"}.get(event["as_of"][:4])
        error = {"FunctionError": "Unhandled"} if kind else {}
        answer = {"errorType": kind, "errorMessage": "features: why"} if kind else {"dataset_id": DATASET}
        return {**error, "Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return asked


def runs(machine: str) -> list[dict[str, Any]]:
    states = boto3.client("stepfunctions")
    found = states.list_executions(stateMachineArn=machine)["executions"]
    return [dict(states.describe_execution(executionArn=one["executionArn"])) for one in found]


def test_a_dataset_is_asked_for_under_the_callers_name(api: Call, control: ControlTable, machine: str) -> None:
    status, answer = api("POST", DATASETS, {**TRAINING, "groups": ["spending"]})

    assert status == 202
    (run,) = runs(machine)
    assert (run["name"], run["executionArn"]) == (answer["run_id"], answer["execution_arn"])
    assert json.loads(run["input"]) == {
        "line": LINE, "purpose": "training", "as_of": "2018-01-02T00:00:00.000000Z", "groups": ["spending"],
        "engine": "auto", "release": control.current_release(LINE),
    }  # fmt: skip
    recorded = control.read(LINE, run_item(answer["run_id"]))
    assert recorded is not None
    assert recorded["author"] == ANNA


def test_what_it_would_take_is_answered_at_once_and_starts_nothing(
    api: Call, machine: str, explained: list[dict[str, Any]]
) -> None:
    status, answer = api("POST", DATASETS, {**TRAINING, "explain": True})

    assert (status, answer) == (200, {"dataset_id": DATASET})
    assert [event["explain"] for event in explained] == [True]
    assert runs(machine) == []
    refused = api("POST", DATASETS, {**TRAINING, "as_of": "2000-01-01", "explain": True})
    broken = api("POST", DATASETS, {**TRAINING, "as_of": "2001-01-01", "explain": True})
    assert (refused[0], refused[1]["error"]) == (400, "features: why")
    assert broken[0] == 500


def test_an_explanation_that_takes_too_long_is_said_before_the_caller_gives_up(
    api: Call, explained: list[dict[str, Any]]
) -> None:
    status, answer = api("POST", DATASETS, {**TRAINING, "as_of": "2002-01-01", "explain": True})

    assert (status, len(explained)) == (504, 1)
    assert "gave no answer within 21 seconds" in answer["error"]
    assert "start an execution of the dataset machine" in answer["what_to_do"]
    waits: Any = WITHIN_A_REQUEST
    # Of the API's 29 seconds, what is read before and a slow start have the rest.
    assert waits.connect_timeout + waits.read_timeout <= 29 - 5
    assert waits.retries["total_max_attempts"] == 1


BAD: list[tuple[object, str]] = [
    ({**TRAINING, "line": LINE}, "line: stands in the path"),
    ({**TRAINING, "features": ["no_such"]}, "has no feature 'no_such'"),
    ({**TRAINING, "groups": ["no_such"]}, "has no group 'no_such'; it has spending, coupons, household"),
    ({**TRAINING, "surprise": 1}, "surprise: unknown field"),
    ({"purpose": "training"}, "as_of: is missing"),
    ([TRAINING], "expected a JSON object"),
    ("{", "not strict JSON"),
]


def test_a_bad_request_is_refused_by_name_and_starts_nothing(
    api: Call, machine: str, subtests: pytest.Subtests
) -> None:
    for body, said in BAD:
        with subtests.test(said):
            status, answer = api("POST", DATASETS, body)
            assert status == 400
            assert said in answer["error"]

    assert runs(machine) == []


HOSTILE: tuple[Any, ...] = (
    "'; DROP TABLE spine; --", "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "{% $states.input %}",
    "https://x.example", "a" * 10_000, "two\nlines", "\u0000", "", 1.5, {"$ne": 1}, [[[]]],
)  # fmt: skip


FIELDS = ("purpose", "as_of", "from", "to", "features", "groups", "engine", "release", "model", "explain")


def test_hostile_values_are_refused_with_the_field_and_leave_everything_as_it_was(
    api: Call, machine: str, store: ObjectStore, control_table: Table, subtests: pytest.Subtests
) -> None:
    before = (everything(store), control_table.scan()["Items"])

    for field in FIELDS:
        with subtests.test(field):
            for value in HOSTILE:
                status, answer = api("POST", DATASETS, {**TRAINING, field: value})
                assert status == 400, value
                assert field in answer["error"]
                assert "\n" not in answer["error"]
    for value in HOSTILE[:6]:
        assert api("POST", f"/lines/{quote(str(value), safe='')}/datasets", TRAINING)[0] in (400, 404)

    assert (everything(store), control_table.scan()["Items"], runs(machine)) == (*before, [])


def test_a_finished_dataset_is_shown_without_its_objects(api: Call, store: ObjectStore) -> None:
    store.write_json(f"datasets/{LINE}/{DATASET}/manifest.json", MANIFEST)

    status, answer = api("GET", f"{DATASETS}/{DATASET}")

    assert (status, answer["rows"], answer["features"]) == (200, 7, ["age"])
    assert "snapshots" not in answer


ABSENT = [
    (f"{DATASETS}/ds-{'f' * 32}", 404),
    (f"/lines/other/datasets/{DATASET}", 404),
    (f"{DATASETS}/manifest.json", 400),
    (f"{DATASETS}/..", 400),
    (f"{DATASETS}/{DATASET}'--", 400),
    (f"{DATASETS}/runs/no-such-run", 404),
    (f"{DATASETS}/runs/{'x' * 81}", 400),
    (f"{DATASETS}/runs/a:b", 400),
]


def test_what_is_not_there_or_cannot_be_is_said(api: Call, subtests: pytest.Subtests) -> None:
    for path, status in ABSENT:
        with subtests.test(path):
            assert api("GET", path)[0] == status


def test_a_run_is_shown_and_cancelled_once_and_only_by_its_line(api: Call, machine: str, control: ControlTable) -> None:
    run = api("POST", DATASETS, TRAINING)[1]["run_id"]
    control.set_current_release("other", control.current_release(LINE))

    assert api("GET", f"/lines/other/datasets/runs/{run}")[0] == 404
    assert api("DELETE", f"/lines/other/datasets/runs/{run}")[0] == 404
    status, shown = api("GET", f"{DATASETS}/runs/{run}")
    assert (status, shown["status"], shown["author"]) == (200, "RUNNING", ANNA)
    status, cancelled = api("DELETE", f"{DATASETS}/runs/{run}")

    assert (status, cancelled["status"]) == (200, "ABORTED")
    (stopped,) = runs(machine)
    assert stopped["status"] == "ABORTED"
    assert api("DELETE", f"{DATASETS}/runs/{run}")[0] == 200  # repeating it is harmless


CALLS = [
    ("POST", DATASETS),
    ("GET", f"{DATASETS}/{DATASET}"),
    ("GET", f"{DATASETS}/runs/run-1"),
    ("DELETE", f"{DATASETS}/runs/run-1"),
]


def test_a_caller_whom_nobody_vouches_for_changes_nothing(
    api: Call, machine: str, store: ObjectStore, control_table: Table, subtests: pytest.Subtests
) -> None:
    store.write_json(f"datasets/{LINE}/{DATASET}/manifest.json", MANIFEST)
    machine_arn = boto3.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="run-1", input=json.dumps({"line": LINE})
    )["executionArn"]
    before = (everything(store), control_table.scan()["Items"])

    for (method, path), who in product(CALLS, (None, "")):
        with subtests.test(f"{method} {path} of {who!r}"):
            status, answer = api(method, path, TRAINING, who=who)
            assert (status, answer["type"]) == (401, "urn:problem-type:assembly-line:not-authenticated")

    assert (everything(store), control_table.scan()["Items"]) == before
    (run,) = runs(machine)
    assert (run["executionArn"], run["status"]) == (machine_arn, "RUNNING")


def everything(store: ObjectStore) -> dict[str, bytes]:
    return {item.key: store.read(item.key) for item in store.list("")}
