"""The API: authenticated callers only, all of a request or nothing, errors that say what to do, one judgement a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError

from assembly_line.canonical import digest
from assembly_line.messages import feedback_from_values
from assembly_line.names import run_item
from assembly_line.storage.models.control_table import ControlTable
from lambdas.api import handler
from lambdas.api.incoming import LARGEST_BODY
from tests.aws.feedback.conftest import ANNA, Call

if TYPE_CHECKING:
    from tests.aws.feedback.conftest import LogsOf

LINE = "coupon_redemption"
BEN = "arn:aws:sts::123456789012:assumed-role/Reviewer/ben"
CLEO = "arn:aws:iam::123456789012:user/cleo"
RUN = "coupon-redemption-20170701-0a1b2c3d"
REVIEW = f"/lines/{LINE}/runs/{RUN}/review"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was sent to waiting tasks; tokens that begin with `gone` are not waited for."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    sent: list[dict[str, Any]] = []

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "SendTaskSuccess":
            return real(self, operation, parameters)
        if parameters["taskToken"].startswith("gone"):
            raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": "no"}}, operation)
        sent.append(json.loads(parameters["output"]))
        return {}

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return sent


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "schema": "assembly-line/feedback",
        "version": 1,
        "kind": "override",
        "event_id": f"e{number}",
        "line": LINE,
        "decision_id": f"d1-20170808-{number:032x}",
        "sequence": 1,
        "at": "2017-08-09T00:00:00Z",
        "action": "leave",
        "reason": "on holiday",
        **changes,
    }


def queued(queue_url: str) -> list[Any]:
    sqs = boto3.client("sqs")
    found: list[Any] = []
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


def waiting(**changes: Any) -> dict[str, Any]:
    return {
        "state": "waiting",
        "line": LINE,
        "run_id": RUN,
        "author": ANNA,
        "author_verified": True,
        "risk": "standard",
        "token": "waits",
        "packet": {"metrics": {"auc": 0.7}},
        "opened_at": "2026-11-22T00:00:00.000000Z",
        **changes,
    }


def test_feedback_is_queued_under_the_callers_name(api: Call, queue_url: str) -> None:
    status, answer = api("POST", "/feedback", {"events": [event(number) for number in range(23)]})

    assert (status, answer) == (202, {"accepted": [f"e{number}" for number in range(23)]})
    messages = queued(queue_url)
    assert {feedback_from_values(json.loads(message["Body"])).event_id for message in messages} == {
        f"e{number}" for number in range(23)
    }
    assert {message["MessageAttributes"]["principal"]["StringValue"] for message in messages} == {ANNA}


BAD_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"surprise": 1}, "events.1: feedback: override.surprise: unknown field"),
    ({"sequence": "1"}, "events.1: feedback: override.sequence"),
    ({"at": "2017-08-09T00:00:00"}, "has no zone"),
    ({"line": "no_such_line"}, "events.1: line 'no_such_line' has no release here"),
    ({"action": "explode"}, "events.1: action: 'explode': expected 'remind' or 'leave'"),
    ({"decision_id": "d1-1"}, "events.1: feedback: override.decision_id"),
    ({"event_id": "e0", "reason": "another"}, "events.1: event_id 'e0' appears twice"),
    ({"kind": "guess"}, "events.1: feedback"),
    ({"at": "2017-13-09T00:00:00Z"}, "is not an instant"),
    ({"at": "2017-02-30"}, "is not an instant"),
    ({"at": "2017-08-09T24:00:00Z"}, "is not an instant"),
    ({"at": "2017-08-09T00:00:00Z\n"}, "is not an instant"),
    ({"at": "٢017-08-09"}, "is not an instant"),
    ({"decision_id": "d1-20170808-" + "0" * 32 + "\n"}, "events.1: feedback: override.decision_id"),
    ({"decision_id": "d1-٢٠١٧٠٨٠٨-" + "0" * 32}, "events.1: feedback: override.decision_id"),
    ({"line": f"{LINE}\n"}, "events.1: feedback: override.line"),
    ({"sequence": 2**53}, "events.1: feedback: override.sequence"),
    ({"sequence": 2**70}, "events.1: feedback: override.sequence"),
    ({"reason": "half \ud800 of a pair"}, "not strict JSON"),
]


def test_one_bad_event_refuses_all_of_a_request(api: Call, queue_url: str) -> None:
    for bad, named in BAD_EVENTS:
        status, answer = api("POST", "/feedback", {"events": [event(0), event(1, **bad)]})

        assert (status, "nothing was accepted" in answer["what_to_do"]) == (400, True), bad
        assert named in answer["error"]
    assert queued(queue_url) == []


MALFORMED_BODIES = [
    ("", "not strict JSON"),
    ('{"events": [', "not strict JSON"),
    ('{"events": [], "events": []}', "twice"),
    ('{"events": NaN}', "NaN"),
    ("[]", "expected a JSON object, got list"),
    ('{"events": []}', "1 to 100 events, got 0"),
    ('{"events": {}}', "got dict"),
    ('{"events": [1], "more": 1}', "nothing else"),
    ("[" * 100_000, "not strict JSON"),
]


def test_a_malformed_body_is_named(api: Call) -> None:
    for body, named in MALFORMED_BODIES:
        status, answer = api("POST", "/feedback", body)
        assert (status, named in answer["error"]) == (400, True), (body[:40], answer)


def test_too_many_events_or_too_many_bytes_are_refused(api: Call, queue_url: str) -> None:
    status, answer = api("POST", "/feedback", {"events": [event(number) for number in range(101)]})
    assert (status, "got 101" in answer["error"]) == (400, True)
    status, answer = api("POST", "/feedback", " " * (LARGEST_BODY + 1))
    assert (status, answer["type"]) == (413, "urn:problem-type:assembly-line:too-large")
    assert queued(queue_url) == []


def test_a_body_in_base64_is_read(api: Call) -> None:
    assert api("POST", "/feedback", {"events": [event()]}, encoded=True)[0] == 202


def test_a_caller_whom_nobody_vouches_for_gets_nothing(api: Call, control: ControlTable, queue_url: str) -> None:
    control.open_review(LINE, RUN, waiting())
    body = {"events": [event()], "as_of": "2017-07-01", "decision": "approve", "reason": "fine"}

    for method, path in (("POST", "/feedback"), ("POST", f"/lines/{LINE}/runs"), ("GET", REVIEW), ("POST", REVIEW)):
        status, answer = api(method, path, body, who=None)
        assert (status, "sign the request" in answer["what_to_do"]) == (401, True), path
    assert queued(queue_url) == []
    assert control.review(LINE, RUN) == waiting()


def test_a_run_starts_under_its_callers_name(api: Call, control: ControlTable, machine: str) -> None:
    status, answer = api("POST", f"/lines/{LINE}/runs", {"as_of": "2017-07-01", "hyperparameters": {"rounds": 5}})

    assert status == 202
    assert answer["run_id"].startswith("coupon-redemption-20170701-")
    recorded = control.read(LINE, run_item(answer["run_id"]))
    assert recorded is not None
    assert recorded["author"] == ANNA
    started = boto3.client("stepfunctions").describe_execution(executionArn=answer["execution_arn"])
    assert started["name"] == answer["run_id"]
    assert json.loads(started["input"]) == {
        "line": LINE,
        "as_of": "2017-07-01T00:00:00.000000Z",
        "hyperparameters": {"rounds": 5},
        "engine": "auto",
        # So that a redrive means the same, whatever was released since.
        "release": control.current_release(LINE),
    }


IMPOSSIBLE_RUNS: list[tuple[str, object, int, str]] = [
    ("no_such_line", {"as_of": "2017-07-01"}, 404, "released lines: coupon_redemption"),
    (LINE, {}, 400, "as_of: is missing"),
    (LINE, {"as_of": "2017-02-30"}, 400, "is not an instant"),
    (LINE, {"as_of": "2017-07-01", "author": "x"}, 400, "author: unknown field"),
    (LINE, {"as_of": "2017-07-01", "line": LINE}, 400, "in the path"),
    (LINE, {"as_of": "2017-07-01", "hyperparameters": {"depth": 3}}, 400, "declares no such hyperparameter"),
    (LINE, {"as_of": "2017-07-01", "hyperparameters": {"rounds": "many"}}, 400, "expected a whole number"),
    (LINE, [], 400, "expected a JSON object"),
    ("UPPER", {"as_of": "2017-07-01"}, 400, "line: 'UPPER'"),
]


def test_a_run_that_cannot_start_is_refused(api: Call, machine: str) -> None:
    for line, body, status, named in IMPOSSIBLE_RUNS:
        found, answer = api("POST", f"/lines/{line}/runs", body)
        assert (found, named in answer["error"]) == (status, True), answer
    assert boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []


def test_the_packet_is_shown_without_the_token(api: Call, control: ControlTable) -> None:
    control.open_review(LINE, RUN, waiting(token="secret-token"))
    status, answer = api("GET", REVIEW, who=BEN)
    assert (status, answer["packet"], answer["state"]) == (200, {"metrics": {"auc": 0.7}}, "waiting")
    assert "secret-token" not in json.dumps(answer)


def test_a_review_that_is_not_there_is_not_found(api: Call) -> None:
    for method in ("GET", "POST"):
        status, answer = api(method, REVIEW, {"decision": "approve", "reason": "good"}, who=BEN)
        assert (status, "has no review" in answer["error"]) == (404, True)


def test_a_judgement_is_stored_and_the_execution_goes_on(
    api: Call, control: ControlTable, answers: list[dict[str, Any]]
) -> None:
    control.open_review(LINE, RUN, waiting())

    status, answer = api("POST", REVIEW, {"decision": "approve", "reason": "beats the rule"}, who=BEN)

    assert (status, answer["decision"], answer["execution"]) == (200, "approve", "answered")
    stored = control.review(LINE, RUN)
    assert (stored["state"], stored["reviewer"], stored["reason"]) == ("decided", BEN, "beats the rule")
    assert answers == [{"decision": "approve", "reviewer": BEN, "reason": "beats the rule"}]


def test_the_author_does_not_judge_the_own_run(api: Call, control: ControlTable, answers: list[dict[str, Any]]) -> None:
    control.open_review(LINE, RUN, waiting())
    for who in (ANNA, "arn:aws:sts::123456789012:assumed-role/Reviewer/anna"):
        assert api("POST", REVIEW, {"decision": "approve", "reason": "mine is good"}, who=who)[0] == 403
    assert (control.review(LINE, RUN)["state"], answers) == ("waiting", [])


def test_the_first_judgement_stands_and_repeating_it_is_harmless(
    api: Call, control: ControlTable, answers: list[dict[str, Any]]
) -> None:
    control.open_review(LINE, RUN, waiting())
    judgement = {"decision": "reject", "reason": "too few rows"}
    assert api("POST", REVIEW, judgement, who=BEN)[0] == 200

    status, answer = api("POST", REVIEW, judgement, who=BEN)
    assert (status, answer["decision"]) == (200, "reject")
    assert api("POST", REVIEW, {"decision": "approve", "reason": "changed my mind"}, who=BEN)[0] == 409
    assert api("POST", REVIEW, judgement, who="arn:aws:iam::123456789012:user/cleo")[0] == 409
    assert control.review(LINE, RUN)["decision"] == "reject"


def test_a_run_of_high_risk_goes_on_after_two_people_approved_it(
    api: Call, control: ControlTable, answers: list[dict[str, Any]]
) -> None:
    control.open_review(LINE, RUN, waiting(risk="high"))
    judgement = {"decision": "approve", "reason": "beats the rule"}
    cleo = "arn:aws:iam::123456789012:user/cleo"

    for _ in range(2):  # sent twice, it counts once
        status, answer = api("POST", REVIEW, judgement, who=BEN)
        assert (status, answer["state"], answer["execution"]) == (200, "waiting", "waits for another reviewer")
        assert [one["reviewer"] for one in answer["judgements"]] == [BEN]
    assert answers == []
    # The waiting task was repeated meanwhile: the approval stays.
    assert control.open_review(LINE, RUN, waiting(risk="high", token="newer"))
    status, answer = api("POST", REVIEW, judgement, who=cleo)

    assert (status, answer["state"], answer["execution"]) == (200, "decided", "answered")
    assert [one["reviewer"] for one in control.review(LINE, RUN)["judgements"]] == [BEN, cleo]
    assert [sent["reviewer"] for sent in answers] == [cleo]


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen right after the next review was read."""
    read, pending = ControlTable.review, [happens]

    def review(control: ControlTable, line: str, run_id: str) -> dict[str, Any]:
        found = read(control, line, run_id)
        while pending:
            pending.pop()()
        return found

    monkeypatch.setattr(ControlTable, "review", review)


def test_a_rejection_keeps_the_approval_that_came_while_it_was_decided(
    api: Call, control: ControlTable, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.open_review(LINE, RUN, waiting(risk="high"))
    approval = {"decision": "approve", "reason": "beats the rule"}
    meanwhile(monkeypatch, lambda: api("POST", REVIEW, approval, who=BEN))

    status, answer = api("POST", REVIEW, {"decision": "reject", "reason": "too few rows"}, who=CLEO)

    assert (status, answer["state"], answer["execution"]) == (200, "decided", "answered")
    said = [(one["reviewer"], one["decision"]) for one in control.review(LINE, RUN)["judgements"]]
    assert said == [(BEN, "approve"), (CLEO, "reject")]
    assert api("POST", REVIEW, approval, who=BEN)[0] == 409


def test_a_judgement_answers_the_task_that_waits_by_then(
    api: Call, control: ControlTable, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.open_review(LINE, RUN, waiting(token="gone"))
    meanwhile(monkeypatch, lambda: control.open_review(LINE, RUN, waiting()))

    assert api("POST", REVIEW, {"decision": "approve", "reason": "beats the rule"}, who=BEN)[0] == 200
    assert (control.review(LINE, RUN)["token"], len(answers)) == ("waits", 1)


def test_the_first_of_two_reviewers_sends_a_lost_answer_again(
    api: Call, control: ControlTable, answers: list[dict[str, Any]]
) -> None:
    control.open_review(LINE, RUN, waiting(risk="high"))
    approval = {"decision": "approve", "reason": "beats the rule"}
    for who in (BEN, CLEO):
        assert api("POST", REVIEW, approval, who=who)[0] == 200
    answers.clear()

    status, answer = api("POST", REVIEW, approval, who=BEN)

    assert (status, answer["state"], answer["execution"]) == (200, "decided", "answered")
    assert [sent["reviewer"] for sent in answers] == [CLEO]


def test_a_judgement_of_another_packet_is_refused(api: Call, control: ControlTable) -> None:
    control.open_review(LINE, RUN, waiting())
    judgement = {"decision": "approve", "reason": "beats the rule", "packet": "0" * 64}

    status, answer = api("POST", REVIEW, judgement, who=BEN)

    assert (status, "read it again with `line review show" in answer["error"]) == (409, True)
    assert control.review(LINE, RUN)["state"] == "waiting"
    found = api("GET", REVIEW, who=BEN)[1]
    judgement["packet"] = digest(found["packet"])
    assert api("POST", REVIEW, judgement, who=BEN)[0] == 200


def test_a_judgement_that_got_lost_on_its_way_is_sent_again_by_repeating_it(
    api: Call, control: ControlTable, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.open_review(LINE, RUN, waiting())
    whole = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def down(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "SendTaskSuccess":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, operation)
        return whole(self, operation, parameters)

    judgement = {"decision": "approve", "reason": "good enough"}
    with monkeypatch.context() as broken:
        broken.setattr(botocore.client.BaseClient, "_make_api_call", down)
        status, answer = api("POST", REVIEW, judgement, who=BEN)
        assert (status, "same request again" in answer["what_to_do"]) == (503, True)
    assert answers == []

    assert api("POST", REVIEW, judgement, who=BEN)[0] == 200
    assert [sent["decision"] for sent in answers] == ["approve"]


def test_a_run_that_no_longer_waits_says_so(api: Call, control: ControlTable, answers: list[dict[str, Any]]) -> None:
    control.open_review(LINE, RUN, waiting(token="gone"))
    status, answer = api("POST", REVIEW, {"decision": "approve", "reason": "good"}, who=BEN)
    assert (status, "no longer waits" in answer["error"]) == (410, True)


def test_a_malformed_judgement_is_refused(api: Call, control: ControlTable) -> None:
    control.open_review(LINE, RUN, waiting())
    bodies: list[object] = [{"decision": "maybe", "reason": "hm, well"}, {"decision": "approve"}, "no", []]
    for body in bodies:
        assert api("POST", REVIEW, body, who=BEN)[0] == 400
    assert control.review(LINE, RUN)["state"] == "waiting"


def test_an_unknown_route_names_those_there_are(api: Call) -> None:
    for method, path in (("GET", "/feedback"), ("POST", "/"), ("DELETE", REVIEW)):
        status, answer = api(method, path)
        assert (status, "POST /feedback" in answer["what_to_do"]) == (404, True), path


def test_a_queue_that_is_gone_is_a_503_that_can_be_repeated(api: Call, queue_url: str) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=queue_url)
    status, answer = api("POST", "/feedback", {"events": [event()]})
    assert (status, answer["what_to_do"]) == (503, "send the same request again")


def test_no_content_of_a_request_is_logged(api: Call, logs_of: LogsOf) -> None:
    written = logs_of(handler.logger)

    api("POST", "/feedback", {"events": [event(reason="marker-5d2e in person")]})
    api("POST", "/feedback", {"events": [event(kind="marker-5d2e")]})
    api("POST", f"/lines/{LINE}/runs", '{"marker-5d2e": ')

    assert written.getvalue()
    assert "marker" not in written.getvalue()
