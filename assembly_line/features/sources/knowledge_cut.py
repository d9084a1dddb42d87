"""Sources as they were known at one instant: every row that was not yet known is physically removed from the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.features.files.parquet import literal, parquet_rows
from assembly_line.features.files.session import quoted
from assembly_line.features.model.workload import Keys
from assembly_line.features.values.hidden_outcomes import Hidden, hidden_at
from assembly_line.features.values.knowledge_limits import known_until


def cut_source(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    files: Sequence[Path],
    folder: Path,
    *,
    columns: Sequence[str],
    instant: int,
    boundary: str,
    of: Sequence[Keys] = (),
    line: Line | None = None,
) -> list[Path]:
    """Copy a source's files with the rows alone that a decision at the instant may know.

    In rows that state an outcome, the columns that tell it are null where that is not known yet.

    Args:
        files: typed Parquet as the lake holds it; a static source is handed on as it is, its rows carry no time.
        columns: what is kept of it.
        instant: microseconds; boundary: of the line's decision.
        of: key columns, each combination a table as `asked_table` names it: rows of other entities are left away too.
        line: whose outcome the source's rows may state.
    """
    hidden = None if line is None else hidden_at(line, source, instant)
    if not files or (source.event_time is None and hidden is None):
        return list(files)
    limits = {} if source.event_time is None else known_until(source, instant, boundary)
    known = ["true"] + [_until(source, column, latest) for column, latest in limits.items()]
    if of:
        known.append(f"({' OR '.join(_is_asked(keys) for keys in of)})")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.name}.parquet"
    kept = ", ".join(_kept(source, column, hidden) for column in source.columns if column in columns)
    connection.execute(
        f"COPY (SELECT {kept} FROM {parquet_rows(files)} s WHERE {' AND '.join(known)}) "
        f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION snappy)"
    )
    return [target]


def cut_sources(
    connection: duckdb.DuckDBPyConnection,
    sources: Mapping[str, Source],
    files: Mapping[str, Sequence[Path]],
    folder: Path,
    *,
    columns: Mapping[str, Sequence[str]],
    instant: int,
    boundary: str,
    of: Mapping[str, Sequence[Keys]],
    line: Line,
) -> dict[str, list[Path]]:
    """`cut_source` for every source that is read; `of` by name of source."""
    return {
        name: cut_source(
            connection,
            sources[name],
            paths,
            folder,
            columns=columns[name],
            instant=instant,
            boundary=boundary,
            of=of.get(name, ()),
            line=line,
        )
        for name, paths in files.items()
    }


def asked_table(keys: Keys) -> str:
    """The temporary table that holds the entities whose rows are kept."""
    return f"asked by {' and '.join(keys)}"


def _is_asked(keys: Keys) -> str:
    same = " AND ".join(f"a.{quoted(key)} = s.{quoted(key)}" for key in keys)
    return f"EXISTS (SELECT 1 FROM {quoted(asked_table(keys))} a WHERE {same})"


def _kept(source: Source, column: str, hidden: Hidden | None) -> str:
    """A column in SQL, null where it tells an outcome that is not known yet."""
    if hidden is None or column not in hidden.columns:
        return quoted(column)
    return f"CASE WHEN {_until(source, hidden.known, hidden.latest)} THEN {quoted(column)} END AS {quoted(column)}"


def _until(source: Source, column: str, latest: int) -> str:
    """SQL that is true for values at or before the latest one; null is not."""
    if source.columns[column] == "date":
        return f"{quoted(column)} <= DATE '1970-01-01' + CAST({latest} AS INTEGER)"
    return f"{quoted(column)} <= CAST(make_timestamp({latest}::BIGINT) AS TIMESTAMP WITH TIME ZONE)"
