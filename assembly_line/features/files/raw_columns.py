"""The columns of a raw table, by the names and types that stand in it."""

from __future__ import annotations

from dataclasses import dataclass

INT96 = "INT96"
DURATION = "DURATION"
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
INSTANTS = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", INT96)
TIMES = (*NAIVE, *INSTANTS)
NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS")
NOTHING = '"NULL"'
DECIMAL_DIGITS = 38
# How lengths of time are stored: of days and seconds, and of months.
WHOLE_NUMBERS = ("BIGINT", "INTEGER")


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of a raw table.

    Args:
        name: as it stands there; several may share one.
        kind: its type in DuckDB's words; in Parquet's where DuckDB has none: `INT96`, decimals beyond 38 digits;
            `DURATION` where the writer says that the number is a length of time.
        sql: names it among the rows of the table.
    """

    name: str
    kind: str
    sql: str
