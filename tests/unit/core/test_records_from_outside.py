"""Whatever stands in a queue, in an object of the ledger or in a table: it is read, or refused by the field's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from itertools import product
from typing import Any, cast, get_args

import pytest

from assembly_line.delivery import ScoredPeriod, ScoringContext, read_outbox
from assembly_line.delivery.report import DeliveryRecord
from assembly_line.delivery.service.kept_aside import described
from assembly_line.documents import parse_document, read_document
from assembly_line.errors import AssemblyError
from assembly_line.features import Claim
from assembly_line.feedback.arrivals import read_arrival
from assembly_line.feedback.history import join
from assembly_line.feedback.maturity import open_decisions
from assembly_line.feedback.performance import measure
from assembly_line.messages import Prediction, StationEvent
from assembly_line.names import LedgerKind
from assembly_line.outcome_kinds import Binary
from assembly_line.storage.lake.online_table import Publication
from assembly_line.storage.ledger.ledger import checked_rows
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.throughput import Place, RecordedEvent, boards, station_event
from assembly_line.throughput.recorded import KINDS
from assembly_line.training import Champion
from assembly_line.training.review import check_permitted, decide
from tests.ledgers import JoinedLedger

AT = "2017-08-08T04:00:00.000000Z"
LATER = "2017-09-05T04:00:00.000000Z"
DECISION = "d1-20170808-" + "0" * 32
DIGEST = "f" * 64
LINE, RUN = "coupon_redemption", "coupon-redemption-20170808-aaaa"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:training"
PLACE = Place(environment="embedded", stations={MACHINE: "training"})

Document = Any
Read = Callable[[Any], object]

EVENT = {
    "schema": "assembly-line/station-event",
    "version": 1,
    "id": "a",
    "environment": "embedded",
    "account": "123456789012",
    "line": LINE,
    "station": "training",
    "item": RUN,
    "kind": "failed",
    "attempt": 1,
    "at": AT,
    "cause": "it broke",
    "principal": None,
    "cost": {"unit": "USD", "quantity": 1.5},
}
STOPPED = {
    "source": "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    "account": "123456789012",
    "detail": {
        "status": "FAILED",
        "stateMachineArn": MACHINE,
        "name": RUN,
        "input": json.dumps({"line": LINE}),
        "redriveCount": 0,
        "stopDate": 1502164800000,
        "error": "States.TaskFailed",
        "cause": '{"errorMessage": "it broke"}',
    },
}
PREDICTION = {
    "schema": "assembly-line/prediction",
    "version": 1,
    "line": LINE,
    "decision_id": DECISION,
    "revision": 5,
    "decision_time": AT,
    "keys": {"household_id": 1, "campaign_id": 18},
    "score": 0.25,
    "action": "remind",
    "propensity": 0.5,
    "arm": "champion",
    "policy_version": 1,
    "model": {"run_id": RUN, "digest": DIGEST},
    "batch": RUN,
    "issued_at": AT,
    "expires_at": LATER,
}
PREDICTED = {
    **PREDICTION,
    "dataset_id": "ds-0",
    "baseline": 0.0,
    "prior": 0.1,
    "principal": "unverified",
    "run_id": RUN,
    "backfill": ["earlier_instant"],
}
DELIVERED = {
    "line": LINE,
    "run_id": RUN,
    "decision_id": DECISION,
    "revision": 5,
    "status": "delivered",
    "reason": None,
    "message_id": "m",
    "at": AT,
    "sent_at": AT,
}
SAID = {
    "schema": "assembly-line/feedback",
    "version": 1,
    "event_id": "e",
    "line": LINE,
    "decision_id": DECISION,
    "sequence": 1,
    "at": "2017-08-09T04:00:00.000000Z",
    "retracts": False,
}
FEEDBACK = {
    "override": {**SAID, "kind": "override", "action": "leave", "reason": "moved away"},
    "outcome": {**SAID, "kind": "outcome", "value": 1},
    "receipt": {**SAID, "kind": "receipt", "revision": 5, "status": "applied"},
}
ARRIVED = {"received_at": "2017-08-09T04:01:00.000000Z", "principal": "arn:a", "sender": "s", "message_id": "m"}
DERIVED = {
    "line": LINE,
    "decision_id": DECISION,
    "outcome": "redeemed",
    "value": 1,
    "mature_at": LATER,
    "as_of": LATER,
    "run_id": "outcomes",
}
KEPT = {"station": "delivery", "decision_id": DECISION, "reason": "action_expired", "detail": "x", "run_id": RUN}
PERIOD = {"run_id": RUN, "from": AT, "to": LATER, "instant": AT}
CLAIM = {"holder": MACHINE, "claimed_at": AT, "expires_at": LATER}
CHAMPION = {
    **dict.fromkeys(("run_id", "line", "release", "dataset_id", "model_name", "model_data_uri", "digest"), "x"),
    **dict.fromkeys(("model_package_arn", "encoding_key", "baseline_feature", "author", "reviewer"), "x"),
    "model_package_version": 1,
    "features": ["a"],
    "prior": 0.1,
    "metrics": {},
    "promoted_at": AT,
    "replaces": None,
    "restored": {"by": "a", "reason": "b", "replaced": "c"},
}
DECIDING = {name: CHAMPION[name] for name in ("run_id", "release", "digest", "model_name", "model_data_uri")}
CONTEXT = {
    "run_id": RUN,
    "line": LINE,
    "release": DIGEST,
    "champion": {**DECIDING, "encoding_key": "k", "features": ["a"], "prior": 0.1, "baseline_feature": "a"},
    **dict.fromkeys(("as_of", "from", "to", "started_at", "instant"), AT),
    "principal": "p",
    "engine": "auto",
    "replayed": True,
    "backfill": {"earlier_instant": "because"},
    "withheld": False,
}
PUBLICATION = {
    "generation": {
        "line": LINE,
        "release": DIGEST,
        "served_from": 0,
        "sources": {"transactions": {"snapshot": DIGEST, "newest": 5}},
    },
    "published_at": AT,
    "valid_until": LATER,
}
REVIEW = {
    "state": "decided",
    "line": LINE,
    "run_id": RUN,
    "author": "arn:a/anna",
    "author_verified": True,
    "risk": "standard",
    "token": "t",
    "packet": {},
    "opened_at": AT,
    "decision": "approve",
    "reviewer": "arn:b/ben",
    "reason": "good",
    "decided_at": AT,
}
OUTBOX = {"decision_id": DECISION, "revision": 5, "body": "{}", "attributes": {"line": LINE}}


class OneItem:
    """A DynamoDB client whose tables hold one item, whatever is asked."""

    def __init__(self, document: object) -> None:
        self._item = {"line": {"S": LINE}, "item": {"S": "item"}, "document": {"S": json.dumps(document)}}

    def get_item(self, **_: object) -> dict[str, Any]:
        return {"Item": self._item}

    def put_item(self, **_: object) -> None:
        pass

    def query(self, **_: object) -> dict[str, Any]:
        return {"Items": [self._item]}


def of_table(read: Callable[[ControlTable], object]) -> Read:
    return lambda document: read(ControlTable(OneItem(document), "control", "champions"))  # type: ignore[arg-type]


def of_ledger(kind: LedgerKind) -> Read:
    """The row of that kind as it is read, and all that is made of it, beside valid rows of the other kinds."""

    def read(document: object) -> object:
        valid = {
            LedgerKind.PREDICTIONS: {**PREDICTED, "backfill": []},
            LedgerKind.DELIVERIES: DELIVERED,
            LedgerKind.FEEDBACK: {**FEEDBACK["override"], **ARRIVED},
            LedgerKind.OUTCOMES: DERIVED,
        }
        written = {one: parse_document(json.dumps(row), of="ledger") for one, row in {**valid, kind: document}.items()}
        rows = {one: checked_rows(one, [row], of="ledger") for one, row in written.items()}
        if kind == LedgerKind.QUARANTINE:
            return [described(row) for row in rows[kind]]
        history = join(*(rows[one] for one in valid))
        [(found.outcome, found.action, found.hindsight, found.backfills) for found in history.decisions]
        with JoinedLedger(*(rows[one] for one in valid)) as ledger:
            measure(ledger, kind=Binary(present=1), cluster="household_id", draws=2)
        return open_decisions(rows[LedgerKind.PREDICTIONS], rows[LedgerKind.OUTCOMES], run_id=RUN)

    return read


def arrival(document: object) -> object:
    return read_arrival(json.dumps(document), sent_millis="1", named=None, sender="s", api_role_id="r", message_id="m")


def recorded(document: object) -> object:
    event = RecordedEvent.from_json(json.dumps(document).encode())
    return boards([event], now=datetime(2026, 1, 1, tzinfo=UTC))


def reviewed(table: ControlTable) -> object:
    review = table.review(LINE, RUN)
    if review["state"] == "waiting":
        return decide(review, reviewer="arn:c/carl", decision="approve", reason="good")
    check_permitted(review, reviewer=review["reviewer"], decision=review["decision"])
    return review


READERS: dict[str, tuple[Document, Read]] = {
    "queue: station event": (
        {"source": "assembly-line", "detail-type": "Station event", "detail": EVENT},
        lambda document: station_event(json.dumps(document), PLACE),
    ),
    "queue: execution": (STOPPED, lambda document: station_event(json.dumps(document), PLACE)),
    **{f"queue: {kind}": (document, arrival) for kind, document in FEEDBACK.items()},
    "message: prediction": (PREDICTION, lambda document: Prediction.from_json(json.dumps(document))),
    "log: event": (EVENT, recorded),
    "ledger: prediction": (PREDICTED, of_ledger(LedgerKind.PREDICTIONS)),
    "ledger: delivery": (DELIVERED, of_ledger(LedgerKind.DELIVERIES)),
    **{f"ledger: {kind}": ({**one, **ARRIVED}, of_ledger(LedgerKind.FEEDBACK)) for kind, one in FEEDBACK.items()},
    "ledger: derived outcome": (DERIVED, of_ledger(LedgerKind.OUTCOMES)),
    "ledger: kept aside": (KEPT, of_ledger(LedgerKind.QUARANTINE)),
    "ledger: delivery record": (DELIVERED, lambda document: read_document(DeliveryRecord, document)),
    "object: outbox": (OUTBOX, lambda document: list(read_outbox([json.dumps(document)]))),
    "state: scoring run": (CONTEXT, ScoringContext.from_json),
    "table: scored period": (PERIOD, ScoredPeriod.from_json),
    "table: claim": (CLAIM, Claim.from_json),
    "table: champion": (CHAMPION, of_table(lambda table: table.champion(LINE))),
    "table: approved": (CHAMPION, of_table(lambda table: table.approvals(LINE))),
    "table: promotion": (CHAMPION, of_table(lambda table: table.promote(LINE, Champion.from_json(CHAMPION)))),
    "table: release": ({"digest": DIGEST}, of_table(lambda table: table.current_release(LINE))),
    "table: run": ({"author": "anna"}, of_table(lambda table: cast(dict[str, Any], table.run(LINE, RUN))["author"])),
    "table: decided review": (REVIEW, of_table(reviewed)),
    "table: waiting review": ({**REVIEW, "state": "waiting"}, of_table(reviewed)),
    "table: online features": (PUBLICATION, lambda document: read_document(Publication, document)),
}
DROPPED = object()
OTHERS: tuple[Any, ...] = (
    *(DROPPED, None, True, 7, -1, 0.5, float("inf"), 10**40),
    *("", "word", "x" * 5000, "2017-99-99", [], [[]], {}, {"a": 1}),
)


def paths(document: object) -> list[tuple[Any, ...]]:
    """Every place of a document, its whole included."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    return [(), *((key, *rest) for key, value in inner for rest in paths(value))]


def changed(document: object, path: tuple[Any, ...], value: object) -> object:
    if not path:
        return None if value is DROPPED else value
    copy: Any = deepcopy(document)
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    if value is DROPPED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copy


@pytest.mark.parametrize("name", READERS)
def test_a_valid_record_is_read(name: str) -> None:
    document, read = READERS[name]
    read(deepcopy(document))


@pytest.mark.parametrize("name", READERS)
def test_a_record_that_was_changed_is_read_or_refused_by_the_name_of_its_field(name: str) -> None:
    document, read = READERS[name]
    for path, value in product(paths(document), OTHERS):
        try:
            read(changed(document, path, value))
        except AssemblyError as refused:
            # An object that lacks something is not named itself; and infinity is no JSON at all.
            fields = [step for step in path if isinstance(step, str)]
            named = not fields or isinstance(value, dict) or any(field in str(refused) for field in fields)
            assert named or "Infinity is not a JSON number" in str(refused), f"{path} {value!r}: {refused}"
        except Exception as raw:
            raise AssertionError(f"{path} {value!r}: {raw!r}") from raw


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"a": NaN', b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(AssemblyError):
        RecordedEvent.from_json(text)
    with pytest.raises(AssemblyError):
        list(read_outbox([text]))


def test_the_log_knows_the_kinds_of_events_that_messages_have() -> None:
    assert set(get_args(StationEvent.model_fields["kind"].annotation)) == KINDS
