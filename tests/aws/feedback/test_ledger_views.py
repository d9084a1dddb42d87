"""The views for BI tools: what the catalog holds, run by DuckDB over the tables that a compaction wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from assembly_line.errors import Conflict
from assembly_line.features import parquet_rows
from assembly_line.ledger import JSON_FUNCTION, views_of
from assembly_line.names import LedgerKind
from assembly_line.storage import query_of
from assembly_line.storage.lake.catalog_views import CatalogView, put_view
from assembly_line.storage.ledger.ledger import Ledger
from lambdas.account import account_of
from lambdas.ledger import handler

LINE = "coupon_redemption"
DATABASE = "line"
DOCUMENT = Path(__file__).parents[3] / "docs" / "ledger.md"
FIRST, SECOND, THIRD = (f"d1-{day}-{number:032x}" for number, day in enumerate(("20170808", "20170808", "20170904")))
HIVE = {"VARCHAR": "string", "BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean", "DATE": "date"}
Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def function(environment: None, released: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLUE_DATABASE", DATABASE)
    account_of.cache_clear()
    boto3.client("glue").create_database(DatabaseInput={"Name": DATABASE})


@pytest.fixture
def views(function: None, ledger: Ledger, lambda_context: Any, tmp_path: Path) -> Iterator[Connection]:
    """A connection that has the table of decisions and both views by their names in the catalog."""
    for identifier, action, explored in ((FIRST, "remind", False), (SECOND, "leave", True), (THIRD, "leave", False)):
        day = identifier[3:11]
        ledger.append(LINE, LedgerKind.PREDICTIONS, day, action, [_prediction(identifier, action, explored)])
        delivered = {"decision_id": identifier, "revision": 1, "status": "delivered", "at": _at(day, hour=5)}
        ledger.append(LINE, LedgerKind.DELIVERIES, day, action, [delivered])
    outcome = {"decision_id": FIRST, "value": 1, "mature_at": _at("20170924"), "as_of": "2017-12-01", "run_id": "r"}
    ledger.append(LINE, LedgerKind.OUTCOMES, "20170808", "r", [outcome])
    handler.compact({}, lambda_context)

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _table(connection, tmp_path)
        for name in ("report", "report_by_day"):
            query = query_of(_described(name)).replace(*JSON_FUNCTION)
            connection.execute(f"CREATE VIEW {LINE}_ledger_{name} AS {query}")
        yield connection


def test_a_decision_has_instants_days_numbers_and_its_keys_as_columns(views: Connection) -> None:
    views.execute(f"SELECT * FROM {LINE}_ledger_report ORDER BY decision_id")
    names = [one[0] for one in views.description or ()]
    first, second, third = (dict(zip(names, row, strict=True)) for row in views.fetchall())

    assert first["decision_day"] == date(2017, 8, 8)
    assert first["decision_time"] == datetime(2017, 8, 8, 4)  # noqa: DTZ001 - in UTC, without a zone
    assert (first["household_id"], first["campaign_id"]) == (7, 18)
    assert (first["recommended"], first["outcome_value"], first["outcome_class"]) == ("remind", 1.0, None)
    assert first["outcome_known_at"] == datetime(2017, 9, 24, 4)  # noqa: DTZ001
    assert first["in_force"] is True
    assert (second["explored"], second["outcome_value"], second["outcome_known_at"]) == (True, None, None)
    assert third["decision_day"] == date(2017, 9, 4)


def test_days_are_summed_by_action_and_arm_and_every_query_of_the_documentation_runs(views: Connection) -> None:
    rows = views.execute(
        "SELECT decision_day, recommended, decisions, delivered, in_force, outcomes, outcome_mean "
        f"FROM {LINE}_ledger_report_by_day ORDER BY decision_day, recommended"
    ).fetchall()

    assert rows == [
        (date(2017, 8, 8), "leave", 1, 1, 1, 0, None),
        (date(2017, 8, 8), "remind", 1, 1, 1, 1, 1.0),
        (date(2017, 9, 4), "leave", 1, 1, 1, 0, None),
    ]
    queries = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) >= 4
    for query in queries:
        assert views.execute(query).fetchall(), query


def test_the_catalog_says_the_columns_that_the_queries_give(views: Connection) -> None:
    for name in ("report", "report_by_day"):
        described = _described(name)
        columns = described["StorageDescriptor"]["Columns"]
        found = views.execute(f"DESCRIBE SELECT * FROM {LINE}_ledger_{name}").fetchall()
        assert [(one["Name"], one["Type"]) for one in columns] == [(one[0], _hive(one[1])) for one in found]
        assert all(one["Comment"] for one in columns)
        assert described["TableType"] == "VIRTUAL_VIEW"


def test_a_key_that_has_the_name_of_a_column_gets_another_one() -> None:
    decisions, _ = views_of({"Score": "string", "shop": "boolean"})
    names = [one.name for one in decisions.columns]
    assert names[3:5] == ['"key_score"', '"shop"']
    assert len(set(names)) == len(names)


@pytest.mark.usefixtures("function")
def test_a_table_of_the_name_stays() -> None:
    glue = boto3.client("glue")
    glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "taken", "TableType": "EXTERNAL_TABLE"})
    with pytest.raises(Conflict, match="taken: the Glue catalog has a table of this name; expected a view"):
        put_view(glue, DATABASE, CatalogView(name="taken", description="", columns={}, sql="SELECT 1"))


def _prediction(identifier: str, action: str, explored: bool) -> dict[str, Any]:
    day = identifier[3:11]
    return {
        "decision_id": identifier,
        "revision": 1,
        "decision_time": _at(day),
        "keys": {"household_id": 7, "campaign_id": 18},
        "score": 0.25,
        "action": action,
        "arm": "policy",
        "explored": explored,
        "issued_at": _at(day),
        "expires_at": _at("20170906"),
        "prior": 0.25,
    }


def _hive(kind: str) -> str:
    return "timestamp" if kind.startswith("TIMESTAMP") else HIVE[kind]


def _at(day: str, hour: int = 4) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour:02}:00:00.000000Z"


def _described(name: str) -> dict[str, Any]:
    found = boto3.client("glue").get_table(DatabaseName=DATABASE, Name=f"{LINE}_ledger_{name}")
    return dict(found["Table"])


def _table(connection: Connection, folder: Path) -> None:
    """The table of decisions from its partitions, as Athena reads it."""
    name, s3, parts = f"{LINE}_ledger_decisions", boto3.client("s3"), []
    for one in boto3.client("glue").get_partitions(DatabaseName=DATABASE, TableName=name)["Partitions"]:
        bucket, _, prefix = one["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
        (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
        path = folder / f"{one['Values'][0]}.parquet"
        s3.download_file(bucket, key, str(path))
        parts.append(f"SELECT '{one['Values'][0]}' AS day, * FROM {parquet_rows([path])}")
    connection.execute(f"CREATE VIEW {name} AS {' UNION ALL BY NAME '.join(parts)}")
