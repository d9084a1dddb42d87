"""A line that also delivers files: parts that never change, a manifest and a success marker last, a folder a day."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assembly_line.canonical import digest_bytes
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.delivery.files import rendered
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.errors import ScoringFailed
from assembly_line.messages import Batch, Prediction
from assembly_line.names import LedgerKind, delivered_prefix
from assembly_line.release import Release
from assembly_line.storage.models.releases import ReleaseStore
from tests.aws.delivery.scoring_run import LINE, Faults, Scoring, households, published

# Of the business clock, not of the day on which the run really happens.
DAY = "20170808"


@pytest.fixture
def with_files(scoring: Scoring, shipped: Release, monkeypatch: pytest.MonkeyPatch) -> Scoring:
    monkeypatch.setenv("OUTBOX_SHARD_MESSAGES", "8")
    delivery = replace(shipped.line.delivery, files=("jsonl", "csv"))
    line = replace(shipped, line=replace(shipped.line, delivery=delivery))
    scoring.control.set_current_release(LINE, ReleaseStore(scoring.store).publish(line))
    return scoring


def files(scoring: Scoring) -> dict[str, bytes]:
    folder = delivered_prefix(LINE, DAY, scoring.run_id)
    return {stored.key.removeprefix(folder): scoring.store.read(stored.key) for stored in scoring.store.list(folder)}


def sent_in_shards(scoring: Scoring, count: int) -> dict[str, Any]:
    numbers = published(scoring, households(count))
    for pointer in numbers["shards"]:
        scoring.send(pointer["channel"], pointer["number"])
    return numbers


def test_files_hold_the_messages_of_the_topic_and_say_so_last(with_files: Scoring) -> None:
    numbers = sent_in_shards(with_files, 20)
    assert set(files(with_files)) == {
        f"part-{number:06d}-000000.{form}" for number in range(3) for form in ("jsonl", "csv")
    }
    report = with_files.deliver(numbers)

    found = files(with_files)
    assert report["files_uri"] == with_files.store.uri(delivered_prefix(LINE, DAY, with_files.run_id))
    assert report["channels"] == {name: {"delivered": 20, "dead_lettered": 0} for name in ("files", "sns")}
    assert found.pop("_SUCCESS") == b""
    manifest = json.loads(found.pop("manifest.json"))
    assert {one["name"]: (one["bytes"], one["digest"]) for one in manifest["files"]} == {
        name: (len(content), digest_bytes(content)) for name, content in found.items()
    }
    assert (manifest["line"], manifest["run_id"], manifest["schema"]) == (
        LINE,
        with_files.run_id,
        "assembly-line/delivered-files",
    )
    bodies = [
        line for name, content in sorted(found.items()) if name.endswith("jsonl") for line in content.splitlines()
    ]
    assert [Prediction.from_json(body).decision_id for body in bodies] == [row.decision_id for row in households(20)]
    assert sorted(map(json.loads, bodies), key=str) == sorted((one["body"] for one in with_files.received()), key=str)
    channels = {row["channel"] for row in with_files.ledger.read(LINE, LedgerKind.DELIVERIES)}
    assert channels == {"sns", "files"}
    tables = [
        list(csv.DictReader(StringIO(content.decode("utf-8-sig"))))
        for name, content in sorted(found.items())
        if name.endswith("csv")
    ]
    assert [row["decision_id"] for table in tables for row in table] == [row.decision_id for row in households(20)]


def test_a_batch_that_is_not_whole_has_no_success_marker(with_files: Scoring, faults: Faults) -> None:
    numbers = published(with_files, households(20))

    def denied(_: int, entries: list[dict[str, Any]]) -> None:
        raise ClientError({"Error": {"Code": "KMSAccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "x")  # type: ignore[typeddict-item]

    faults(denied)
    with pytest.raises(ScoringFailed, match="3 shards of the outbox were not sent"):
        with_files.deliver(numbers)
    before = files(with_files)
    assert "_SUCCESS" not in before and "manifest.json" not in before
    assert len(before) == 6

    faults(lambda *_: None)
    with_files.deliver(numbers)
    after = files(with_files)
    assert "_SUCCESS" in after
    assert {name: after[name] for name in before} == before


def test_a_whole_batch_is_announced_once_to_those_who_ask_for_batches(with_files: Scoring) -> None:
    both = with_files.subscribed(Subscriber(name="lake", receives="both"))
    batches = with_files.subscribed(Subscriber(name="warehouse", receives="batches", where={"action": ("remind",)}))
    report = with_files.deliver(sent_in_shards(with_files, 20))

    (announced,) = with_files.received(batches)
    batch = Batch.from_values(announced["body"])
    bucket, _, key = batch.manifest_uri.removeprefix("s3://").partition("/")
    content = with_files.store.read(key)
    assert batch.manifest_uri == f"{report['files_uri']}manifest.json"
    assert (bucket, batch.manifest_digest) == (with_files.store.bucket, digest_bytes(content))
    assert (batch.predictions, batch.files, batch.batch) == (20, 6, with_files.run_id)
    said = {name: value["StringValue"] for name, value in announced["attributes"].items()}
    assert said == {"schema": "assembly-line/batch", "version": "1", "line": LINE}
    schemas = Counter(one["body"]["schema"] for one in with_files.received(both))
    assert schemas == {"assembly-line/prediction": 20, "assembly-line/batch": 1}
    assert {one["body"]["schema"] for one in with_files.received()} == {"assembly-line/prediction"}


def test_a_withheld_or_unfinished_batch_is_not_announced(with_files: Scoring, faults: Faults) -> None:
    batches = with_files.subscribed(Subscriber(name="warehouse", receives="batches"))
    with_files.deliver(published(with_files, households(5), as_of="2017-09-01T00:00:00Z"))
    assert with_files.received(batches) == []


def test_delivering_again_writes_no_file_anew(with_files: Scoring) -> None:
    numbers = sent_in_shards(with_files, 12)
    report = with_files.deliver(numbers)
    prefix = delivered_prefix(LINE)
    before = [version.version for version in with_files.store.versions(prefix)]
    assert with_files.deliver(numbers) == report
    assert [version.version for version in with_files.store.versions(prefix)] == before


def test_a_small_batch_is_written_in_one_call(with_files: Scoring) -> None:
    numbers = published(with_files, households(5))
    assert numbers["in_one_call"] is True
    report = with_files.deliver(numbers)
    assert report["channels"]["files"] == {"delivered": 5, "dead_lettered": 0}
    assert set(files(with_files)) == {"_SUCCESS", "manifest.json", "part-000000-000000.jsonl", "part-000000-000000.csv"}


def test_a_run_that_is_withheld_leaves_no_file(with_files: Scoring) -> None:
    # It knows more than the instant that it declares.
    numbers = published(with_files, households(5), as_of="2017-09-01T00:00:00Z")
    report = with_files.deliver(numbers)
    assert (report["withheld"], report["offered"], "files_uri" in report) == (5, 0, False)
    assert list(with_files.store.list(delivered_prefix(LINE))) == []


def test_a_batch_of_which_nothing_can_be_sent_is_whole_all_the_same(with_files: Scoring) -> None:
    # Every action has expired by then.
    report = with_files.deliver(published(with_files, households(2), at="2017-09-05T04:00:00Z", to="2017-09-06"))
    assert (report["quarantined"], report["channels"]["files"]["delivered"]) == (2, 0)
    folder = delivered_prefix(LINE, "20170905", with_files.run_id)
    names = [stored.key.removeprefix(folder) for stored in with_files.store.list(folder)]
    assert names == ["_SUCCESS", "manifest.json"]


def message(**changes: Any) -> OutboundMessage:
    body = {
        "decision_id": "d-1",
        "decision_time": "2017-08-08T00:00:00Z",
        "keys": {"household_id": 7},
        "action": "remind",
        "score": -0.5,
        "revision": 3,
        **changes,
    }
    return OutboundMessage("d-1", 3, json.dumps(body), {})


def test_a_table_computes_nothing_in_a_spreadsheet() -> None:
    formula = '=HYPERLINK("http://x","y")'
    content = rendered([message(keys={"name": formula, "score": "+1"}, detail={"kind": "rank"})], "csv")
    assert content.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""))
    assert row["name"] == f"'{formula}"
    # A key that is called like another column stands apart from it; a number stays one.
    assert (row["keys.score"], row["score"]) == ("'+1", "-0.5")
    assert row["detail"] == '{"kind": "rank"}'
    assert row["propensity"] == ""


def test_rows_with_other_keys_stand_in_one_table() -> None:
    content = rendered([message(), message(keys={"store": "ä;b,\n"})], "csv")
    rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))
    assert [(row["household_id"], row["store"]) for row in rows] == [("7", ""), ("", "ä;b,\n")]
