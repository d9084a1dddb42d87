"""The kinds of source that the lake is loaded from: one reader a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

if TYPE_CHECKING:
    from pathlib import Path

    from assembly_line.features import Reader

Kind = Literal["parquet"]


def reader_of(kind: Kind, place: Path) -> Reader:
    """The reader of a raw table.

    Args:
        place: where it lies: the file of `parquet`.
    """
    match kind:
        case "parquet":
            # Not every command that knows the kinds has a use for DuckDB.
            from assembly_line.connectors.parquet import ParquetReader

            return ParquetReader(place)
        case _:
            assert_never(kind)
