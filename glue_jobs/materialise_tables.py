"""Glue entry point: a line's declared tables, from the snapshots in force into the catalog. No logic lives here."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assembly_line.declarations.lines import Line
from assembly_line.errors import NotFound
from assembly_line.features import materialise, planned_table, sources_of_table
from assembly_line.names import EVERY_TABLE, TablesArgument
from assembly_line.storage import LakeFetch, MonthPut, account_of_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assembly_line.declarations.explore.wide_tables import Table

logger = logging.getLogger("materialise_tables")


def main(arguments: Mapping[str, str], spark: SparkSession | None = None) -> None:
    """Materialise the tables named in TABLES (separated by commas, or `*`) whose sources or declarations changed.

    Args:
        arguments: values of `TablesArgument`.
        spark: a session to use; the job's own if None.
    """
    account = account_of_job(arguments)
    release = account.released.release(arguments[TablesArgument.LINE])
    line = release.line
    for declared in _chosen(line, arguments[TablesArgument.TABLES]):
        snapshots = {name: account.lake.snapshot(name) for name in sources_of_table(line, declared)}
        table = planned_table(release, declared, snapshots)
        found = account.tables.find(line.name, table.name)
        if found is not None and found["definition"] == table.definition:
            logger.info("table %s: %d rows are up to date", table.name, found["rows"])
            continue
        fetch = LakeFetch(arguments[TablesArgument.LAKE_BUCKET])
        put = MonthPut(arguments[TablesArgument.STORE_BUCKET], line.name, table.name)
        months = materialise(table.work, spark or _session(), fetch=fetch, put=put, scripts=release.scripts)
        written = account.tables.publish(line, table, months, now=datetime.now(UTC))
        logger.info("table %s: %d rows in %d months", table.name, written["rows"], len(months))


def _chosen(line: Line, names: str) -> list[Table]:
    if names == EVERY_TABLE:
        return list(line.tables)
    declared = {table.name: table for table in line.tables}
    unknown = [name for name in names.split(",") if name not in declared]
    if unknown:
        raise NotFound(
            f"TABLES: line {line.name} has no table {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(declared) or 'none'}"
        )
    return [declared[name] for name in names.split(",")]


def _session() -> SparkSession:
    from pyspark.sql import SparkSession

    return SparkSession.builder.appName("materialise-tables").config("spark.sql.session.timeZone", "UTC").getOrCreate()


if __name__ == "__main__":
    from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # exists only inside Glue

    main(getResolvedOptions(sys.argv, [str(argument) for argument in TablesArgument]))
