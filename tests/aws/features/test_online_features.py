"""Published and asked for: the shipped line's features through the step and the API, equal to a dataset's."""

from __future__ import annotations

import io
import json
import logging
import sys
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.connectors import reader_of
from assembly_line.environments import ApiEnvironment, OnlineEnvironment
from assembly_line.errors import Conflict, NotFound, SendingFailed
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.online.generations import Generation
from assembly_line.features.online.packing import packed, unpacked
from assembly_line.features.online.preparing import EntityItem
from assembly_line.features.values.columns import column_of
from assembly_line.features.values.plain_values import plain_values, rounds, same, shown
from assembly_line.instants import format_instant, from_micros
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.lake.online_table import OnlineTable, Publication
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.api import handler as api
from lambdas.online import handler
from tests.aws.features.conftest import LINE, Context, Steps
from tests.aws.features.online_world import TABLE, new_online_table
from tests.aws.feedback.conftest import request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

SCIENTIST = "arn:aws:sts::123456789012:assumed-role/Scientist/anna"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def dynamodb(aws: None) -> DynamoDBServiceResource:
    return new_online_table()


@pytest.fixture
def table(dynamodb: DynamoDBServiceResource) -> OnlineTable:
    return OnlineTable(dynamodb, TABLE, pause=lambda _seconds: None)


@pytest.fixture
def ask(steps: Steps, loaded: Lake, store: ObjectStore, table: OnlineTable) -> Iterator[Ask]:
    """Ask the API about the line, which is released and loaded; nothing is published yet."""
    contracts = (
        OnlineEnvironment(
            assembly_environment="test",
            lake_bucket="lake",
            store_bucket=store.bucket,
            control_table="control",
            online_table=TABLE,
            online_days="14",
            memory_mib="3008",
        ),
        ApiEnvironment(
            assembly_environment="test",
            account_id="123456789012",
            store_bucket=store.bucket,
            control_table="control",
            champion_table="champions",
            online_table=TABLE,
            feedback_queue_url="https://queue",
            training_machine_arn="arn:training",
            dataset_machine_arn="arn:dataset",
            explain_function="explain",
            champions_function="champions",
            event_bus="bus",
        ),
    )
    account_of.cache_clear()

    def call(body: Any, line: str = LINE, who: str | None = SCIENTIST) -> tuple[int, dict[str, Any]]:
        answer = api.handle(request("POST", f"/lines/{line}/features", body, who), Context())  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"])

    with pytest.MonkeyPatch.context() as patch:
        for contract in contracts:
            for variable, value in contract.to_variables().items():
                patch.setenv(variable, value)
        yield call
    account_of.cache_clear()


def publish(**given: Any) -> dict[str, Any]:
    return handler.publish({"line": LINE, **given}, Context())  # type: ignore[arg-type]


def test_an_answer_is_what_the_dataset_has_for_that_decision(
    ask: Ask, steps: Steps, store: ObjectStore, release: Release, tmp_path: Path
) -> None:
    period = {"purpose": "scoring", "as_of": "2018-01-02", "from": "2017-06-01", "to": "2018-01-01"}
    built = steps.build(steps.plan(**period))
    store.download(built["data_key"], tmp_path / "data.parquet")
    dataset = read_dataset(tmp_path / "data.parquet")
    rows = {name: plain_values(column) for name, column in dataset.items()}
    published = publish(**{"from": "2017-06-01"})

    for place in range(0, built["rows"], max(1, built["rows"] // 25)):
        at = format_instant(from_micros(rows["decision_time"][place]))
        keys = {name: rows[name][place] for name in release.line.decision.keys}
        status, answer = ask({"keys": keys, "at": at})

        assert (status, answer["generation"], answer["at"]) == (200, published["generation"], at)
        for name in release.line.features:
            expected = shown(rows[name][place], dataset[name].kind)
            assert same(answer["values"][name], expected, rounded=rounds(release.line, name)), name
    assert answer["known_until"] <= "2018-01-02"
    assert set(answer["sources"]) == {
        "transactions",
        "coupon_redemptions",
        "campaign_descriptions",
        "demographics",
    }


def test_what_was_loaded_meanwhile_is_seen_once_it_is_published(
    ask: Ask, lake: Lake, release: Release, raw: Path
) -> None:
    publish()
    question = {"keys": {"household_id": 40}, "features": ["visits_90d"], "at": "2018-01-01"}
    before = ask(question)[1]
    lake.load(release.line.sources["transactions"], reader_of("parquet", fewer_transactions(raw)))
    unpublished = ask(question)[1]
    publish()
    after = ask(question)[1]

    assert before["values"] == unpublished["values"] != after["values"]
    assert before["generation"] == unpublished["generation"] != after["generation"]
    assert before["sources"]["transactions"]["snapshot"] != after["sources"]["transactions"]["snapshot"]


def fewer_transactions(raw: Path) -> Path:
    import pyarrow.parquet as pq

    path = raw.parent / "fewer" / "transactions.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pq.read_table(raw / "transactions.parquet").slice(0, 100), path)
    return path


WRONG: list[tuple[Any, str]] = [
    ({"keys": {"household_id": "1"}, "features": ["age"]}, "keys.household_id: '1' is not of type int64"),
    ({"keys": {"household_id": True}, "features": ["age"]}, "keys.household_id: True"),
    ({"keys": {"household_id": 2**63}, "features": ["age"]}, "is not of type int64"),
    ({"keys": {"household": 1}}, "not by household"),
    ({"keys": {"household_id": 1}}, "campaign_id is missing"),
    ({"keys": {"household_id": 1}, "features": ["nothing"]}, "no feature 'nothing'"),
    ({"keys": {"household_id": 1}, "features": ["age"], "at": "2017-01-01"}, "line features publish --from"),
    ({"keys": {"household_id": 1}, "features": ["age"], "at": "2017-12-01T10:00"}, "has no zone"),
    ({"keys": {"household_id": 1}, "line": LINE}, "line: unknown field"),
    ("[]", "expected a JSON object"),
]


def test_questions_that_need_no_history_and_questions_that_are_refused(ask: Ask, subtests: pytest.Subtests) -> None:
    with subtests.test("a line that was never published says how to"):
        status, answer = ask({"keys": {"household_id": 1}})
        assert (status, f"line features publish {LINE}" in answer["error"]) == (404, True)
    first, second = publish(), publish()
    with subtests.test("publishing the same again writes nothing"):
        assert first["items"] > 100
        assert (second["items"], second["exists"], second["generation"]) == (0, True, first["generation"])
    with subtests.test("an unknown entity and a null have the values of one without history"):
        names = ["spend_30d", "visits_30d", "age"]
        for household in (-1, None):
            status, answer = ask({"keys": {"household_id": household}, "features": names})
            assert (status, answer["values"]) == (200, {"spend_30d": None, "visits_30d": 0, "age": None})
    with subtests.test("a caller whom nobody vouches for gets nothing"):
        assert ask({"keys": {"household_id": 1}}, who=None)[0] == 401
    for body, named in WRONG:
        with subtests.test(named):
            status, answer = ask(body)
            assert (status, named in answer["error"]) == (400, True), answer
    with subtests.test("nothing about whom was asked is logged"):
        assert "9876543210" not in logged(lambda: ask({"keys": {"household_id": 9_876_543_210}, "features": ["age"]}))


def logged(act: Callable[[], object]) -> str:
    written, stream = io.StringIO(), api.logger.registered_handler
    assert isinstance(stream, logging.StreamHandler)
    before = stream.setStream(written)
    act()
    stream.setStream(before or sys.stdout)
    return written.getvalue()


def generation(number: int) -> Generation:
    return Generation(line="a_line", release=f"{number:064}", served_from=0, sources={})


def publication(number: int) -> Publication:
    return Publication(generation=generation(number), published_at=NOW, valid_until=NOW + timedelta(days=14))


def test_of_two_publications_at_once_the_first_stays(table: OnlineTable) -> None:
    table.put_in_force(publication(1), instead_of=None)
    table.put_in_force(publication(2), instead_of=publication(1))

    with pytest.raises(Conflict, match="another publication"):
        table.put_in_force(publication(3), instead_of=publication(1))
    with pytest.raises(Conflict):
        table.put_in_force(publication(3), instead_of=None)
    assert table.in_force("a_line", now=NOW) == publication(2)


def test_what_was_kept_too_long_is_not_read(table: OnlineTable) -> None:
    table.put_in_force(publication(1), instead_of=None)

    with pytest.raises(NotFound, match="line features publish a_line"):
        table.in_force("a_line", now=NOW + timedelta(days=14))


def test_what_the_table_left_undone_is_asked_for_again(
    dynamodb: DynamoDBServiceResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    table = OnlineTable(dynamodb, TABLE, pause=pauses.append)
    items = [EntityItem(key=f"k{n}", chunk=0, chunks=1, snapshot="s", content=b"%d" % n) for n in range(7)]
    whole_write, whole_read = dynamodb.batch_write_item, dynamodb.batch_get_item

    def write_three(RequestItems: Any) -> Any:  # noqa: N803
        done, left = RequestItems[TABLE][:3], RequestItems[TABLE][3:]
        whole_write(RequestItems={TABLE: done})
        return {"UnprocessedItems": {TABLE: left} if left else {}}

    def read_two(RequestItems: Any) -> Any:  # noqa: N803
        asked = RequestItems[TABLE]
        some: Any = {TABLE: {**asked, "Keys": asked["Keys"][:2]}}
        answer = whole_read(RequestItems=some)
        left = asked["Keys"][2:]
        return {**answer, "UnprocessedKeys": {TABLE: {**asked, "Keys": left}} if left else {}}

    monkeypatch.setattr(dynamodb, "batch_write_item", write_three)
    monkeypatch.setattr(dynamodb, "batch_get_item", read_two)

    assert table.write(items, expires_at=NOW) == 7
    assert table.read([*(item.key for item in items), "unknown"]) == {item.key: [item.content] for item in items}
    assert len(pauses) == 2 + 3
    monkeypatch.setattr(dynamodb, "batch_write_item", lambda RequestItems: {"UnprocessedItems": RequestItems})  # noqa: N803
    with pytest.raises(SendingFailed):
        table.write(items, expires_at=NOW)


def test_packed_columns_come_back_as_they_were() -> None:
    columns = {
        "i": column_of("int64", [2**63 - 1, -(2**63), None]),
        "x": column_of("float64", [float("nan"), float("-inf"), 0.1]),
        "s": column_of("string", ["", "\U0001f600é", None]),
        "b": column_of("boolean", [True, None, False]),
        "d": column_of("decimal(9,2)", [10, None, -1234567]),
    }
    kinds = {name: column.kind for name, column in columns.items()}

    found = unpacked(packed(columns), kinds)

    assert {name: repr(plain_values(column)) for name, column in found.items()} == {
        name: repr(plain_values(column)) for name, column in columns.items()
    }
    for damaged in (b"", b"\2rest", b"\1rest", packed(columns)[:-3], b"\1" + zlib.compress(b"\3\0\0\0\0")):
        with pytest.raises(ValueError, match="packed columns"):
            unpacked(damaged, kinds)
    with pytest.raises(ValueError, match="left over"):
        unpacked(packed(columns), {"i": "int64"})
