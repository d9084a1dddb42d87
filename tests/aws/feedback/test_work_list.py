"""The work list: open cases page by page, one person on each, and every decision of theirs in the ledger once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.client
import pytest

from assembly_line.feedback import judged_line
from assembly_line.instants import format_instant
from assembly_line.ledger import opened_decisions
from assembly_line.names import LedgerKind, scoring_prefix
from assembly_line.release import Release
from assembly_line.storage.ledger.case_files import CaseFile
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.api import account as api_account
from lambdas.api import work_list as routes
from lambdas.feedback_collector import handler as collector
from tests.aws.feedback.conftest import ANNA, API_ROLE_ID, LINE, Call

BEN = "arn:aws:sts::123456789012:assumed-role/Decider/ben"
DECIDED = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = "20261120"
RUN = "run-1"
EXPIRES = DECIDED + timedelta(days=28)
NUMBER = 7
Clock = Callable[[timedelta], None]


def decision(number: int, day: str = DAY) -> str:
    return f"d1-{day}-{number:032x}"


def scored(number: int, **changes: Any) -> dict[str, Any]:
    """A prediction as the ledger keeps it: the higher its number, the higher its score."""
    return {
        "decision_id": decision(number),
        "revision": 1,
        "decision_time": format_instant(DECIDED),
        "keys": {"household_id": number, "campaign_id": 18},
        "score": number / 10,
        "detail": None,
        "action": "remind" if number > 3 else "leave",
        "propensity": 0.5,
        "explored": False,
        "arm": "champion",
        "policy_version": 1,
        "model": {"run_id": "trained", "digest": "c" * 64},
        "release": "a" * 64,
        "dataset_id": "ds-1",
        "run_id": RUN,
        "baseline": 1.0,
        "prior": 0.1,
        "issued_at": format_instant(DECIDED),
        "expires_at": format_instant(EXPIRES),
        "backfill": [],
        **changes,
    }


def sent(row: dict[str, Any], at: datetime = DECIDED) -> dict[str, Any]:
    kept = {name: row[name] for name in ("decision_id", "revision", "run_id")}
    return {**kept, "status": "delivered", "at": format_instant(at), "channel": "sns"}


def deliver(ledger: Ledger, rows: list[dict[str, Any]], *, name: str = RUN, day: str = DAY) -> None:
    ledger.append(LINE, LedgerKind.PREDICTIONS, day, name, rows)
    ledger.append(LINE, LedgerKind.DELIVERIES, "20261120", name, [sent(row) for row in rows])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let so much time pass; the first call of the API comes two days after the decisions."""
    now = [DECIDED + timedelta(days=2)]
    monkeypatch.setattr(routes, "_now", lambda: now[0])

    def passes(by: timedelta) -> None:
        now[0] += by

    return passes


@pytest.fixture
def cases(ledger: Ledger, clock: Clock, api: Call) -> Call:
    deliver(ledger, [scored(number) for number in range(1, NUMBER + 1)])
    return api


def listed(call: Call, query: str = "", **more: Any) -> list[int]:
    status, page = call("GET", f"/lines/{LINE}/cases{query}", **more)
    assert status == 200, page
    return [case["keys"]["household_id"] for case in page["cases"]]


def work(call: Call, number: int, verb: str, body: object = "", *, who: str = ANNA) -> tuple[int, dict[str, Any]]:
    return call("POST", f"/lines/{LINE}/cases/{decision(number)}/{verb}", body, who=who)


OVERRIDE = {"action": "leave", "reason": "complained", "text": "called twice last week"}


def collect(queue_url: str, monkeypatch: pytest.MonkeyPatch, context: Any) -> int:
    """Let the collector take what the queue holds."""
    sqs = boto3.client("sqs")
    records: list[dict[str, Any]] = []
    while found := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        for message in found:
            said = message["MessageAttributes"]["principal"]["StringValue"]
            attributes = {"SentTimestamp": "1795305600000", "SenderId": f"{API_ROLE_ID}:api"}
            records.append(
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": "r",
                    "body": message["Body"],
                    "attributes": {**attributes, "ApproximateReceiveCount": "1"},
                    "messageAttributes": {"principal": {"stringValue": said, "dataType": "String"}},
                    "md5OfBody": "",
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:feedback",
                    "awsRegion": "us-east-1",
                }
            )
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    account_of.cache_clear()
    assert collector.handle({"Records": records}, context)["batchItemFailures"] == []
    return len(records)


def test_pages_have_every_open_case_once_whatever_is_decided_meanwhile(cases: Call) -> None:
    _, first = cases("GET", f"/lines/{LINE}/cases?limit=3")
    assert (first["order"], first["reasons"][0], first["actions"]) == ("score", "complained", ["remind", "leave"])
    for verb, body in (("take", ""), ("override", OVERRIDE)):
        assert work(cases, 7, verb, body)[0] == 200
    _, second = cases("GET", f"/lines/{LINE}/cases?limit=3&cursor={first['next']}")
    _, third = cases("GET", f"/lines/{LINE}/cases?limit=3&cursor={second['next']}")

    pages = [[case["keys"]["household_id"] for case in page["cases"]] for page in (first, second, third)]
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert third["next"] is None
    assert listed(cases) == [6, 5, 4, 3, 2, 1]


def test_a_case_tells_the_recommendation_and_when_it_is_over(cases: Call) -> None:
    _, page = cases("GET", f"/lines/{LINE}/cases?limit=1")

    assert page["cases"] == [
        {
            "decision_id": decision(7),
            "decision_time": format_instant(DECIDED),
            "keys": {"household_id": 7, "campaign_id": 18},
            "recommended": "remind",
            "score": 0.7,
            "detail": None,
            "explored": False,
            "revision": 1,
            "policy_version": 1,
            "model_run_id": "trained",
            "run_id": RUN,
            "issued_at": format_instant(DECIDED),
            "expires_at": format_instant(EXPIRES),
            "why": {
                "available": False,
                "because": "contributions are not available: the run kept none",
                "base": None,
                "top": [],
                "rest": None,
            },
            "claim": None,
        }
    ]


def test_what_is_no_open_case_is_not_listed_and_says_why_when_taken(ledger: Ledger, clock: Clock, api: Call) -> None:
    known = {"decision_id": decision(6), "value": 1, "mature_at": format_instant(DECIDED + timedelta(days=1))}
    deliver(ledger, [scored(1), scored(2, backfill=["earlier_instant"]), scored(6)])
    deliver(ledger, [scored(3, expires_at=format_instant(DECIDED + timedelta(days=1)))], name="soon")
    later = format_instant(DECIDED + timedelta(days=3))
    ledger.append(LINE, LedgerKind.PREDICTIONS, DAY, "later", [scored(4, issued_at=later)])
    ledger.append(LINE, LedgerKind.DELIVERIES, DAY, "later", [{**sent(scored(4)), "at": later}])
    ledger.append(LINE, LedgerKind.PREDICTIONS, DAY, "unsent", [scored(5)])
    ledger.append(LINE, LedgerKind.OUTCOMES, DAY, "o", [{**known, "as_of": later, "run_id": "o"}])

    assert listed(api) == [1]
    for number, why in (
        (2, "fills in the past"),
        (3, "its action expired at 2026-11-21"),
        (4, "it was delivered at 2026-11-23"),
        (5, "not delivered in time"),
        (6, "its outcome is known since 2026-11-21"),
    ):
        status, refused = work(api, number, "take")
        assert (status, why in refused["error"]) == (409, True), refused
    assert work(api, 9, "take")[0] == 404
    assert api("GET", f"/lines/{LINE}/cases/{decision(3)}")[1]["closed_because"].startswith("its action expired")


def test_a_past_is_worked_as_of_an_instant_of_the_business_clock(cases: Call, clock: Clock) -> None:
    clock(timedelta(days=100))
    then = format_instant(DECIDED + timedelta(days=5))
    assert listed(cases) == []
    assert len(listed(cases, f"?at={then}")) == NUMBER
    assert listed(cases, f"?at={format_instant(DECIDED - timedelta(seconds=1))}") == []
    _, page = cases("GET", f"/lines/{LINE}/cases?limit=2&at={then}")
    assert len(listed(cases, f"?limit=5&cursor={page['next']}")) == NUMBER - 2

    assert work(cases, 7, "take")[0] == 409
    assert work(cases, 7, "take", {"at": then})[0] == 200
    assert work(cases, 7, "override", OVERRIDE)[0] == 409
    status, done = work(cases, 7, "override", {**OVERRIDE, "at": then})

    assert (status, done["decided"]["at"]) == (200, then)
    assert cases("GET", f"/lines/{LINE}/cases?at=2999-01-01")[0] == 400


def test_two_people_never_hold_one_case(cases: Call, clock: Clock) -> None:
    status, taken = work(cases, 7, "take")
    assert (status, taken["claim"]["standing"], taken["claim"]["yours"]) == (200, "held", True)
    status, refused = work(cases, 7, "take", who=BEN)
    assert (status, f"{ANNA} holds it until 2026-11-22T06:00" in refused["error"]) == (409, True)
    for verb, body in (("accept", ""), ("override", OVERRIDE), ("release", "")):
        assert work(cases, 7, verb, body, who=BEN)[0] == 409
        assert work(cases, 6, verb, body, who=BEN)[1]["error"].startswith(f"case {decision(6)}: nobody took it")
    assert listed(cases, "?only=free", who=BEN) == [6, 5, 4, 3, 2, 1]
    assert (listed(cases, "?only=mine", who=BEN), listed(cases, "?only=mine")) == ([], [7])

    assert work(cases, 7, "release")[1]["claim"] is None
    assert work(cases, 7, "take", who=BEN)[0] == 200
    status, late = work(cases, 7, "accept")
    assert (status, "you gave it back at" in late["error"], f"then {BEN} took it" in late["error"]) == (409, True, True)


def test_a_hold_that_ended_may_be_taken_and_a_late_decision_is_told_what_happened(
    cases: Call, clock: Clock, queue_url: str
) -> None:
    work(cases, 7, "take")
    clock(timedelta(hours=2))
    status, late = work(cases, 7, "accept")
    assert (status, "ended at 2026-11-22T06:00:00.000000Z, and nobody took it since" in late["error"]) == (409, True)
    assert work(cases, 7, "take", who=BEN)[0] == 200
    _, late = work(cases, 7, "accept")
    assert f"your hold ended at 2026-11-22T06:00:00.000000Z; then {BEN} took it" in late["error"]
    assert work(cases, 7, "override", OVERRIDE, who=BEN)[0] == 200
    _, late = work(cases, 7, "accept")
    assert f"{BEN} decided it at 2026-11-22T06:00:00.000000Z: leave (complained: called twice" in late["error"]

    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "1"


def test_of_two_who_take_a_case_at_once_one_gets_it(cases: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ben's request comes between Anna's look and her write."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    between: list[tuple[int, dict[str, Any]]] = []

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "PutItem" and not between:
            between.append((0, {}))
            between.append(work(cases, 7, "take", who=BEN))
        return real(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    status, refused = work(cases, 7, "take")

    assert (between[1][0], status, f"{BEN} holds it" in refused["error"]) == (200, 409, True)


def test_what_people_decide_is_found_by_sql_and_counted(
    cases: Call, queue_url: str, monkeypatch: pytest.MonkeyPatch, lambda_context: Any, shipped: Release
) -> None:
    for number, verb, body in ((7, "override", OVERRIDE), (6, "accept", ""), (5, "accept", {"text": "looks right"})):
        assert work(cases, number, "take")[0] == 200
        status, done = work(cases, number, verb, body)
        assert (status, done["claim"]["standing"]) == (200, "decided")
        # The same again, as after a lost answer, says the same.
        assert work(cases, number, verb, body) == (200, done)
    assert work(cases, 7, "override", {**OVERRIDE, "text": "something else"})[0] == 409
    assert listed(cases) == [4, 3, 2, 1]

    assert collect(queue_url, monkeypatch, lambda_context) == 3

    columns = ("decision_id", "action", "recommended", "overridden", "confirmed", "reviewed_by", "reason")
    account = api_account.account()
    with opened_decisions(account, LINE, columns) as ledger:
        found = ledger.session.decisions(columns, "reviewed_by IS NOT NULL")
    assert [tuple(one.values())[1:] for one in found] == [
        ("remind", "remind", False, True, ANNA, "accepted: looks right"),
        ("remind", "remind", False, True, ANNA, "accepted"),
        ("leave", "remind", True, False, ANNA, "complained: called twice last week"),
    ]
    counts = judged_line(account, shipped.line).counts
    assert (counts["overrides"], counts["confirmed"], counts["in_force"]) == (1, 2, NUMBER)
    assert listed(cases) == [4, 3, 2, 1]
    status, refused = work(cases, 7, "take", who=BEN)
    assert (status, f"{ANNA} decided it at" in refused["error"]) == (409, True)


def test_whoever_is_cut_off_while_deciding_asks_again_and_is_counted_once(
    cases: Call, queue_url: str, monkeypatch: pytest.MonkeyPatch, lambda_context: Any, ledger: Ledger
) -> None:
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    calls: list[str] = []

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = real(self, operation, parameters)
        calls.append(operation)
        # The event is in the queue, and nobody learns of it.
        if operation == "SendMessageBatch" and calls.count(operation) == 1:
            raise KeyboardInterrupt
        return answer

    work(cases, 7, "take")
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    with pytest.raises(KeyboardInterrupt):
        work(cases, 7, "override", OVERRIDE)
    assert work(cases, 7, "take", who=BEN)[0] == 409
    assert work(cases, 7, "override", OVERRIDE)[0] == 200

    assert collect(queue_url, monkeypatch, lambda_context) == 2
    assert len({row["event_id"] for row in ledger.read(LINE, LedgerKind.FEEDBACK)}) == 1


def test_what_was_scored_again_is_looked_at_again(cases: Call, ledger: Ledger, clock: Clock) -> None:
    work(cases, 7, "take")
    deliver(ledger, [scored(7, revision=2, action="leave")], name="again")
    status, refused = work(cases, 7, "accept")
    assert (status, "revision 2 recommends leave" in refused["error"]) == (409, True)
    assert work(cases, 7, "take")[1]["recommended"] == "leave"
    assert work(cases, 7, "accept")[1]["decided"]["action"] == "leave"


@pytest.mark.parametrize(
    ("verb", "body", "named"),
    [
        ("override", {**OVERRIDE, "reason": "weather"}, "reason: 'weather': expected one of complained"),
        ("override", {**OVERRIDE, "action": "explode"}, "action: 'explode': expected 'remind' or 'leave'"),
        ("override", {**OVERRIDE, "action": "remind"}, "accept the case instead"),
        ("override", {**OVERRIDE, "text": "x" * 1901}, "text"),
        ("override", {**OVERRIDE, "by": BEN}, "by: unknown field"),
        ("override", "", "action"),
        ("accept", {"text": "x"}, "text"),
        ("accept", {"at": "2017-08-09T00:00:00"}, "has no zone"),
        ("take", {"at": "2999-01-01"}, "at: 2999-01-01T00:00:00.000000Z: expected an instant that is not later"),
    ],
)
def test_a_statement_that_the_line_does_not_declare_is_refused(
    cases: Call, queue_url: str, verb: str, body: object, named: str
) -> None:
    work(cases, 7, "take")

    status, refused = work(cases, 7, verb, body)

    assert (status, named in refused["error"]) == (400, True), refused
    assert "Messages" not in boto3.client("sqs").receive_message(QueueUrl=queue_url)


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?only=all", "?surprise=1"])
def test_a_question_that_makes_no_sense_is_refused(cases: Call, query: str) -> None:
    assert cases("GET", f"/lines/{LINE}/cases{query}")[0] == 400


def test_nobody_without_a_name_works_cases(cases: Call) -> None:
    for method, path in (("GET", ""), ("GET", f"/{decision(7)}"), ("POST", f"/{decision(7)}/take")):
        assert cases(method, f"/lines/{LINE}/cases{path}", who=None)[0] == 401
    assert cases("GET", f"/lines/{LINE}/cases/d1-x")[0] == 400


def test_a_case_tells_why_what_is_known_and_what_was_decided_before(
    cases: Call, ledger: Ledger, store: ObjectStore
) -> None:
    added = {"a": 0.5, "b": -2.0, "c": 0.1, "d": 1.0, "e": -0.25, "f": 0.125, "g": 0.0625}
    known = {**dict.fromkeys(added, 1.5), "b": None}
    CaseFile(store, scoring_prefix(LINE, RUN)).write(
        {"decision_id": decision(number), "known": known, "added": added, "base": -1.0} for number in (6, 7)
    )
    before = "20261013"
    earlier = scored(
        7,
        decision_id=decision(70, before),
        decision_time="2026-10-13T04:00:00.000000Z",
        keys={"household_id": 7, "campaign_id": 17},
    )
    other = {**earlier, "decision_id": decision(71, before), "keys": {"household_id": 70, "campaign_id": 17}}
    deliver(ledger, [earlier, other], name="before", day=before)
    outcome = {"value": 1, "mature_at": format_instant(DECIDED), "as_of": "2026-11-20", "run_id": "o"}
    ledger.append(LINE, LedgerKind.OUTCOMES, before, "o", [{"decision_id": decision(70, before), **outcome}])

    _, case = cases("GET", f"/lines/{LINE}/cases/{decision(7)}")

    assert (case["open"], case["known"]["b"], case["why"]["available"]) == (True, None, True)
    assert [(one["feature"], one["contribution"]) for one in case["why"]["top"]] == [
        ("b", -2.0),
        ("d", 1.0),
        ("a", 0.5),
        ("e", -0.25),
        ("f", 0.125),
    ]
    assert case["why"]["rest"] == pytest.approx(0.1625)
    assert [(one["decision_id"], one["outcome"]) for one in case["earlier"]] == [(decision(70, before), [1])]
    _, page = cases("GET", f"/lines/{LINE}/cases?limit=3")
    assert [one["why"]["available"] for one in page["cases"]] == [True, True, False]


def test_only_days_that_may_be_open_are_read(cases: Call, ledger: Ledger, ledger_objects: ObjectStore) -> None:
    """A damaged file of an earlier day harms nobody who works the list."""
    ledger_objects.write(f"ledger/{LINE}/predictions/day=20260101/old.jsonl", b"damaged\n")

    assert len(listed(cases)) == NUMBER
    assert work(cases, 7, "take")[0] == 200
    assert json.dumps(cases("GET", f"/lines/{LINE}/cases?only=mine")[1])
