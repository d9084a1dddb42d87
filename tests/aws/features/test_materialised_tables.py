"""Tables to explore: what the catalog lists can be read, is what a group-by says, and changes a month at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from assembly_line import Generated, monthly, wide
from assembly_line.declarations.explore.wide_tables import WideTable
from assembly_line.embedded.glue.spark import RUNTIME, environment
from assembly_line.errors import RequestRefused
from assembly_line.features.explore.planned_tables import planned_table, sources_of_table
from assembly_line.features.explore.spark_months import StoredMonth
from assembly_line.names import TablesArgument, line_table, tables_prefix
from assembly_line.release import Release
from assembly_line.storage.lake.catalog import Catalog
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.lake.tables import MonthPut, TableStore
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.storage.services.queries import checked_select
from tests.aws.features.conftest import DATABASE, LINE, PROJECT

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

PROGRAM = Path(__file__).with_name("tables_program.py")
SECONDS = 600
NOW = datetime(2018, 1, 2, 5, tzinfo=UTC)
# The tables of the shipped line in plain SQL over the raw files.
BY_HAND = {
    "spending_by_month": """
        SELECT household_id, CAST(date_trunc('month', timezone('America/New_York', instant)) AS DATE),
            count(DISTINCT basket_id), count(*), sum(sales_value), sum(retail_disc), sum(coupon_disc)
        FROM (SELECT *, timezone('UTC', transaction_timestamp) AS instant FROM 'transactions.parquet')
        GROUP BY ALL ORDER BY ALL""",
    "redemptions_by_week": """
        SELECT campaign_id, CAST(date_trunc('week', redemption_date) AS DATE), count(*), count(DISTINCT household_id)
        FROM 'coupon_redemptions.parquet' GROUP BY ALL ORDER BY ALL""",
    "household_week": """
        WITH mondays AS (
            SELECT timezone('America/New_York', day) AS as_of
            FROM range(TIMESTAMP '2017-01-02', TIMESTAMP '2018-01-08', INTERVAL 7 DAY) AS days(day)
        ), redeemed AS (
            SELECT household_id, timezone('America/New_York', redemption_date + INTERVAL 1 DAY) AS moment
            FROM 'coupon_redemptions.parquet'
        ), found AS (
            SELECT household_id, as_of, transaction_timestamp AS moment, basket_id, sales_value, coupon_disc,
                moment >= as_of - INTERVAL 720 HOUR AS recent
            FROM 'transactions.parquet', mondays
            WHERE transaction_timestamp < as_of AND transaction_timestamp >= as_of - INTERVAL 2160 HOUR
        ), summed AS (
            SELECT household_id, as_of, sum(sales_value) FILTER (recent) AS spend,
                count(DISTINCT basket_id) FILTER (recent) AS visits,
                (epoch_us(as_of) - max(epoch_us(moment))) / 86400e6 AS since,
                sum(coupon_disc) / nullif(sum(sales_value), 0) AS coupon_share
            FROM found
            WHERE as_of < (SELECT max(moment) FROM redeemed)
                AND as_of < (SELECT max(transaction_timestamp) FROM 'transactions.parquet')
            GROUP BY household_id, as_of
        )
        SELECT household_id, epoch_us(as_of), spend, visits, since, coupon_share,
            (SELECT count(*) FROM redeemed WHERE redeemed.household_id = summed.household_id
                AND redeemed.moment < as_of AND redeemed.moment >= as_of - INTERVAL 8760 HOUR)
        FROM summed ORDER BY ALL""",
    "stated": """
        WITH firsts AS (
            SELECT timezone('America/New_York', day) AS as_of
            FROM range(TIMESTAMP '2017-01-01', TIMESTAMP '2018-01-01', INTERVAL 1 MONTH) AS days(day)
            WHERE as_of >= TIMESTAMPTZ '2017-01-01 00:00:00+00'
        ), redeemed AS (
            SELECT household_id, timezone('America/New_York', redemption_date + INTERVAL 1 DAY) AS moment
            FROM 'coupon_redemptions.parquet'
        )
        SELECT household_id, epoch_us(as_of), age,
            (SELECT count(*) FROM redeemed WHERE redeemed.household_id = stated.household_id
                AND redeemed.moment < as_of AND redeemed.moment >= as_of - INTERVAL 2160 HOUR)
        FROM 'demographics.parquet' AS stated, firsts
        WHERE as_of < (SELECT max(moment) FROM redeemed)
        ORDER BY ALL""",
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
        **environment(folder, brief=True),
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(RUNTIME)]),
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
    explorer: Explorer,
    raw: Path,
    release: Release,
    control: ControlTable,
    subtests: pytest.Subtests,
) -> None:
    # Beside the shipped ones a table of static facts, over a population that no event makes.
    stated = wide(
        "stated",
        population=Generated(
            population=release.line.sources["demographics"], cadence=monthly(on=1, at="00:00", zone="America/New_York")
        ),
        features=("age", "redemptions_90d"),
    )
    line = replace(release.line, tables=(*release.line.tables, stated))
    control.set_current_release(LINE, ReleaseStore(explorer.store).publish(replace(release, line=line)))
    arguments = {
        TablesArgument.LAKE_BUCKET: "lake",
        TablesArgument.STORE_BUCKET: "store",
        TablesArgument.CONTROL_TABLE: "control",
        TablesArgument.GLUE_DATABASE: DATABASE,
        TablesArgument.LINE: LINE,
        TablesArgument.TABLES: "*",
    }
    run_job(arguments, explorer.folder)

    for table in line.tables:
        with subtests.test(table.name):
            with duckdb.connect() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                expected = connection.execute(BY_HAND[table.name].replace("FROM '", f"FROM '{raw}/")).fetchall()
            instants = " REPLACE (epoch_us(as_of) AS as_of)" if isinstance(table, WideTable) else ""
            found = explorer.rows(table.name, f"SELECT *{instants} FROM found ORDER BY ALL")
            assert len(found) == len(expected) > 30
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
    explorer: Explorer, store: ObjectStore, glue: GlueClient, release: Release, loaded: Lake
) -> None:
    (table,) = [one for one in release.line.tables if one.name == "redemptions_by_week"]
    tables = TableStore(store, Catalog(glue, DATABASE))
    planned = planned_table(
        release, table, {name: loaded.snapshot(name) for name in sources_of_table(release.line, table)}
    )

    def publish(now: datetime, **months: int) -> list[StoredMonth]:
        made = [stored(store, name.replace("m", "2017-"), number, explorer.folder) for name, number in months.items()]
        tables.publish(release.line, planned, made, now=now)
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
