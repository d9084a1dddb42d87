"""Views of Athena in the Glue Data Catalog. Athena keeps the query in a comment, as base64 of JSON.

The form is that of https://docs.aws.amazon.com/athena/latest/ug/create-view.html, as `GetTable` shows such a view.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

VIEW = "VIRTUAL_VIEW"
_BEGINS, _ENDS = "/* Presto View: ", " */"
# Trino's words for types, and Hive's, where they differ.
_HIVE = {"varchar": "string", "timestamp(3)": "timestamp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogView:
    """Args: `columns`: column -> (Trino's type, what it means). `sql`: over tables of the same database."""

    name: str
    description: str
    columns: Mapping[str, tuple[str, str]]
    sql: str


def put_view(glue: GlueClient, database: str, view: CatalogView) -> None:
    """Create or replace a view.

    Raises:
        Conflict: a table has this name.
    """
    columns = [{"name": name, "type": kind} for name, (kind, _) in view.columns.items()]
    said = {"originalSql": view.sql, "catalog": "awsdatacatalog", "schema": database, "columns": columns}
    described: Any = {
        "Name": view.name,
        "Description": view.description,
        "TableType": VIEW,
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [
                {"Name": name, "Type": _HIVE.get(kind, kind), "Comment": meaning}
                for name, (kind, meaning) in view.columns.items()
            ],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": f"{_BEGINS}{base64.b64encode(json.dumps(said).encode()).decode()}{_ENDS}",
        "ViewExpandedText": "/* Presto View */",
    }
    try:
        glue.create_table(DatabaseName=database, TableInput=described)
    except glue.exceptions.AlreadyExistsException:
        there = glue.get_table(DatabaseName=database, Name=view.name)["Table"]
        if there.get("TableType") != VIEW:
            raise Conflict(
                f"{view.name}: the Glue catalog has a table of this name; expected a view: give the table of the line "
                "another name"
            ) from None
        glue.update_table(DatabaseName=database, TableInput=described)


def query_of(described: Mapping[str, Any]) -> str:
    """The query of a view, as the catalog describes it."""
    text = described["ViewOriginalText"].removeprefix(_BEGINS).removesuffix(_ENDS)
    query: str = json.loads(base64.b64decode(text))["originalSql"]
    return query
