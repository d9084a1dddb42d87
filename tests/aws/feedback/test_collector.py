"""The collector keeps every readable event before it acknowledges it, and sends back alone what it cannot read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from assembly_line.canonical import digest_bytes
from assembly_line.names import LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.feedback_collector import handler
from tests.aws.feedback.conftest import ANNA, API_ROLE_ID

if TYPE_CHECKING:
    from tests.aws.feedback.conftest import LogsOf

LINE = "coupon_redemption"
API = f"{API_ROLE_ID}:api-function"
SENT = 1795305600000  # 2026-11-22T00:00:00Z in milliseconds
DAY = "20261122"


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


def record(
    body: object,
    number: int = 1,
    *,
    sent: int = SENT,
    principal: str | None = None,
    sender: str = "AROADESK:desk",
) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    stamped = {"principal": {"stringValue": principal, "dataType": "String"}} if principal else {}
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": text,
        "attributes": {"SentTimestamp": str(sent), "SenderId": sender, "ApproximateReceiveCount": "1"},
        "messageAttributes": stamped,
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:feedback",
        "awsRegion": "us-east-1",
    }


@pytest.fixture(autouse=True)
def collector(environment: None, released: str) -> None:
    account_of.cache_clear()


def collect(context: Any, *records: dict[str, Any]) -> list[str]:
    response = handler.handle({"Records": list(records)}, context)
    return [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]


def test_good_events_are_kept_and_only_the_bad_one_comes_back(ledger: Ledger, lambda_context: Any) -> None:
    bad = [
        "not json",
        event(2, surprise=1),
        event(3, score=float("nan")),
        '{"event_id": "x", "event_id": "y"}',
        event(5, line="no_such_line"),
        event(6, decision_id="d1-x"),
        event(7, version=2),
    ]
    records = [
        record(event(1)),
        *(record(body, number) for number, body in enumerate(bad, start=2)),
        record(event(9), 9),
    ]

    assert collect(lambda_context, *records) == [f"m{number}" for number in range(2, 9)]
    assert [row["event_id"] for row in ledger.read(LINE, LedgerKind.FEEDBACK)] == ["e1", "e9"]


def poison() -> list[dict[str, Any] | str]:
    """What a schema might let pass, and no calendar, table or file takes."""
    receipt = {**event(50, kind="receipt", revision=1, status="applied")}
    del receipt["action"], receipt["reason"]
    instants = [
        "2017-13-09T00:00:00Z",
        "2017-02-30",
        "0000-01-01",
        "2017-08-09T24:00:00Z",
        "2017-08-09\n",
        "٢017-08-09",
    ]
    return [
        *({**receipt, "at": at} for at in instants),
        *({**receipt, "revision": number} for number in (2**53, 2**63, 2**70, 0, 1.5)),
        *({**receipt, "sequence": number} for number in (2**53, 2**63, 2**70, -1)),
        *({**receipt, "decision_id": receipt["decision_id"] + end} for end in ("\n", "٢")),
        {**receipt, "decision_id": receipt["decision_id"].replace("2017", "٢٠١٧")},
        {**receipt, "line": f"{LINE}\n"},
        {**receipt, "event_id": "\ud800"},
        event(51, reason="half \udfff of a pair"),
        event(52, action="\ud83d"),
        json.dumps(receipt).replace('"revision": 1', '"revision": 1' + "0" * 5000),
        "[" * 100_000,
    ]


def test_each_of_29_healthy_events_is_kept_once_among_poison_of_every_sort(
    ledger: Ledger, lambda_context: Any, logs_of: LogsOf
) -> None:
    written = logs_of(handler.logger)
    bad = poison()
    healthy = [record(event(number), number) for number in range(29)]
    wrong = [record(body, number) for number, body in enumerate(bad, start=1000)]
    records = sorted([*healthy, *wrong], key=lambda one: digest_bytes(one["body"].encode()))

    assert sorted(collect(lambda_context, *records)) == sorted(f"m{number}" for number in range(1000, 1000 + len(bad)))

    assert sorted(row["event_id"] for row in ledger.read(LINE, LedgerKind.FEEDBACK)) == sorted(
        f"e{n}" for n in range(29)
    )
    assert list(ledger.read(LINE, LedgerKind.QUARANTINE)) == []
    refused = [json.loads(line) for line in written.getvalue().splitlines() if "refused" in line]
    fields = {entry["message_id"]: entry["fields"] for entry in refused if "message_id" in entry}
    assert [fields[f"m{number}"] for number in (1000, 1006, 1011)] == [["at"], ["revision"], ["sequence"]]


def test_a_batch_with_nothing_readable_comes_back_whole(ledger: Ledger, lambda_context: Any) -> None:
    assert collect(lambda_context, record("x", 1), record("y", 2)) == ["m1", "m2"]
    assert list(ledger.read(LINE, LedgerKind.FEEDBACK)) == []


def test_a_row_says_who_said_what_and_when_it_came(ledger: Ledger, lambda_context: Any) -> None:
    by_api = record(event(1), 1, principal=ANNA, sender=API)
    collect(lambda_context, by_api, record(event(2), 2))

    stamped, direct = ledger.read(LINE, LedgerKind.FEEDBACK)
    assert (stamped["principal"], stamped["sender"]) == (ANNA, API)
    assert direct["principal"] == direct["sender"] == "AROADESK:desk"
    assert stamped["received_at"] == "2026-11-22T00:00:00.000000Z"
    assert stamped["at"] == "2017-08-09T00:00:00.000000Z"


@pytest.mark.parametrize(
    "sender",
    [
        "AROADESK:desk",
        f"AROADESK:{API_ROLE_ID}",
        f"{API_ROLE_ID}X:desk",
        f"x{API_ROLE_ID}:desk",
        "AIDAUSER",
        "123456789012",
        f"AROADESK:{API}",
    ],
)
def test_nobody_but_the_api_speaks_for_another(ledger: Ledger, lambda_context: Any, sender: str) -> None:
    collect(lambda_context, record(event(1), principal=ANNA, sender=sender))

    (row,) = ledger.read(LINE, LedgerKind.FEEDBACK)
    assert row["principal"] == row["sender"] == sender


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "explode"}, "undeclared_action"),
        ({"kind": "outcome", "value": 7}, "undeclared_outcome"),
    ],
)
def test_a_value_outside_the_declared_set_is_quarantined_not_retried(
    ledger: Ledger, lambda_context: Any, changes: dict[str, Any], reason: str
) -> None:
    odd = event(2, **changes)
    if odd["kind"] == "outcome":
        del odd["action"], odd["reason"]
    assert collect(lambda_context, record(event(1), 1), record(odd, 2)) == []
    assert [row["event_id"] for row in ledger.read(LINE, LedgerKind.FEEDBACK)] == ["e1"]
    (kept,) = ledger.read(LINE, LedgerKind.QUARANTINE)
    assert (kept["event_id"], kept["reason"], kept["station"]) == ("e2", reason, "feedback")


def test_what_comes_of_a_removed_lines_decisions_is_kept(ledger: Ledger, lambda_context: Any) -> None:
    assert handler.account().control.retire_release(LINE, {"removed_at": "2026-11-22T00:00:00Z", "removed_by": "ann"})

    assert collect(lambda_context, record(event())) == []

    assert [row["event_id"] for row in ledger.read(LINE, LedgerKind.FEEDBACK)] == ["e1"]


def test_one_file_for_each_day_of_arrival(ledger: Ledger, lambda_context: Any) -> None:
    records = [record(event(number), number, sent=SENT + number % 2 * 86_400_000) for number in range(10)]
    collect(lambda_context, *records)
    assert len(ledger.names(LINE, LedgerKind.FEEDBACK, DAY)) == 1
    assert len(ledger.names(LINE, LedgerKind.FEEDBACK, "20261123")) == 1
    assert len(list(ledger.read(LINE, LedgerKind.FEEDBACK))) == 10


def test_the_same_batch_again_writes_nothing_new(ledger: Ledger, lambda_context: Any) -> None:
    records = [record(event(number), number) for number in range(5)]
    assert collect(lambda_context, *records) == []
    assert collect(lambda_context, *records) == []
    assert len(list(ledger.read(LINE, LedgerKind.FEEDBACK))) == 5


def test_nothing_is_acknowledged_that_could_not_be_written(
    ledger_objects: ObjectStore, lambda_context: Any, s3: Any
) -> None:
    s3.delete_bucket(Bucket=ledger_objects.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        collect(lambda_context, record(event(1)))


def test_the_log_says_which_message_was_refused_and_why(lambda_context: Any, logs_of: LogsOf) -> None:
    written = logs_of(handler.logger)

    collect(lambda_context, record(event(1), 1), record("not json", 2), record(event(3, line="no_such_line"), 3))

    logged = [json.loads(line) for line in written.getvalue().splitlines()]
    refused = [(entry["message_id"], entry["error"]) for entry in logged if entry["message"] == "refused"]
    assert refused == [("m2", "MalformedMessage"), ("m3", "NotFound")]


def test_no_content_of_an_event_is_logged(lambda_context: Any, logs_of: LogsOf) -> None:
    written = logs_of(handler.logger)

    collect(lambda_context, record(event(1, reason="marker-7f3a in person"), 1), record("marker-9b1c not json", 2))

    assert written.getvalue()
    assert "marker" not in written.getvalue()
