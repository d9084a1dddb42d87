"""Tables of sources in the Glue Data Catalog, so that Athena, Spark and notebooks see the lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.sources import Source
from assembly_line.errors import Conflict
from assembly_line.names import table_name

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

GLUE_TYPES = {"int64": "bigint", "float64": "double"}
INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
# Glue takes at most so many partitions in one call.
PARTITIONS_AT_ONCE = 100


class Catalog:
    """One Glue database."""

    def __init__(self, glue: GlueClient, database: str) -> None:
        self._glue = glue
        self._database = database

    def register(self, source: Source, location: str, months: list[str]) -> None:
        """Make the table of a source say what is there: its columns, and one partition a month.

        Args:
            location: `s3://` folder of the source.
            months: partitions, such as 2017-03; empty for a static source, which has none.
        """
        name = table_name(source.name)
        partitioned = source.event_time is not None
        table: Any = {
            "Name": name,
            "Description": source.description,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": [{"Name": "month", "Type": "string"}] if partitioned else [],
            "StorageDescriptor": _storage(source, location),
        }
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=table)
        except self._glue.exceptions.AlreadyExistsException:
            self._glue.update_table(DatabaseName=self._database, TableInput=table)
        if partitioned:
            self._set_partitions(name, source, location, months)

    def _set_partitions(self, name: str, source: Source, location: str, months: list[str]) -> None:
        there = set()
        for page in self._glue.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=name):
            there |= {partition["Values"][0] for partition in page["Partitions"]}
        for month in sorted(there - set(months)):
            self._glue.delete_partition(DatabaseName=self._database, TableName=name, PartitionValues=[month])
        # A partition keeps its own columns, which may have changed: write those that stay anew.
        kept = sorted(there & set(months))
        for start in range(0, len(kept), PARTITIONS_AT_ONCE):
            answer = self._glue.batch_update_partition(
                DatabaseName=self._database,
                TableName=name,
                Entries=[
                    {"PartitionValueList": [month], "PartitionInput": _partition(source, location, month)}
                    for month in kept[start : start + PARTITIONS_AT_ONCE]
                ],
            )
            _require_done(name, answer.get("Errors", []))
        new = sorted(set(months) - there)
        for start in range(0, len(new), PARTITIONS_AT_ONCE):
            made = self._glue.batch_create_partition(
                DatabaseName=self._database,
                TableName=name,
                PartitionInputList=[
                    _partition(source, location, month) for month in new[start : start + PARTITIONS_AT_ONCE]
                ],
            )
            _require_done(name, made.get("Errors", []))


def _require_done(table: str, errors: Sequence[Any]) -> None:
    """Glue reports what it refused in its answer instead of failing.

    Raises:
        Conflict: it refused some; somebody else loads the source at the same time.
    """
    if errors:
        detail = errors[0].get("ErrorDetail", {})
        raise Conflict(
            f"table {table}: the Glue catalog refused {len(errors)} partitions ({detail.get('ErrorCode')}: "
            f"{detail.get('ErrorMessage')}); nothing else may load this source meanwhile: run `line sources load` again"
        )


def _partition(source: Source, location: str, month: str) -> Any:
    return {"Values": [month], "StorageDescriptor": _storage(source, f"{location}month={month}/")}


def _storage(source: Source, location: str) -> Any:
    columns = [{"Name": name, "Type": GLUE_TYPES.get(kind, kind)} for name, kind in source.columns.items()]
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": INPUT_FORMAT,
        "OutputFormat": OUTPUT_FORMAT,
        "SerdeInfo": {"SerializationLibrary": SERDE},
    }
