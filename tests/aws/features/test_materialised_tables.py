"""Tables to explore: what the catalog lists can be read, is what a group-by says, and changes a month at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from assembly_line.embedded import glue as embedded_glue
from assembly_line.embedded.glue.spark import environment
from assembly_line.errors import RequestRefused
from assembly_line.features.explore.aggregation import columns_written
from assembly_line.features.explore.spark_tables import StoredMonth
from assembly_line.names import TablesArgument, line_table, tables_prefix
from assembly_line.release import Release
from assembly_line.storage.catalog import Catalog
from assembly_line.storage.objects import ObjectStore
from assembly_line.storage.queries import checked_select
from assembly_line.storage.tables import MadeTable, MonthPut, TableStore
from tests.aws.features.conftest import DATABASE, LINE, PROJECT

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

PROGRAM = Path(__file__).with_name("tables_program.py")
SECONDS = 300
NOW = datetime(2018, 1, 2, 5, tzinfo=UTC)
# The tables of the shipped line in plain SQL over the raw files.
BY_HAND = {
    "spending_by_month": """
        SELECT household_id, CAST(date_trunc('month', timezone('America/New_York', transaction_timestamp)) AS DATE),
            count(DISTINCT basket_id), count(*), sum(sales_value), sum(retail_disc), sum(coupon_disc)
        FROM read_parquet(?) GROUP BY ALL ORDER BY ALL""",
    "redemptions_by_week": """
        SELECT campaign_id, CAST(date_trunc('week', redemption_date) AS DATE), count(*), count(DISTINCT household_id)
        FROM read_parquet(?) GROUP BY ALL ORDER BY ALL""",
}


class Explorer:
    """Reads a table as Athena would: the catalog's partitions, and every object in their folders."""

    def __init__(self, glue: GlueClient, store: ObjectStore, folder: Path) -> None:
        self.glue, self.store, self.folder = glue, store, folder

    def rows(self, table: str, query: str = "SELECT * FROM found ORDER BY ALL") -> list[tuple[Any, ...]]:
        files = []
        for month, location in Catalog(self.glue, DATABASE).partitions(line_table(LINE, table)).items():
            (item,) = self.store.list(self.store.key_of(location))
            files.append(str(self.folder / f"{table}-{month}.parquet"))
            self.store.download(item.key, Path(files[-1]))
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            found = connection.read_parquet(files)  # noqa: F841 - the query names it
            return connection.execute(query).fetchall()

    def keys(self, table: str) -> set[str]:
        return {item.key for item in self.store.list(tables_prefix(LINE, table))}


@pytest.fixture
def explorer(glue: GlueClient, store: ObjectStore, tmp_path: Path) -> Explorer:
    return Explorer(glue, store, tmp_path)


def run_job(arguments: dict[TablesArgument, str], folder: Path) -> str:
    """Run the job twice on a local Spark; what it logged."""
    file = folder / "arguments.json"
    given = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    file.write_text(json.dumps(["--JOB_NAME", "job", *given]), encoding="utf-8")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        **os.environ,
        **environment(folder),
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(Path(embedded_glue.__file__).parent / "runtime")]),
    }
    command = [sys.executable, str(PROGRAM), str(file)]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False)
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


@pytest.mark.usefixtures("steps", "loaded")
def test_the_job_makes_what_a_group_by_says_and_once_only(
    explorer: Explorer, raw: Path, release: Release, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    arguments = {
        TablesArgument.LAKE_BUCKET: "lake",
        TablesArgument.STORE_BUCKET: "store",
        TablesArgument.CONTROL_TABLE: "control",
        TablesArgument.GLUE_DATABASE: DATABASE,
        TablesArgument.LINE: LINE,
        TablesArgument.TABLES: "*",
    }
    run_job(arguments, tmp_path)

    for table in release.line.tables:
        with subtests.test(table.name):
            with duckdb.connect() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                path = str(raw / f"{table.source.name}.parquet")
                expected = connection.execute(BY_HAND[table.name], [path]).fetchall()
            found = explorer.rows(table.name)
            assert len(found) == len(expected) > 50
            for row, wanted in zip(found, expected, strict=True):
                assert close(row, wanted), (row, wanted)
            manifest = explorer.store.read_json(tables_prefix(LINE, table.name) + "manifest.json")
            assert manifest["rows"] == len(expected)
            # The second run found everything as it was.
            assert manifest["replaced"] == []
            assert len(explorer.keys(table.name)) == len(manifest["months"]) + 1


def close(row: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    return all(
        value == pytest.approx(other, rel=1e-9) if isinstance(other, float) else value == other
        for value, other in zip(row, wanted, strict=True)
    )


def stored(store: ObjectStore, month: str, number: int, folder: Path) -> StoredMonth:
    path = folder / "month.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 1::BIGINT AS campaign_id, DATE '{month}-01' AS period_start, {number}::BIGINT AS redemptions"
            f", 1::BIGINT AS households) TO '{path}' (FORMAT parquet)"
        )
    key = MonthPut(store.bucket, LINE, "redemptions_by_week")(month, path)
    return StoredMonth(month=month, key=key, rows=1)


def test_a_month_is_replaced_at_once_and_what_it_replaced_goes_a_day_later(
    explorer: Explorer, store: ObjectStore, glue: GlueClient, release: Release, tmp_path: Path
) -> None:
    (table,) = [one for one in release.line.tables if one.name == "redemptions_by_week"]
    tables = TableStore(store, Catalog(glue, DATABASE))

    def publish(now: datetime, **months: int) -> list[StoredMonth]:
        made = [stored(store, name.replace("m", "2017-"), number, tmp_path) for name, number in months.items()]
        columns = columns_written(table)
        tables.publish(release.line, table, MadeTable(columns=columns, months=made, snapshot=f"{now}"), now=now)
        return made

    count = "SELECT month(period_start), redemptions FROM found ORDER BY ALL"
    first = publish(NOW, m01=1, m02=2)
    assert explorer.rows(table.name, count) == [(1, 1), (2, 2)]
    second = publish(NOW + timedelta(hours=1), m02=20, m03=3)
    assert explorer.rows(table.name, count) == [(2, 20), (3, 3)]
    # A query that began before may still read what is gone from the catalog.
    assert {one.key for one in (*first, *second)} < explorer.keys(table.name)
    third = publish(NOW + timedelta(days=2), m02=2, m03=3)
    assert explorer.rows(table.name, count) == [(2, 2), (3, 3)]
    assert {one.key for one in third} < explorer.keys(table.name)
    assert first[0].key not in explorer.keys(table.name)
    assert second[0].key in explorer.keys(table.name)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE t",
        "SELECT 1; DROP TABLE t",
        "SELECT 1 -- and more",
        "SELECT 1 /* and */ ",
        "INSERT INTO t SELECT 1",
        "",
        "selected",
    ],
)
def test_only_one_select_is_asked(text: str) -> None:
    with pytest.raises(RequestRefused, match="expected one"):
        checked_select(text)


def test_what_stands_in_quotes_is_no_end_of_a_statement() -> None:
    text = "WITH a AS (SELECT ';--' AS \"x;\" ) SELECT * FROM a"

    assert checked_select(f" {text} ; ") == text
