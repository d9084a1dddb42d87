"""Columns of a batch in DuckDB: rows in by the thousand, rows out as they are wanted. Values are bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rows that a query hands over at once. Files of lines hold a multiple of it.
FETCHED = 1000
# Rows that are handed to DuckDB at once.
INSERTED = 50_000


def insert(connection: DuckDBPyConnection, table: str, *columns: tuple[str, Sequence[Any]]) -> None:
    """Append rows to a table. `columns`: the type of each and its values, in order."""
    unnested = ", ".join(f"unnest(?::{kind}[])" for kind, _ in columns)
    connection.execute(f"INSERT INTO {table} SELECT {unnested}", [list(values) for _, values in columns])


def one_row(connection: DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The one row of a query's answer."""
    (row,) = connection.execute(query, list(values)).fetchall()
    return tuple(row)


def rows_of(connection: DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, see `chunks_of`."""
    return chain.from_iterable(chunks_of(connection, query, values))


def chunks_of(
    connection: DuckDBPyConnection, query: str, values: Sequence[Any] = ()
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query, FETCHED at once and fewer at the end. The connection answers other queries meanwhile."""
    with connection.cursor() as cursor:
        found = cursor.execute(query, list(values))
        while some := found.fetchmany(FETCHED):
            yield some


def dropped(connection: DuckDBPyConnection, *tables: str) -> None:
    """Give the room of these tables back."""
    for table in tables:
        connection.execute(f"DROP TABLE {table}")
