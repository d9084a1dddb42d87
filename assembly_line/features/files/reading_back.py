"""A dataset's Parquet file as typed columns: what the gate judges is what was written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.parquet import parquet_rows
from assembly_line.features.files.session import SQL_TYPES, connect, read_table
from assembly_line.features.values.columns import Column

MEMORY_MIB = 512
# A dataset of fewer values is read whole: one query is quicker than one a column.
FEW_VALUES = 2_000_000
# So many columns are kept once they are read, beside the one that is asked for.
KEPT = 3


def read_dataset(path: Path) -> dict[str, Column]:
    """Every column of a dataset in the order of the file, with the declared type that its Parquet type stands for.

    Raises:
        SourceUnreadable: the file is damaged, or of a type that no engine of ours writes.
    """
    with _opened(path) as stored:
        return read_table(stored.connection, path.name, [path], stored.kinds)


@contextmanager
def opened_dataset(path: Path) -> Iterator[Mapping[str, Column]]:
    """The columns of a dataset that may be larger than memory: a large one is read a column at a time, as asked.

    Raises:
        SourceUnreadable: the file is damaged, or of a type that no engine of ours writes.
    """
    with _opened(path) as stored:
        yield read_table(stored.connection, path.name, [path], stored.kinds) if stored.size < FEW_VALUES else stored


class StoredColumns(Mapping[str, Column]):
    """The columns of a file, each read when it is asked for.

    Args:
        kinds: column -> declared type, in the order of the file.
        rows: of the file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, kinds: Mapping[str, str], rows: int) -> None:
        self.connection = connection
        self.kinds = kinds
        self._path = path
        self._rows = rows
        self._kept: OrderedDict[str, Column] = OrderedDict()

    @property
    def size(self) -> int:
        """How many values the file has, nulls included."""
        return self._rows * len(self.kinds)

    def __getitem__(self, name: str) -> Column:
        if name not in self._kept:
            found = read_table(self.connection, self._path.name, [self._path], {name: self.kinds[name]})[name]
            if found.kind == "string":
                # Texts are objects: a column of them is larger than ten of numbers, and seldom asked for twice.
                return found
            self._kept[name] = found
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)


@contextmanager
def _opened(path: Path) -> Iterator[StoredColumns]:
    kinds = {sql: kind for kind, sql in SQL_TYPES.items()}
    try:
        with connect(path.parent, memory_mib=MEMORY_MIB) as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_rows([path])}").fetchall()
            names = {str(row[0]): str(row[1]) for row in described}
            typed = {name: kinds.get(sql, sql.lower()) for name, sql in names.items()}
            counted = connection.execute(f"SELECT count(*) FROM {parquet_rows([path])}").fetchall()
            yield StoredColumns(connection, path, typed, int(counted[0][0]))
    except duckdb.Error as error:
        raise SourceUnreadable(
            f"{path.name}: is not a dataset ({str(error).splitlines()[0]}); build it again"
        ) from error
