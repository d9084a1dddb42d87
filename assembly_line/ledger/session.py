"""The tables of a line's ledger in DuckDB: Parquet of compacted days, and rows of the tail that were made columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assembly_line.errors import DocumentUnreadable
from assembly_line.features import PARQUET, connect, literal, parquet_rows, text_rows
from assembly_line.ledger.columns import COLUMNS
from assembly_line.ledger.join_query import AMBIGUOUS, TABLES, joined, tallied
from assembly_line.names import LedgerKind

DECISIONS = "decisions"
# Of every row, as its decision's id says it.
DAY = "substr(decision_id, 4, 8)"
# Behind every instant.
LAST = "~"
# No JSON text holds it: JSON escapes control characters.
SEPARATOR = "\x01"
LONGEST_ROW = 64 << 20
ALIGNED: dict[str, str] = {DECISIONS: "decision_id", **dict.fromkeys(LedgerKind, "decision_id, file, document")}

Figures = dict[str, dict[str, int]]


class LedgerSession:
    """Tables of some days, in a folder of its own.

    Args:
        folder: is written to, and may be deleted once the session is closed.
        memory_mib: what DuckDB may hold before it spills into the folder.
    """

    def __init__(self, folder: Path, *, memory_mib: int) -> None:
        self._folder = folder
        self._connection = connect(folder, memory_mib=memory_mib)
        self._joined = folder / f"{DECISIONS}-joined.parquet"
        self._parts: dict[str, list[Path]] = {}
        self.execute(f"CREATE TABLE {AMBIGUOUS} (name VARCHAR)")
        for kind in LedgerKind:
            self._define(kind)

    def __enter__(self) -> LedgerSession:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._connection.close()

    def execute(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Run one statement; what it answers is a DuckDB result."""
        return self._connection.execute(query, values or None)

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Every row that a query answers."""
        found: list[tuple[Any, ...]] = self.execute(query, values).fetchall()
        return found

    def add_files(self, kind: LedgerKind, paths: Iterable[Path]) -> None:
        """Let Parquet files of a kind's table be part of it."""
        self._parts.setdefault(kind, []).extend(paths)
        self._define(kind)

    def add_tail(self, kind: LedgerKind, rows: Iterable[tuple[str, bytes]]) -> None:
        """Make columns of rows that were not compacted, and let them be part of their kind's table.

        Args:
            rows: the file of each row, and its text: strict JSON with the members that `COLUMNS` requires.

        Raises:
            DocumentUnreadable: a row holds a value that its column cannot take.
        """
        # Each file has a name of its own, since one that a table reads must not change.
        lines, table = (self._folder / f"{kind}-{len(self._parts.get(kind, ()))}.{end}" for end in ("rows", "parquet"))
        with lines.open("wb") as written:
            for file, text in rows:
                written.write(file.encode() + SEPARATOR.encode() + text + b"\n")
        source = text_rows(lines, {"file": "VARCHAR", "document": "VARCHAR"}, separator=SEPARATOR, longest=LONGEST_ROW)
        try:
            self._write(COLUMNS[kind].select(source), table, order=ALIGNED[kind])
        finally:
            lines.unlink()
        self.add_files(kind, [table])

    def find_ambiguous(self, known: Iterable[str] = ()) -> list[str]:
        """Settle under which names two different things were said, and return these.

        Args:
            known: names of which that is known already.
        """
        self.execute(
            f"INSERT INTO {AMBIGUOUS} "
            f"SELECT name FROM {LedgerKind.FEEDBACK} GROUP BY name HAVING min(body) <> max(body) "
            "UNION SELECT unnest(?::VARCHAR[])",
            [list(known)],
        )
        return [name for (name,) in self.rows(f"SELECT name FROM {AMBIGUOUS} ORDER BY name")]

    def join(self, days: Iterable[str]) -> None:
        """Define the table `decisions` as those of these days, joined from the kinds' tables."""
        self._write(joined(self._tables(days)), self._joined, order=ALIGNED[DECISIONS])
        self.define_decisions(())

    def define_decisions(self, others: Sequence[Path], *, since: str = "", until: str = LAST) -> None:
        """Let Parquet files with the decisions of other days be part of the table `decisions`.

        Args:
            since, until: instants as the ledger writes them: decisions from the one to before the other are in it.
        """
        self._define(DECISIONS, [self._joined, *others])
        if since or until != LAST:
            self.execute(f"CREATE OR REPLACE VIEW all_{DECISIONS} AS {self._rows([self._joined, *others])}")
            self.execute(
                f"CREATE OR REPLACE VIEW {DECISIONS} AS SELECT * FROM all_{DECISIONS} "
                f"WHERE decision_time >= {literal(since)} AND decision_time < {literal(until)}"
            )

    def tally(self, days: Iterable[str]) -> Figures:
        """day -> figure -> number, of what `join_query.tallied` counts."""
        found: Figures = {}
        for day, figure, number in self.rows(tallied(self._tables(days))):
            found.setdefault(day, {})[figure] = number
        return found

    def decisions(
        self, columns: Sequence[str], where: str = "TRUE", values: Sequence[Any] = ()
    ) -> list[dict[str, Any]]:
        """Rows of `decisions` as values, by decision time and id: an outcome as a list, flags as another."""
        found = self.rows(
            f"SELECT {', '.join(columns)} FROM {DECISIONS} WHERE {where} ORDER BY decision_time, decision_id", values
        )
        return [
            {name: _READ.get(name, _as_it_is)(value) for name, value in zip(columns, row, strict=True)} for row in found
        ]

    def number(self, where: str = "TRUE", values: Sequence[Any] = ()) -> int:
        """How many decisions there are of which this holds."""
        return int(self.rows(f"SELECT count(*) FROM {DECISIONS} WHERE {where}", values)[0][0])

    def types(self, table: str) -> dict[str, str]:
        """Column -> type, in DuckDB's words."""
        return {str(name): str(kind) for name, kind, *_ in self.rows(f"DESCRIBE {table}")}

    def write_day(self, table: str, day: str, path: Path) -> int:
        """Write a day of a table as one Parquet file, and return how many rows it has."""
        self._write(f"SELECT * FROM {table} WHERE day = {literal(day)}", path, order=ALIGNED[table])
        return int(self.rows(f"SELECT count(*) FROM {parquet_rows([path])}")[0][0])

    def _tables(self, days: Iterable[str]) -> dict[str, str]:
        self.execute("CREATE OR REPLACE TABLE joined_days AS SELECT unnest(?::VARCHAR[]) AS day", [list(days)])
        # Qualified, as the query has parts of the same names.
        chosen: dict[str, str] = {name: f"main.{name} WHERE day IN (SELECT day FROM joined_days)" for name in TABLES}
        return {**chosen, AMBIGUOUS: f"main.{AMBIGUOUS}"}

    def _define(self, name: str, paths: Sequence[Path] | None = None) -> None:
        files = self._parts.get(name, []) if paths is None else list(paths)
        kinds = COLUMNS[LedgerKind(name)].types if paths is None else {}
        if files:
            rows = self._rows(files)
        else:
            rows = f"SELECT {', '.join(f'NULL::{kind} AS {column}' for column, kind in kinds.items())} WHERE FALSE"
        self.execute(f"CREATE OR REPLACE VIEW {name} AS {rows}")

    def _rows(self, files: Sequence[Path]) -> str:
        return f"SELECT {DAY} AS day, * FROM {parquet_rows(files)}"

    def _write(self, query: str, path: Path, *, order: str) -> None:
        import duckdb

        try:
            # To a catalog the day is the partition's column: a file that had one, too, would have it twice.
            rows = f"SELECT * EXCLUDE (day) FROM ({query}) ORDER BY {order}"
            self.execute(f"COPY ({rows}) TO {literal(str(path))} ({PARQUET})")
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            first_line = str(error).splitlines()[0]
            raise DocumentUnreadable.about(
                "ledger", first_line, "what the line wrote", "bring back the object's earlier version"
            ) from error


def _as_it_is(value: Any) -> Any:
    return value


def _json(value: Any) -> Any:
    return None if value is None else json.loads(value)


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("keys", "detail", "prior", "outcome"), _json),
    "flags": str.split,
}
