"""Parquet files in DuckDB's words: the very files that are named, and their columns alone. Nothing else reads files.

Left to itself, DuckDB takes a name for a pattern, and the name of a folder such as `key=value` for a column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PATTERN_CHARACTERS = re.compile(r"[*?\[]")


def literal(text: str) -> str:
    """Text as an SQL literal, for the few places that take no bound value."""
    return "'" + text.replace("'", "''") + "'"


def exactly(path: Path) -> str:
    """A path as a pattern that only this path matches."""
    return PATTERN_CHARACTERS.sub(lambda found: f"[{found[0]}]", str(path))


def parquet_rows(files: Sequence[Path]) -> str:
    """The rows of these files, at least one, as a table of SQL.

    INT96, in which older writers keep instants, is a struct of `date` and `time`, in UTC.
    """
    listed = ", ".join(_named(file) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false, int96_as = 'struct')"


def parquet_schema(file: Path) -> str:
    """The columns of a file, as a table of SQL."""
    return f"parquet_schema({_named(file)})"


def parquet_notes(file: Path) -> str:
    """What the writer of a file noted in it, by key, as a table of SQL."""
    return f"parquet_kv_metadata({_named(file)})"


def parquet_chunks(file: Path) -> str:
    """Where the columns of a file lie in it, as a table of SQL."""
    return f"parquet_metadata({_named(file)})"


def text_rows(file: Path, columns: Mapping[str, str], *, separator: str, longest: int) -> str:
    """The lines of a text file, as a table of SQL: fields as they stand, in which nothing is quoted.

    Args:
        columns: name -> type in DuckDB's words, in order.
        separator: one character that no field holds.
        longest: bytes of a line, at most.
    """
    named = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({_named(file)}, delim = {literal(separator)}, quote = '', escape = '', header = false, "
        f"auto_detect = false, max_line_size = {longest}, buffer_size = {2 * longest}, columns = {{{named}}})"
    )


def _named(file: Path) -> str:
    # As `connect` resolves the folders that may be read.
    return literal(exactly(file.resolve()))
