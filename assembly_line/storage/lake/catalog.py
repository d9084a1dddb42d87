"""Tables in the Glue Data Catalog, so that Athena, Spark and notebooks see the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.sources import Source
from assembly_line.errors import Conflict
from assembly_line.names import table_name
from assembly_line.storage.lake.catalog_views import CatalogView, put_view

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

GLUE_TYPES = {"int64": "bigint", "float64": "double"}
INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
# Glue takes at most so many partitions in one call.
PARTITIONS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTable:
    """A table of Parquet files.

    Args:
        columns: column -> declared type, the partition's column not among them.
        location: `s3://` folder of the table.
        partitions: month, such as 2017-03 -> its folder; None for a table that has no partitions.
        parameters: what else the table says of itself.
        partitioned_by: name of the partition's column.
    """

    name: str
    description: str
    columns: Mapping[str, str]
    location: str
    partitions: Mapping[str, str] | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    partitioned_by: str = "month"


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
        self.put(
            CatalogTable(
                name=table_name(source.name),
                description=source.description,
                columns=source.columns,
                location=location,
                partitions=None if source.static else {month: f"{location}month={month}/" for month in months},
            )
        )

    def put(self, table: CatalogTable) -> None:
        """Create or replace a table. Each partition moves to its new folder at once; those that are gone go last.

        Raises:
            Conflict: the name is that of another source's or line's table. Names are joined by underscores, and the
                catalog knows no case and no dash, so that two may come to the same.
        """
        described: Any = {
            "Name": table.name,
            "Description": table.description,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE", **table.parameters},
            "PartitionKeys": [] if table.partitions is None else [{"Name": table.partitioned_by, "Type": "string"}],
            "StorageDescriptor": _storage(table, table.location),
        }
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=described)
        except self._glue.exceptions.AlreadyExistsException:
            self._require_own(table)
            self._glue.update_table(DatabaseName=self._database, TableInput=described)
        if table.partitions is not None:
            self._set_partitions(table, table.partitions)

    def put_view(self, view: CatalogView) -> None:
        """Create or replace a view.

        Raises:
            Conflict: a table has this name.
        """
        put_view(self._glue, self._database, view)

    def _require_own(self, table: CatalogTable) -> None:
        there = self._glue.get_table(DatabaseName=self._database, Name=table.name)["Table"]
        location = there.get("StorageDescriptor", {}).get("Location")
        if location != table.location:
            raise Conflict(
                f"table {table.name} of the Glue catalog holds {location}; expected {table.location}: two sources or "
                "tables of lines come to one name there; give one of them another name"
            )

    def partitions(self, name: str) -> dict[str, str]:
        """Month -> folder of each partition of a table."""
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=name)
        return {
            partition["Values"][0]: partition["StorageDescriptor"]["Location"]
            for page in pages
            for partition in page["Partitions"]
        }

    def _set_partitions(self, table: CatalogTable, wanted: Mapping[str, str]) -> None:
        there = self.partitions(table.name).keys()
        # A partition keeps its own columns, which may have changed: write those that stay anew.
        kept = sorted(there & wanted.keys())
        for start in range(0, len(kept), PARTITIONS_AT_ONCE):
            answer = self._glue.batch_update_partition(
                DatabaseName=self._database,
                TableName=table.name,
                Entries=[
                    {"PartitionValueList": [month], "PartitionInput": _partition(table, month, wanted[month])}
                    for month in kept[start : start + PARTITIONS_AT_ONCE]
                ],
            )
            _require_done(table.name, answer.get("Errors", []))
        new = sorted(wanted.keys() - there)
        for start in range(0, len(new), PARTITIONS_AT_ONCE):
            made = self._glue.batch_create_partition(
                DatabaseName=self._database,
                TableName=table.name,
                PartitionInputList=[
                    _partition(table, month, wanted[month]) for month in new[start : start + PARTITIONS_AT_ONCE]
                ],
            )
            _require_done(table.name, made.get("Errors", []))
        for month in sorted(there - wanted.keys()):
            self._glue.delete_partition(DatabaseName=self._database, TableName=table.name, PartitionValues=[month])


def _require_done(table: str, errors: Sequence[Any]) -> None:
    """Glue reports what it refused in its answer instead of failing.

    Raises:
        Conflict: it refused some; somebody else loads the source at the same time.
    """
    if errors:
        detail = errors[0].get("ErrorDetail", {})
        raise Conflict(
            f"table {table}: the Glue catalog refused {len(errors)} partitions ({detail.get('ErrorCode')}: "
            f"{detail.get('ErrorMessage')}); nothing else may write this table meanwhile: run the command again"
        )


def _partition(table: CatalogTable, month: str, location: str) -> Any:
    return {"Values": [month], "StorageDescriptor": _storage(table, location)}


def _storage(table: CatalogTable, location: str) -> Any:
    columns = [{"Name": name, "Type": GLUE_TYPES.get(kind, kind)} for name, kind in table.columns.items()]
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": INPUT_FORMAT,
        "OutputFormat": OUTPUT_FORMAT,
        "SerdeInfo": {"SerializationLibrary": SERDE},
    }
