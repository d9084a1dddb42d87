"""The ledger keeps the first file of a name, reads in order of day, and carries every character."""

from __future__ import annotations

from assembly_line.canonical import digest_bytes
from assembly_line.delivery import SNS, OutboundMessage, PredictionPointer, write_line
from assembly_line.messages import Prediction
from assembly_line.names import LedgerKind, scoring_prefix
from assembly_line.storage.ledger.ledger import Ledger, in_files
from assembly_line.storage.ledger.scoring_runs import ScoringRun
from assembly_line.storage.services.objects import ObjectStore


def test_the_first_file_of_a_name_is_kept(ledger_objects: ObjectStore) -> None:
    ledger = Ledger(ledger_objects)
    assert ledger.append("churn", LedgerKind.FEEDBACK, "20170701", "a", [{"n": 1}])
    assert not ledger.append("churn", LedgerKind.FEEDBACK, "20170701", "a", [{"n": 2}])
    assert list(ledger.read("churn", LedgerKind.FEEDBACK)) == [{"n": 1}]


def test_reads_in_order_of_day_and_within_bounds(ledger_objects: ObjectStore) -> None:
    ledger = Ledger(ledger_objects)
    days = [f"201707{day:02}" for day in range(1, 29)]
    for day in reversed(days):
        for name in ("b", "a"):
            ledger.append("churn", LedgerKind.OUTCOMES, day, name, [{"day": day, "name": name}])
    ledger.append("other", LedgerKind.OUTCOMES, "20170705", "a", [{"day": "other"}])

    found = [(row["day"], row["name"]) for row in ledger.read("churn", LedgerKind.OUTCOMES)]
    assert found == [(day, name) for day in days for name in ("a", "b")]
    some = ledger.read("churn", LedgerKind.OUTCOMES, since_day="20170703", until_day="20170705")
    assert {row["day"] for row in some} == {"20170703", "20170704"}
    assert list(ledger.read("churn", LedgerKind.DELIVERIES)) == []


def test_line_separators_within_strings_are_carried(ledger_objects: ObjectStore) -> None:
    ledger = Ledger(ledger_objects)
    row = {"text": "one\u2028two\u0085three\nfour\r\x1cfive"}
    ledger.append("churn", LedgerKind.FEEDBACK, "20170701", "a", [row, row])
    assert list(ledger.read("churn", LedgerKind.FEEDBACK)) == [row, row]


def test_a_prediction_too_large_for_a_message_lies_beside_the_outbox(store: ObjectStore) -> None:
    prediction = Prediction.model_validate(
        {
            "line": "churn",
            "decision_id": "d1-20170808-" + "0" * 32,
            "revision": 1,
            "decision_time": "2017-08-08T00:00:00Z",
            "keys": {"name": "é" * 150_000},
            "score": 0.5,
            "action": "leave",
            "propensity": 1.0,
            "arm": "champion",
            "policy_version": 1,
            "model": {"run_id": "r", "digest": "0" * 64},
            "batch": "b",
            "issued_at": "2017-08-08T00:00:00Z",
            "expires_at": "2017-09-08T00:00:00Z",
        }
    )
    run = ScoringRun(store, "churn", "run-1")
    line = write_line(OutboundMessage(prediction.decision_id, 1, prediction.to_json(), {"action": "leave"}))
    (shard,) = run.write_messages(lambda _: [[line]], [SNS]).shards

    (message,) = run.outbox.messages(shard)
    pointer = PredictionPointer.from_json(message.body)
    content = store.read(store.key_of(pointer.uri))
    assert Prediction.from_json(content) == prediction
    assert (pointer.digest, pointer.size) == (digest_bytes(content), len(content))
    assert pointer.uri == store.uri(f"{scoring_prefix('churn', 'run-1')}bodies/{prediction.decision_id}.json")
    assert message.attributes == {"action": "leave", "schema": "assembly-line/prediction-pointer"}


def test_a_body_of_exactly_the_limit_travels_by_itself(store: ObjectStore) -> None:
    run = ScoringRun(store, "churn", "run-1")
    fits, over = (OutboundMessage("d1-20170808-" + "0" * 32, 1, '"' * (SNS.largest_body + more), {}) for more in (0, 1))
    (shard,) = run.write_messages(lambda _: [[write_line(fits), write_line(over)]], [SNS]).shards

    first, second = run.outbox.messages(shard)
    assert first == fits
    assert PredictionPointer.from_json(second.body).size == SNS.largest_body + 1


def test_rows_of_a_large_batch_come_in_several_files_and_again_in_the_same(ledger_objects: ObjectStore) -> None:
    ledger = Ledger(ledger_objects)
    every = [b'{"n":%d}' % number for number in range(25_500)]
    lines = [every[start : start + 1000] for start in range(0, len(every), 1000)]
    for _ in range(2):
        ledger.append_lines("churn", LedgerKind.OUTCOMES, "20170701", "run-1", lines)
    ledger.append_lines("churn", LedgerKind.OUTCOMES, "20170701", "run-10", [[b'{"n":-1}']])

    names = ledger.names("churn", LedgerKind.OUTCOMES, "20170701")
    assert set(names) == {"run-1", "run-1.000001", "run-1.000002", "run-10"}
    files = [ledger.read_file("churn", LedgerKind.OUTCOMES, "20170701", name) for name in sorted(names, key=len)]
    assert [[row["n"] for row in files[0]][:2], len(files[0])] == [[0, 1], 10_000]
    assert sorted(row["n"] for row in ledger.read("churn", LedgerKind.OUTCOMES)) == list(range(-1, 25_500))


def test_a_file_of_large_rows_ends_before_it_is_full_of_rows() -> None:
    large = [[b"x" * 1000] * 1000] * 40
    pieces = list(in_files(large))
    assert [len(piece) for piece in pieces] == [10_000] * 4
    larger = [[b"x" * 10_000] * 1000] * 4
    assert [len(piece) for piece in in_files(larger)] == [2000, 2000]
