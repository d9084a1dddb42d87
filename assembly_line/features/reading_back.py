"""A dataset's Parquet file as typed columns: what the gate judges is what was written."""

from __future__ import annotations

from pathlib import Path

import duckdb

from assembly_line.errors import SourceUnreadable
from assembly_line.features.columns import Column
from assembly_line.features.duckdb_session import SQL_TYPES, connect, read_table

MEMORY_MIB = 512


def read_dataset(path: Path) -> dict[str, Column]:
    """Every column of a dataset in the order of the file, with the declared type that its Parquet type stands for.

    Raises:
        SourceUnreadable: the file is damaged, or of a type that no engine of ours writes.
    """
    kinds = {sql: kind for kind, sql in SQL_TYPES.items()}
    try:
        with connect(path.parent, memory_mib=MEMORY_MIB) as connection:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
            names = {str(row[0]): str(row[1]) for row in described}
            typed = {name: kinds.get(sql, sql.lower()) for name, sql in names.items()}
            return read_table(connection, path.name, [path], typed)
    except duckdb.Error as error:
        raise SourceUnreadable(
            f"{path.name}: is not a dataset ({str(error).splitlines()[0]}); build it again"
        ) from error
