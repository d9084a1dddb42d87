"""The function that makes tables of the ledger: one line or all, and none keeps the others from it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from assembly_line.errors import RunFailed
from assembly_line.line_metrics import BY_LEDGER
from assembly_line.names import LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.ledger import handler
from tests.emitted import emitted

LINE = "coupon_redemption"
DECISION = f"d1-20170808-{1:032x}"
OUTCOME = {"decision_id": DECISION, "value": 1, "mature_at": None, "as_of": "2017-12-01", "run_id": "r"}


@pytest.fixture(autouse=True)
def function(environment: None, released: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLUE_DATABASE", "line")
    account_of.cache_clear()
    boto3.client("glue").create_database(DatabaseInput={"Name": "line"})


def test_every_released_line_becomes_tables(ledger: Ledger, lambda_context: Any) -> None:
    ledger.append(LINE, LedgerKind.OUTCOMES, "20170808", "r", [OUTCOME])

    answer = handler.compact({}, lambda_context)
    again = handler.compact({"line": LINE}, lambda_context)

    assert answer == {"lines": {LINE: {"files": 1, "days": 1, "generation": 1, "differences": 0}}}
    assert again == {"lines": {LINE: {"files": 0, "days": 0, "generation": 1, "differences": 0}}}
    table = boto3.client("glue").get_table(DatabaseName="line", Name="coupon_redemption_ledger_outcomes")["Table"]
    assert "mature_at" in {column["Name"] for column in table["StorageDescriptor"]["Columns"]}


def test_a_line_that_cannot_be_compacted_is_named_and_changes_nothing(
    ledger: Ledger, ledger_objects: ObjectStore, lambda_context: Any
) -> None:
    ledger.append(LINE, LedgerKind.OUTCOMES, "20170808", "r", [{**OUTCOME, "value": None}])

    with pytest.raises(RunFailed, match=f"line {LINE}: .*value"):
        handler.compact({}, lambda_context)

    assert [one.key for one in ledger_objects.list("")] == [f"ledger/{LINE}/outcomes/day=20170808/r.jsonl"]


def test_it_emits_the_latest_performance_and_how_many_outcomes_are_certain(
    ledger: Ledger, lambda_context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [f"d1-20170808-{number:032x}" for number in range(5)]
    # The scores order the outcomes right in three of four pairs.
    for kind, rows in {
        LedgerKind.PREDICTIONS: [
            _prediction(one, score) for one, score in zip(ids, (0.9, 0.3, 0.5, 0.1, 0.7), strict=True)
        ],
        LedgerKind.DELIVERIES: [{"decision_id": one, "revision": 1, "status": "delivered"} for one in ids],
        LedgerKind.OUTCOMES: [
            {**OUTCOME, "decision_id": one, "value": value} for one, value in zip(ids, (1, 1, 0, 0), strict=False)
        ],
    }.items():
        ledger.append(LINE, kind, "20170808", "r", rows)

    handler.compact({}, lambda_context)

    found = emitted(capsys.readouterr().out, line="assembly-line-embedded-coupon-redemption")
    assert {name for name, _ in found} == {metric.name for metric in BY_LEDGER}
    assert found == {
        ("OutcomeCoverage", None): [80.0],
        ("Performance", None): [0.75],
        ("DeliveryDifferences", None): [0.0],
    }


def test_a_line_without_decisions_has_no_performance(lambda_context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    handler.compact({}, lambda_context)
    found = emitted(capsys.readouterr().out, line="assembly-line-embedded-coupon-redemption")
    assert found == {("DeliveryDifferences", None): [0.0]}


def _prediction(identifier: str, score: float) -> dict[str, Any]:
    return {
        "decision_id": identifier,
        "revision": 1,
        "decision_time": "2017-08-08T00:00:00.000000Z",
        "keys": {"household_id": int(identifier[-1], 16), "campaign_id": 18},
        "score": score,
        "action": "leave",
        "prior": 0.25,
    }
