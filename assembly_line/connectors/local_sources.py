"""Sources that lie on this machine, checked and typed as the lake would hold them: files, data frames, Arrow tables."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.connectors.parquet import ParquetReader
from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features import SchemaDrift, Snapshot, SnapshotObject, quoted, write_typed

if TYPE_CHECKING:
    import pyarrow as pa

# Half of a surrogate pair, which UTF-8 cannot hold.
HALF = re.compile("[\ud800-\udfff]")
# A folder of <source>.parquet, or for each source a Parquet file or a table.
Given = Mapping[str, Any] | str | Path


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A source as typed files; objects of the snapshot carry the path of their file as key."""

    snapshot: Snapshot
    files: tuple[Path, ...]


def typed_sources(sources: Iterable[Source], given: Given, folder: Path) -> dict[str, LocalSource]:
    """Check and type each source, as `line sources load` does.

    Args:
        given: a folder that holds `<source>.parquet`, or source name -> Parquet file, pandas or Arrow table, or DuckDB
            relation. In a pandas column of floats NaN stands for null, as pandas means it.
        folder: where the typed files go; one folder is made for each source.

    Raises:
        SourceUnreadable: a source is missing, or is not what it is declared to be.
    """
    return {source.name: _typed(source, _raw(source, given, folder), folder / source.name) for source in sources}


def _raw(source: Source, given: Given, folder: Path) -> Path:
    """The source as one Parquet file."""
    if isinstance(given, str | Path):
        place = Path(given).expanduser()
        if not place.is_dir():
            raise SourceUnreadable(f"{place}: is not a folder; expected one that holds <source>.parquet files")
        return place / f"{source.name}.parquet"
    if source.name not in given:
        raise SourceUnreadable(
            f"source {source.name}: is needed and was not given; given are {', '.join(given) or 'none'}"
        )
    found = given[source.name]
    return Path(found).expanduser() if isinstance(found, str | Path) else _written(source, found, folder)


def _written(source: Source, table: Any, folder: Path) -> Path:
    """A table in memory as a file, so that it goes through the very checks that files go through."""
    import pyarrow as pa

    path = folder / f"{source.name} as given" / f"{source.name}.parquet"
    path.parent.mkdir()
    if not hasattr(table, "__arrow_c_stream__"):
        raise SourceUnreadable(
            f"source {source.name}: is a {type(table).__name__}; expected the path of a Parquet file, a pandas or "
            "Arrow table, or a DuckDB relation"
        )
    try:
        declared = _declared(source, table)
        _check_objects(source, declared)
        arrow = _arrow(declared)
        _check_durations(source, arrow)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SourceUnreadable(
            f"source {source.name}: its table has no Parquet form ({str(error).splitlines()[0]}); "
            "give each column values of one type"
        ) from error
    _write(source, arrow, path)
    return path


def _write(source: Source, table: pa.Table, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.write_table(table, path)
    except (pa.ArrowException, OSError) as error:
        if table.num_columns > 1:
            # Arrow does not say which column it is.
            for number in range(table.num_columns):
                _write(source, table.select([number]), path)
        named = (
            f"column {table.column_names[0]} is {table.schema[0].type}, which"
            if table.num_columns == 1
            else "its table"
        )
        raise SourceUnreadable(
            f"source {source.name}: {named} cannot be written as Parquet ({str(error).splitlines()[0]}); "
            "cast it to a type of Parquet that holds its values"
        ) from error


def _check_durations(source: Source, table: pa.Table) -> None:
    """Refuse durations: Parquet would keep their bare number, which means nothing without its unit."""
    import pyarrow as pa

    for column in table.schema:
        if column.name in source.columns and pa.types.is_duration(column.type):
            raise SourceUnreadable(
                f"source {source.name}: column {column.name} is {column.type}, which is not read as the declared "
                f"{source.columns[column.name]}; give it as a number of seconds or days"
            )


def _check_objects(source: Source, table: Any) -> None:
    """Refuse Python's values that Arrow would refuse without a name, or read as what they are not."""
    for name, kind in source.columns.items() if _is_frame(table) else ():
        if kind in ("timestamp", "date") and table[name].dtype.kind == "O":
            _check_times(source, name, table[name].dropna())
        if kind == "string" and table[name].dtype == object:
            _check_texts(source, name, table[name])


def _check_times(source: Source, name: str, values: Iterable[Any]) -> None:
    """Refuse times of several kinds in one column: Arrow would read all of them as it reads the first."""
    kinds = {_kind_of_time(value): value for value in values if isinstance(value, date)}
    if len(kinds) > 1:
        shown = (words if name in source.personal else f"{words} ({value})" for words, value in kinds.items())
        raise SourceUnreadable.about(
            f"source {source.name}: column {name}",
            " and ".join(shown),
            "values of one kind",
            "make all of them instants with a zone, or all of them local times of the source's zone",
        )


def _check_texts(source: Source, name: str, values: Iterable[Any]) -> None:
    halves = [value for value in values if isinstance(value, str) and HALF.search(value)]
    if halves:
        raise SourceUnreadable.about(
            f"source {source.name}: column {name}",
            f"{len(halves)} texts" + ("" if name in source.personal else f" such as {halves[0]!a}"),
            "text of valid Unicode",
            "half of a surrogate pair stands for no character: decode the text as what it was written in",
        )


def _kind_of_time(value: date) -> str:
    if not isinstance(value, datetime):
        return "days"
    return "times without a zone" if value.utcoffset() is None else "instants with a zone"


def _declared(source: Source, table: Any) -> Any:
    """The declared columns alone: others may hold what has no Parquet form, and need not."""
    names = _columns(table)
    for name in source.columns:
        if names and name not in names:
            if name in _index_names(table):
                raise SourceUnreadable(
                    f"source {source.name}: column {name!r} is in the index of its data frame, which is not read; "
                    "make it a column: frame.reset_index()"
                )
            alike = get_close_matches(name, [other for other in names if other not in source.columns], n=1)
            hint = f"; was it renamed to {alike[0]!r}? Then declare it so" if alike else ""
            raise SourceUnreadable(
                f"source {source.name}: has no column {name!r}, which is declared; it has {', '.join(names)}{hint}"
            )
        # DuckDB knows no case: it would take the first of those that differ in nothing else.
        same = [other for other in names if other == name or (_is_relation(table) and other.lower() == name.lower())]
        if len(same) > 1:
            raise SourceUnreadable.about(
                f"source {source.name}: columns",
                ", ".join(map(repr, same)),
                f"one {name!r}",
                "name the others differently",
            )
    if not names:
        return table
    if _is_frame(table):
        return table[list(source.columns)]
    if _is_relation(table):
        return table.project(", ".join(quoted(name) for name in source.columns))
    return table.select(list(source.columns))


def _columns(table: Any) -> list[str]:
    """The columns of a table in memory, none of one that does not say."""
    if not (hasattr(table, "select") or _is_frame(table)):
        return []
    return [str(name) for name in getattr(table, "column_names", getattr(table, "columns", ()))]


def _is_frame(table: Any) -> bool:
    return hasattr(table, "index") and hasattr(table, "columns")


def _is_relation(table: Any) -> bool:
    return hasattr(table, "project")


def _index_names(table: Any) -> list[Any]:
    return list(getattr(table.index, "names", ())) if _is_frame(table) else []


def _arrow(table: Any) -> pa.Table:
    import pyarrow as pa

    # A data frame has an index, which is pandas' own; a declared column stands among its columns.
    if not _is_frame(table):
        return pa.table(table)
    with warnings.catch_warnings():
        # Arrow asks pandas for instants in a way that pandas 4 will answer otherwise, and then asks otherwise itself.
        warnings.filterwarnings("ignore", message="Series.values returning", category=DeprecationWarning)
        return pa.Table.from_pandas(table, preserve_index=False)


def _typed(source: Source, file: Path, folder: Path) -> LocalSource:
    folder.mkdir()
    written = write_typed(source, ParquetReader(file), folder)
    objects = tuple(
        SnapshotObject(
            key=str(part.path),
            version="local",
            bytes=part.path.stat().st_size,
            rows=part.rows,
            min_time=part.min_time,
            max_time=part.max_time,
        )
        for part in written.parts
    )
    snapshot = Snapshot(
        source=source.name,
        columns=dict(source.columns),
        objects=objects,
        drift=SchemaDrift(ignored=written.undeclared),
        inexact=written.parts[0].inexact if written.parts else (),
    )
    return LocalSource(snapshot, tuple(part.path for part in written.parts))
