"""The ledger keeps the first file of a name, reads in order of day, and carries every character."""

from __future__ import annotations

from assembly_line.delivery.channels import SNS
from assembly_line.delivery.outbox import PredictionPointer
from assembly_line.messages import Prediction
from assembly_line.names import LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
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
    (shard,) = run.write_messages([prediction], [SNS]).shards

    (message,) = run.outbox.messages(shard)
    pointer = PredictionPointer.from_json(message.body)
    assert Prediction.from_json(store.read(store.key_of(pointer.uri))) == prediction
