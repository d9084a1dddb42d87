"""The rows of one entity in local files of a source, as plain values: what an explanation lists."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.features.files.parquet import parquet_rows
from assembly_line.features.files.session import connect, fetch, physical, quoted, unreadable
from assembly_line.features.sources.duckdb_views import create_view
from assembly_line.features.values.columns import Column
from assembly_line.features.values.plain_values import plain_values

MEMORY_MIB = 512
Row = Mapping[str, Any]


def rows_of_entity(
    source: Source,
    keys: Mapping[str, Any],
    columns: Sequence[str],
    files: Sequence[Path],
    *,
    inputs: Mapping[str, Sequence[Path]] | None = None,
) -> list[Row]:
    """Every row with these keys, in no particular order; none if a key is null.

    Args:
        keys: key column -> value.
        columns: names of the columns wanted.
        files: of a loaded source; `inputs` those of a view's inputs, by name.

    Raises:
        SourceUnreadable: a file is not what the lake wrote.
    """
    if (not files and not inputs) or None in keys.values():
        return []
    kinds = {name: source.columns[name] for name in columns}
    read = [*files, *(file for some in (inputs or {}).values() for file in some)]
    expressions = ", ".join(f"{physical(quoted(name), kind)} AS c{n}" for n, (name, kind) in enumerate(kinds.items()))
    condition = " AND ".join(f"{quoted(name)} = ?" for name in keys)
    with (
        tempfile.TemporaryDirectory(prefix="entity-") as folder,
        connect(Path(folder), memory_mib=MEMORY_MIB, also=list({file.parent for file in read})) as connection,
    ):
        try:
            is_view = source.sql is not None
            rows = create_view(connection, source, inputs or {}) if is_view else parquet_rows(files)
            query = f"SELECT {expressions} FROM {rows} WHERE {condition}"
            found = fetch(connection.execute(query, list(keys.values())), kinds)
        except duckdb.Error as error:
            raise unreadable(source.name, error) from error
    return rows_from(found)


def rows_from(columns: Mapping[str, Column]) -> list[Row]:
    """Columns of one length as rows."""
    values = [plain_values(column) for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
