"""The function that makes tables of the ledger: one line or all, and none keeps the others from it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from assembly_line.errors import RunFailed
from assembly_line.names import LedgerKind
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.ledger import handler

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
