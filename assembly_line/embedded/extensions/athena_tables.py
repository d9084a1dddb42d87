"""Tables as Athena reads them: of a partitioned one what the catalog lists, and instants without a zone.

A table's folder also holds what no query should see: its manifest, and months that were replaced and not yet removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlparse

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    athena = ministack("services.athena", "_materialize_table_files", "_table_relation")
    _read_listed_partitions(athena)
    _read_instants_in_utc(athena)


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


def _read_instants_in_utc(athena: Any) -> None:
    """A timestamp of the catalog has no zone, one in a file of ours has: DuckDB would hand it over as local time."""
    stock: Callable[[dict[str, Any], list[str]], str] = athena._table_relation

    def relation(table: dict[str, Any], files: list[str]) -> str:
        found = stock(table, files)
        columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
        instants = [str(one["Name"]).replace('"', '""') for one in columns if one.get("Type") == "timestamp"]
        if not instants or not found.startswith("read_parquet("):
            return found
        plain = ", ".join(f'make_timestamp(epoch_us("{name}")) AS "{name}"' for name in instants)
        return f"(SELECT * REPLACE ({plain}) FROM {found})"

    replace(athena, "_table_relation", relation)


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
