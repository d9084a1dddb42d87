"""Tables as Athena reads them: of a partitioned one what the catalog lists, and instants without a zone.

A table's folder also holds what no query should see: its manifest, and months that were replaced and not yet removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.features import literal, parquet_rows, quoted

# How Hive writes that a row has no value of a partition column.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def install() -> None:
    athena = ministack("services.athena", "_materialize_table_files", "_table_relation", "_data_format", "_duckdb_type")
    _read_listed_partitions(athena)
    _read_as_declared(athena)


def _read_listed_partitions(athena: Any) -> None:
    glue = ministack("services.glue", "_tables", "_partitions")
    stock: Callable[[str, list[str]], list[str]] = athena._materialize_table_files

    def copied(location: str, folders: list[str]) -> list[str]:
        files = stock(location, folders)
        for name, table in list(glue._tables.items()):
            if _location(table) == location and table.get("PartitionKeys") and files:
                listed = [_below(location, part) for part in glue._partitions.get(name, [])]
                return list(_listed(files, folders[-1], listed))
        return files

    replace(athena, "_materialize_table_files", copied)


def _read_as_declared(athena: Any) -> None:
    """Read Parquet by the one function that guesses nothing, and instants in UTC.

    A timestamp of the catalog has no zone, one in a file of ours has: DuckDB would hand it over as local time.
    """
    stock: Callable[[dict[str, Any], list[str]], str] = athena._table_relation

    def relation(table: dict[str, Any], files: list[str]) -> str:
        if athena._data_format(table) != "parquet":
            return stock(table, files)
        columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
        instants = [str(one["Name"]) for one in columns if one.get("Type") == "timestamp"]
        keys = {str(key["Name"]): str(athena._duckdb_type(key)) for key in table.get("PartitionKeys") or []}
        return rows_of_table([Path(file) for file in files], keys=keys, instants=instants)

    replace(athena, "_table_relation", relation)


def rows_of_table(files: Sequence[Path], *, keys: Mapping[str, str], instants: Sequence[str]) -> str:
    """The rows of a table's files as a table of SQL.

    Args:
        keys: partition column -> its type. Its value is that of the folder `key=value` that is nearest to the file;
            other folders say nothing.
        instants: columns to hand over as UTC without a zone.
    """
    plain = ", ".join(f"make_timestamp(epoch_us({quoted(name)})) AS {quoted(name)}" for name in instants)
    every = f"* REPLACE ({plain})" if plain else "*"
    parts = [f"SELECT {', '.join([every, *_partition(file, keys)])} FROM {parquet_rows([file])}" for file in files]
    return f"({' UNION ALL BY NAME '.join(parts)})"


def _partition(file: Path, keys: Mapping[str, str]) -> Iterator[str]:
    folders = dict(unquote(folder).partition("=")[::2] for folder in file.parent.parts if "=" in folder)
    for name, kind in keys.items():
        if name in folders:
            value = "NULL" if folders[name] == NO_VALUE else literal(folders[name])
            yield f"CAST({value} AS {kind}) AS {quoted(name)}"


def _location(described: dict[str, Any]) -> str:
    return str((described.get("StorageDescriptor") or {}).get("Location") or "")


def _below(location: str, partition: dict[str, Any]) -> str:
    """Where a partition lies in its table's folder, such as `month=2017-03/0a1b/`."""
    table, part = (urlparse(one.rstrip("/") + "/") for one in (location, _location(partition)))
    if part.netloc != table.netloc or not part.path.startswith(table.path):
        raise ValueError(f"a partition lies at {_location(partition)}: not emulated outside of its table at {location}")
    return part.path.removeprefix(table.path)


def _listed(files: list[str], root: str, partitions: list[str]) -> Iterator[str]:
    wanted = tuple(partitions)
    return (path for path in files if os.path.relpath(path, root).startswith(wanted))
