"""A decision asked for by REST: made once, kept like any other, answered the same each time, judged in the end."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.decision_ids import decision_id
from assembly_line.declarations.delivery.delivery import DecideNow
from assembly_line.delivery import pause, resume
from assembly_line.encoding import Encoding
from assembly_line.environments import DecisionsEnvironment, OnlineEnvironment, ServingEnvironment
from assembly_line.errors import TookTooLong
from assembly_line.features.online import questions
from assembly_line.features.online.generations import Generation, PublishedSource
from assembly_line.feedback import described, one_decision
from assembly_line.instants import format_instant
from assembly_line.ledger import compact, reconcile
from assembly_line.names import ControlKey, DeliveryStatus, LedgerKind, dataset_prefix, ledger_prefix
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.ledger.asked_decisions import AskedDecisions
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.functions import Functions
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.decisions import handler
from lambdas.online import handler as online
from lambdas.serving import handler as serving
from tests.aws.conftest import REGION
from tests.aws.features.conftest import LINE, Context, Steps
from tests.aws.features.online_world import TABLE, new_online_table
from tests.aws.feedback.conftest import request
from tests.champions import a_champion
from tests.manifests import a_manifest

APPLICATION = "arn:aws:sts::123456789012:assumed-role/Shop/one"
SAME_ROLE = "arn:aws:sts::123456789012:assumed-role/Shop/two"
OTHER = "arn:aws:sts::123456789012:assumed-role/Desk/one"
AT = "2017-12-20T12:00:00Z"
KEYS = {"household_id": 40, "campaign_id": 8}
PATH = f"/lines/{LINE}/decisions"
FEATURES = ("spend_30d", "redemptions_365d")
DATASET = "ds-" + "0" * 32
# Answers the share of a purse that was spent, and what an environment variable of the test cannot reach.
SCRIPT = b"""
def model_fn(folder):
    return None

def transform_fn(model, content, content_type, accept):
    answers = []
    for row in content.splitlines():
        spent = row.split(",")[0]
        answers.append(str(min(1.0, float(spent or 0) / 1000)))
    return "\\n".join(answers) + "\\n", "text/csv"
"""


@dataclass
class Asking:
    """The API, and what it writes."""

    ledger_objects: ObjectStore
    store: ObjectStore
    control: ControlTable
    released: Release
    questions: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(
        self, body: object, key: str | None = "one", *, who: str | None = APPLICATION, line: str = LINE
    ) -> tuple[int, dict[str, Any], str]:
        """Ask for a decision: the status, the answer, and its very text."""
        event = request("POST", f"/lines/{line}/decisions", body, who)
        if key is not None:
            event["headers"]["idempotency-key"] = key
        return self._answered(event)

    def read(self, path: str, query: str = "", who: str | None = APPLICATION) -> tuple[int, dict[str, Any], str]:
        event = request("GET", path, "", who)
        parameters = dict([query.split("=", 1)]) if query else {}
        return self._answered({**event, "rawQueryString": query, "queryStringParameters": parameters})

    def _answered(self, event: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        answer = handler.handle(event, Context())  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"]), answer["body"]

    def rows(self, kind: LedgerKind) -> list[dict[str, Any]]:
        return list(Ledger(self.ledger_objects).read(LINE, kind))

    def everything(self) -> dict[str, bytes]:
        return {one.key: self.ledger_objects.read(one.key) for one in self.ledger_objects.list("")}

    def declare(self, **changes: Any) -> None:
        """Release the line with another declaration of its delivery."""
        line = self.released.line
        declared = replace(line, delivery=replace(line.delivery, **changes))
        digest = ReleaseStore(self.store).publish(Release(declared, self.released.scripts))
        self.control.set_current_release(LINE, digest)


@pytest.fixture
def ask(
    *,
    steps: Steps,
    loaded: Lake,
    store: ObjectStore,
    ledger_objects: ObjectStore,
    control: ControlTable,
    release: Release,
    champion_table: Any,
) -> Iterator[Asking]:
    """The line with a champion, its features published, and `decide_now` declared."""
    new_online_table()
    policy = replace(release.line.policy, version=2, threshold_now=0.05)
    delivery = replace(release.line.delivery, decide_now=DecideNow(oldest=timedelta(days=60)))
    released = Release(replace(release.line, policy=policy, delivery=delivery), release.scripts)
    digest = ReleaseStore(store).publish(released)
    control.set_current_release(LINE, digest)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        entry = tarfile.TarInfo(f"code/{release.line.training.inference}")
        entry.size = len(SCRIPT)
        packed.addfile(entry, io.BytesIO(SCRIPT))
    store.write("runs/model/model.tar.gz", archive.getvalue())
    encoding = Encoding.fit(
        {name: release.line.features[name] for name in FEATURES}, {"spend_30d": [1.0], "redemptions_365d": [0]}
    )
    store.write_json("runs/encoding.json", encoding.to_json())
    store.write_json(f"{dataset_prefix(LINE, DATASET)}manifest.json", a_manifest(as_of="2017-12-01").to_json())
    champion = a_champion(
        "coupon-redemption-20171201-train",
        line=LINE,
        release=digest,
        dataset_id=DATASET,
        model_data_uri=store.uri("runs/model/model.tar.gz"),
        digest=digest_bytes(archive.getvalue()),
        encoding_key="runs/encoding.json",
        features=FEATURES,
        baseline_feature="redemptions_365d",
    )
    control.write(LINE, ControlKey.CHAMPION, champion.to_json())
    asking = Asking(ledger_objects, store, control, released)

    def call(_self: Functions, _function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        asking.questions.append(event)
        return dict(serving.answer(json.loads(json.dumps(event)), Context()))  # type: ignore[arg-type]

    online_contract = OnlineEnvironment(
        assembly_environment="test",
        lake_bucket="lake",
        store_bucket=store.bucket,
        control_table="control",
        online_table=TABLE,
        online_days="14",
        memory_mib="3008",
    )
    contracts = (
        online_contract,
        ServingEnvironment(assembly_environment="test", store_bucket=store.bucket),
        DecisionsEnvironment(
            assembly_environment="test",
            store_bucket=store.bucket,
            ledger_bucket=ledger_objects.bucket,
            control_table="control",
            champion_table="champions",
            online_table=TABLE,
            serving_function="serve",
        ),
    )
    account_of.cache_clear()
    with pytest.MonkeyPatch.context() as environment, patch.object(Functions, "call", call):
        for contract in contracts:
            for variable, value in contract.to_variables().items():
                environment.setenv(variable, value)
        online.publish({"line": LINE, "from": "2017-06-01"}, Context())  # type: ignore[arg-type]
        yield asking
        serving._end()
    account_of.cache_clear()


def test_a_decision_is_made_once_and_answered_the_same_each_time(ask: Asking) -> None:
    status, answer, text = ask({"keys": KEYS, "at": AT})

    assert status == 200, answer
    decision = answer["decision"]
    at = datetime(2017, 12, 20, 12, tzinfo=UTC)
    assert decision["decision_id"] == decision_id(LINE, list(KEYS.items()), at)
    assert (decision["keys"], decision["decision_time"]) == (KEYS, format_instant(at))
    assert decision["action"] == ("remind" if decision["score"] >= 0.05 else "leave")
    assert answer["features"]["stale"] is False
    assert answer["features"]["known_until"] <= "2018-01-02"
    (row,) = ask.rows(LedgerKind.PREDICTIONS)
    assert {name: row[name] for name in decision} == decision
    assert (row["principal"], row["run_id"], row["online"]) == (APPLICATION, decision["batch"], answer["features"])
    (delivered,) = ask.rows(LedgerKind.DELIVERIES)
    assert (delivered["channel"], delivered["status"], delivered["decision_id"]) == (
        "api",
        DeliveryStatus.DELIVERED,
        decision["decision_id"],
    )
    before = ask.everything()
    # Nothing that changes meanwhile changes the answer: another session of the role, a pause, another declaration.
    pause(handler.account(), LINE, by="somebody", reason="a closed desk", now=datetime.now(UTC))
    ask.declare(decide_now=None)
    assert ask({"at": AT, "keys": dict(reversed(KEYS.items()))}, who=SAME_ROLE) == (status, answer, text)
    assert ask.everything() == before
    # The model's code learns no key, and no id.
    (question,) = ask.questions
    assert set(question) == {"archive", "digest", "image", "program", "rows"}
    assert question["rows"].count(",") == len(FEATURES) - 1


def test_the_same_key_with_another_body_is_a_conflict_and_of_another_caller_another_key(ask: Asking) -> None:
    assert ask({"keys": KEYS, "at": AT})[0] == 200
    before = ask.everything()

    status, answer, _ = ask({"keys": {**KEYS, "campaign_id": 13}, "at": AT})

    assert (status, answer["type"]) == (409, "urn:problem-type:assembly-line:conflict")
    assert "something else" in answer["detail"]
    assert ask.everything() == before
    assert ask({"keys": {**KEYS, "campaign_id": 13}, "at": AT}, who=OTHER)[0] == 200


def test_calls_at_once_leave_one_decision(ask: Asking) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask({"keys": KEYS}, who=APPLICATION), range(4)))
    # Of now the features are old.
    assert {status for status, _, _ in answers} == {409}
    assert ask.everything() == {}
    ask.declare(decide_now=DecideNow(oldest=timedelta(days=1), stale="flag"))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask({"keys": KEYS}), range(4)))

    assert {status for status, _, _ in answers} == {200}
    assert len({text for _, _, text in answers}) == 1
    assert answers[0][1]["features"]["stale"] is True
    assert [row["decision_id"] for row in ask.rows(LedgerKind.PREDICTIONS)] == [
        answers[0][1]["decision"]["decision_id"]
    ]
    assert len(ask.rows(LedgerKind.DELIVERIES)) == 1


@pytest.mark.parametrize("written", ["asked", LedgerKind.PREDICTIONS])
def test_a_crash_after_any_write_is_completed_by_the_same_call(ask: Asking, written: str) -> None:
    body, real = {"keys": KEYS, "at": AT}, ObjectStore.add

    def crash(self: ObjectStore, key: str, *given: Any, **named: Any) -> bool:
        added = real(self, key, *given, **named)
        if f"/{written}/" in key:
            raise SystemExit
        return added

    with patch.object(ObjectStore, "add", crash), pytest.raises(SystemExit):
        ask(body)
    assert ask.rows(LedgerKind.DELIVERIES) == []

    status, answer, _ = ask(body)

    assert (status, len(ask.rows(LedgerKind.PREDICTIONS)), len(ask.rows(LedgerKind.DELIVERIES))) == (200, 1, 1)
    assert answer["decision"]["decision_id"] == ask.rows(LedgerKind.PREDICTIONS)[0]["decision_id"]


def test_a_decision_that_is_gone_from_the_ledger_does_not_come_back(ask: Asking) -> None:
    assert ask({"keys": KEYS, "at": AT})[0] == 200
    for one in [*ask.ledger_objects.list(ledger_prefix(LINE, LedgerKind.PREDICTIONS))]:
        ask.ledger_objects.delete(one.key)
    found = AskedDecisions(ask.ledger_objects)
    (key,) = [one.key for one in ask.ledger_objects.list(ledger_prefix(LINE)) if "/asked/" in one.key]
    asked = found.find(LINE, key.rpartition("/")[2].removesuffix(".json"))
    assert asked is not None
    earlier = replace(asked, asked_at=asked.asked_at - timedelta(minutes=16))
    ask.ledger_objects.write_json(key, earlier.to_json())

    status, answer, _ = ask({"keys": KEYS, "at": AT})

    assert (status, "ask with another key" in answer["detail"]) == (409, True)
    assert ask.rows(LedgerKind.PREDICTIONS) == []


Change = Callable[[Asking], object]


def _as_it_is(_ask: Asking) -> None:
    pass


def _forget_champion(ask: Asking) -> None:
    key = {"line": {"S": LINE}, "item": {"S": str(ControlKey.CHAMPION)}}
    boto3.client("dynamodb", region_name=REGION).delete_item(TableName="champions", Key=key)


def _pause(_ask: Asking) -> None:
    pause(handler.account(), LINE, by="somebody", reason="a closed desk", now=datetime.now(UTC))


def _want_fresh(ask: Asking) -> None:
    ask.declare(decide_now=DecideNow(oldest=timedelta(minutes=1)))


REFUSED: list[tuple[str, Change, dict[str, Any], int, str]] = [
    ("no declaration", lambda ask: ask.declare(decide_now=None), {}, 404, "decide_now=DecideNow("),
    ("no champion", _forget_champion, {}, 409, f"line train {LINE}"),
    ("paused", _pause, {}, 409, f"line delivery resume {LINE}"),
    ("old features", _want_fresh, {"at": "2018-01-09"}, 409, "know the world until"),
    ("a backfill", _as_it_is, {"at": "2017-11-01"}, 400, "a backfill decides nothing"),
    ("the future", _as_it_is, {"at": "2999-01-01"}, 400, "lies in the future"),
    ("a missing key", _as_it_is, {"keys": {"household_id": 40}}, 400, "keys: campaign_id: missing"),
    ("an unknown key", _as_it_is, {"keys": {**KEYS, "shop": 1}}, 400, "not by shop"),
    ("a key of another type", _as_it_is, {"keys": {**KEYS, "household_id": "40"}}, 400, "not of type int64"),
    ("a null key", _as_it_is, {"keys": {**KEYS, "household_id": None}}, 400, "household_id"),
    ("another field", _as_it_is, {"force": True}, 400, "force: unknown field"),
]


def test_what_the_line_refuses_leaves_the_stores_as_they_were(ask: Asking, subtests: pytest.Subtests) -> None:
    champion = ask.control.champion(LINE)
    current = ask.control.current_release(LINE)
    for name, change, body, expected, said in REFUSED:
        with subtests.test(name):
            change(ask)
            status, answer, _ = ask({"keys": KEYS, "at": AT, **body}, name)
            assert (status, said in answer["detail"]) == (expected, True), answer
            assert ask.everything() == {}
            ask.control.write(LINE, ControlKey.CHAMPION, champion.to_json())
            ask.control.set_current_release(LINE, current)
            if name == "paused":
                resume(handler.account(), LINE, by="b", now=datetime.now(UTC))
    with subtests.test("no key"):
        status, answer, _ = ask({"keys": KEYS, "at": AT}, None)
        assert (status, "idempotency-key" in answer["detail"]) == (400, True)
    with subtests.test("nobody"):
        for path, query in ((PATH, "keys=household_id=40"), (f"{PATH}/d1-20171220-{'0' * 32}", "")):
            assert ask.read(path, query, who=None)[0] == 401
        assert ask({"keys": KEYS, "at": AT}, who=None)[0] == 401
    assert ask.everything() == {}


def test_an_answer_that_cannot_be_used_is_kept_aside_and_nothing_is_decided(ask: Asking) -> None:
    with patch.object(Functions, "call", lambda *_: {"answers": "nan\n"}):
        status, answer, _ = ask({"keys": KEYS, "at": AT})

    assert (status, answer["type"]) == (502, "urn:problem-type:assembly-line:scoring-failed")
    assert (ask.rows(LedgerKind.PREDICTIONS), ask.rows(LedgerKind.DELIVERIES)) == ([], [])
    (aside,) = ask.rows(LedgerKind.QUARANTINE)
    assert (aside["reason"], aside["decision_id"][:11]) == ("score_not_finite", "d1-20171220")


def test_a_key_whose_decision_was_kept_aside_keeps_that_answer(ask: Asking) -> None:
    with patch.object(Functions, "call", lambda *_: {"answers": "nan\n"}):
        first = ask({"keys": KEYS, "at": AT})
    before = ask.everything()

    # The model is well again.
    assert ask({"keys": KEYS, "at": AT})[:2] == first[:2]
    assert ask.everything() == before
    assert ask({"keys": KEYS, "at": AT}, "another")[0] == 200


def _late(*_: object) -> dict[str, Any]:
    raise TookTooLong("function serve: gave no answer within 21 seconds")


@pytest.mark.parametrize(
    ("call", "expected", "type_"),
    [
        (lambda *_: {"answers": "0.1\n0.2\n"}, 502, "scoring-failed"),
        (lambda *_: {"answers": ""}, 502, "scoring-failed"),
        (_late, 504, "model-took-too-long"),
    ],
)
def test_without_one_answer_in_time_nothing_is_kept_and_the_call_may_be_repeated(
    ask: Asking, call: Callable[..., dict[str, Any]], expected: int, type_: str
) -> None:
    with patch.object(Functions, "call", call):
        status, answer, _ = ask({"keys": KEYS, "at": AT})

    assert (status, answer["type"]) == (expected, f"urn:problem-type:assembly-line:{type_}")
    assert ask.everything() == {}
    assert ask({"keys": KEYS, "at": AT})[0] == 200


def test_a_source_that_was_published_without_events_makes_features_stale(ask: Asking) -> None:
    real = questions.row_of

    def lacking(line: Any, generation: Generation, *given: Any, **named: Any) -> Any:
        known = {**generation.sources, "coupon_redemptions": PublishedSource(snapshot="none", newest=None)}
        return real(line, replace(generation, sources=known), *given, **named)

    with patch.object(questions, "row_of", lacking):
        status, answer, _ = ask({"keys": KEYS, "at": AT})
        assert (status, "know no event of coupon_redemptions" in answer["detail"]) == (409, True), answer
        ask.declare(decide_now=DecideNow(oldest=timedelta(days=60), stale="flag"))
        status, answer, _ = ask({"keys": KEYS, "at": AT})
    assert (status, answer["features"]["stale"]) == (200, True)


def test_a_decision_that_nobody_was_given_is_found_when_all_is_reconciled(ask: Asking) -> None:
    ask.declare(decide_now=DecideNow(oldest=timedelta(days=1), stale="flag"))
    assert ask({"keys": KEYS})[0] == 200
    real = ObjectStore.add

    def crash(self: ObjectStore, key: str, *given: Any, **named: Any) -> bool:
        if f"/{LedgerKind.DELIVERIES}/" in key:
            raise SystemExit
        return real(self, key, *given, **named)

    with patch.object(ObjectStore, "add", crash), pytest.raises(SystemExit):
        ask({"keys": KEYS}, "two")
    later = datetime.now(UTC) + timedelta(hours=3)
    delivered = {row["decision_id"] for row in ask.rows(LedgerKind.DELIVERIES)}
    (lost,) = [row for row in ask.rows(LedgerKind.PREDICTIONS) if row["decision_id"] not in delivered]

    found = reconcile(handler.account(), LINE, later)["found"]

    assert [(one["run_id"], one["channel"], one["what"]) for one in found] == [(lost["run_id"], "api", "no_delivery")]
    assert reconcile(handler.account(), LINE, datetime.now(UTC))["found"] == []
    assert ask({"keys": KEYS}, "two")[0] == 200
    assert reconcile(handler.account(), LINE, later)["found"] == []


def test_a_decision_is_found_by_its_id_and_by_its_keys_before_and_after_it_is_compacted(ask: Asking) -> None:
    decided = ask({"keys": KEYS, "at": AT})[1]["decision"]
    later = ask({"keys": KEYS, "at": "2017-12-21"}, "two")[1]["decision"]
    account = handler.account()

    for _ in range(2):
        status, found, _ = ask.read(f"{PATH}/{decided['decision_id']}")
        assert (status, found["prediction"]["score"]) == (200, decided["score"])
        assert (found["delivered"], found["in_force"], found["revisions"]) == (True, True, 1)
        status, found, _ = ask.read(PATH, "keys=household_id=40,campaign_id=8")
        assert (status, found["decision_id"]) == (200, later["decision_id"])
        assert [one["decision_id"] for one in found["others"]] == [decided["decision_id"]]
        expected = described(*one_decision(account, ask.released.line, "household_id=40,campaign_id=8"))
        assert found == json.loads(json.dumps(expected))
        with patch.object(type(account), "ledger_catalog"):
            compact(account, LINE, datetime.now(UTC))
    status, found, _ = ask.read(f"{PATH}/d1-20171220-{'0' * 32}")
    assert (status, found["type"]) == (404, "urn:problem-type:assembly-line:not-found")
