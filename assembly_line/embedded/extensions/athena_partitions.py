"""Athena reads of a partitioned table what the catalog lists, as in AWS, and not all that lies below its location.

A table's folder also holds what no query should see: its manifest, and months that were replaced and not yet removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlparse

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    athena = ministack("services.athena", "_materialize_table_files")
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
