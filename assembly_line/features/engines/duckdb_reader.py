"""Reading sources from local Parquet files with DuckDB: whole tables, and rows matched to decisions by key."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.files.parquet import literal, parquet_rows
from assembly_line.features.files.session import (
    fetch,
    physical,
    quoted,
    read_table,
    spill_folder,
    store_columns,
    unreadable,
)
from assembly_line.features.kernel.stretches import Stretches
from assembly_line.features.model.workload import Keys
from assembly_line.features.sources.activity import FIRST, KNOWN, LAST, Limits
from assembly_line.features.sources.duckdb_views import create_view
from assembly_line.features.sources.joins import DATE_SLACK, DAY, Looked
from assembly_line.features.spine.assembly import Matched
from assembly_line.features.values.columns import Column, Integers, null_column
from assembly_line.features.values.ordering import different_values, packed_keys
from assembly_line.features.values.semantics import EPOCH_DAY
from assembly_line.instants import FIRST_MICROS, GREATEST, LAST_MICROS, LEAST

# Of rows that are written once and read once: quick to write, and no more held for each part than a few MiB.
PARTS = "FORMAT parquet, PARTITION_BY (part), COMPRESSION lz4, ROW_GROUP_SIZE 20480"


@dataclass(frozen=True, slots=True)
class Codes:
    """The entities with first <= code < end."""

    first: int
    end: int


class DuckdbReader:
    """Reads the files of each source.

    Args:
        connection: may read where the files are.
        files: source name -> local Parquet files, empty if nothing of the source can matter.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]]) -> None:
        self._connection = connection
        self._files = files
        self._tables: dict[Keys, str] = {}
        self._coded: dict[Keys, tuple[tuple[Column, ...], Integers]] = {}
        self._views: dict[str, str] = {}

    def table(self, source: Source, columns: Keys) -> dict[str, Column]:
        kinds = {name: source.columns[name] for name in columns}
        if source.sql is not None:
            return fetch(self._connection.execute(f"SELECT {_physical(kinds)} FROM {self._view(source)}"), kinds)
        return read_table(self._connection, source.name, self._files[source.name], kinds)

    def codes(self, keys: Mapping[str, Column]) -> Integers:
        names, columns = tuple(keys), tuple(keys.values())
        coded, codes = self._coded.get(names, ((), None))
        if codes is None or any(column is not other for column, other in zip(columns, coded, strict=True)):
            codes = self._code(keys)
            # Several sources of one entity ask for the very same columns.
            self._coded[names] = columns, codes
        return codes

    def forget(self, keys: Keys) -> None:
        """Hold the codes of these keys no longer; they can be asked for again."""
        self._coded.pop(keys, None)

    def _code(self, keys: Mapping[str, Column]) -> Integers:
        names = tuple(keys)
        table = self._tables.setdefault(names, f"entities_{len(self._tables)}")
        numbered = _codes_of_numbers(list(keys.values()))
        if numbered is not None:
            codes, first = numbered
            listed_keys = {f"k{n}": column.take(first) for n, column in enumerate(keys.values())}
            number = Column("int64", np.arange(len(first)), np.ones(len(first), np.bool_))
            store_columns(self._connection, table, {"code": number, **listed_keys})
            return codes
        store_columns(self._connection, "asked", {f"k{n}": column for n, column in enumerate(keys.values())})
        columns = [f"k{n}" for n in range(len(names))]
        listed, whole = ", ".join(columns), " AND ".join(f"{column} IS NOT NULL" for column in columns)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT row_number() OVER () - 1 AS code, {listed} "
            f"FROM (SELECT DISTINCT {listed} FROM asked WHERE {whole})"
        )
        result = self._connection.execute(
            f"SELECT coalesce(code, -1) AS code FROM asked LEFT JOIN {table} USING ({listed}) ORDER BY row"
        )
        return fetch(result, {"code": "int64"})["code"].values

    def entities(self, source: Source, keys: Keys) -> dict[str, Column]:
        """The different combinations of keys in a source, without those that hold a null."""
        kinds = {name: source.columns[name] for name in keys}
        files = self._files[source.name]
        if not files:
            return {name: null_column(kind, 0) for name, kind in kinds.items()}
        listed = ", ".join(quoted(name) for name in keys)
        whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in keys)
        query = f"SELECT DISTINCT {listed} FROM {parquet_rows(files)} WHERE {whole}"
        try:
            return fetch(self._connection.execute(query), kinds)
        except duckdb.Error as error:
            raise unreadable(source.name, error) from error

    def days(self, source: Source, known: str | None, limits: Limits) -> dict[str, Column]:
        event_time = source.event_time or ""
        times = {name: physical(quoted(name), source.columns[name]) for name in (*limits, event_time)}
        kinds = {FIRST: source.columns[event_time], LAST: source.columns[event_time]}
        picked = [f"min({times[event_time]}) AS {FIRST}", f"max({times[event_time]}) AS {LAST}"]
        if known is not None:
            kinds[KNOWN] = source.columns[known]
            picked.append(f"max({times[known]}) AS {KNOWN}")
        files = self._files.get(source.name, ())
        if not files:
            return {name: null_column(kind, 0) for name, kind in kinds.items()}
        conditions = " AND ".join(f"{times[name]} <= {most}" for name, most in limits.items())
        day = quoted(event_time) if source.columns[event_time] == "date" else f"{times[event_time]} // {DAY}"
        query = f"SELECT {', '.join(picked)} FROM {parquet_rows(files)} WHERE {conditions} GROUP BY {day}"
        return self._fetched(source, query, [], kinds)

    def matched(
        self, source: Source, keys: Keys, columns: Keys, bounds: Looked = (None, None), codes: Codes | None = None
    ) -> Matched:
        """As `Reader.matched`, of some codes alone if they are given; within stretches of time by a range join."""
        kinds = _matched_kinds(source, columns)
        if source.sql is None and not self._files.get(source.name):
            return _nothing(kinds)
        joined, values = self._joined(source, keys, bounds, codes)
        return _split(self._fetched(source, f"SELECT {_matched_columns(source, columns)} {joined}", values, kinds))

    @contextmanager
    def divided(
        self, source: Source, keys: Keys, columns: Keys, bounds: Looked, parts: Sequence[Codes]
    ) -> Iterator[Callable[[int], Matched]]:
        """As `matched`, for so many parts of the codes that reading every file for each would cost too much.

        The files are read once, and their rows are written beside what DuckDB spills, a folder for each part.

        Args:
            parts: codes that lie in none of them are left out.

        Yields:
            what gives the rows of the part with a number; each part can be asked for once.
        """
        kinds = _matched_kinds(source, columns)
        part_of = np.concatenate([np.full(codes.end - codes.first, n) for n, codes in enumerate(parts)])
        codes = np.concatenate([np.arange(codes.first, codes.end) for codes in parts])
        whole = np.ones(len(codes), np.bool_)
        store_columns(
            self._connection, "parts", {"code": Column("int64", codes, whole), "part": Column("int64", part_of, whole)}
        )
        entities = self._entities(source, keys, bounds)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE divided AS FROM {entities} JOIN parts USING (code)")
        joined, values = self._joined(source, keys, bounds, entities="divided")
        with tempfile.TemporaryDirectory(prefix="parts-", dir=spill_folder(self._connection)) as folder:
            query = f"SELECT {_matched_columns(source, columns)}, e.part {joined}"
            try:
                self._connection.execute(f"COPY ({query}) TO {literal(folder)} ({PARTS})", values)
            except duckdb.Error as error:
                raise unreadable(source.name, error) from error

            def rows(part: int) -> Matched:
                files = list(Path(folder, f"part={part}").glob("*.parquet"))
                if not files:
                    return _nothing(kinds)
                listed = ", ".join(["code", *(f"c{n}" for n in range(len(columns)))])
                read = self._connection.execute(f"SELECT {listed} FROM {parquet_rows(files)}")
                matched = _split(fetch(read, kinds))
                for file in files:
                    file.unlink()
                return matched

            yield rows

    def counts(self, source: Source, keys: Keys, bounds: Looked) -> Integers:
        """How many rows within the bounds each code has."""
        highest = self._connection.execute(f"SELECT coalesce(max(code), -1) FROM {self._tables[keys]}").fetchall()
        counts = np.zeros(int(highest[0][0]) + 1, np.int64)
        joined, values = self._joined(source, keys, bounds)
        kinds = {"code": "int64", "rows": "int64"}
        found = self._fetched(source, f"SELECT e.code, count(*) {joined} GROUP BY e.code", values, kinds)
        counts[found["code"].values] = found["rows"].values
        return counts

    def histogram(
        self, source: Source, keys: Keys, codes: Codes, bounds: Looked, bins: int
    ) -> tuple[Integers, Integers]:
        """Edges of so many stretches of event time of equal length, and how many rows lie in each; a day at its start.

        Where a source has a zone its days lie hours off: good enough to cut by.
        """
        joined, values = self._joined(source, keys, bounds, codes)
        time = physical("s." + quoted(source.event_time or ""), source.columns[source.event_time or ""])
        time = f"{time} * {DAY}" if source.columns[source.event_time or ""] == "date" else time
        ends = {"least": "int64", "greatest": "int64"}
        edge = self._fetched(source, f"SELECT min({time}), max({time}) {joined}", values, ends)
        least, greatest = (int(column.values[0]) if column.valid[0] else 0 for column in edge.values())
        width = (greatest - least) // bins + 1
        query = f"SELECT ({time} - {least}) // {width} AS bin, count(*) {joined} AND {time} IS NOT NULL GROUP BY bin"
        found = self._fetched(source, query, values, {"bin": "int64", "rows": "int64"})
        counts = np.zeros(bins, np.int64)
        counts[found["bin"].values] = found["rows"].values
        return least + width * np.arange(bins + 1), counts

    def _entities(self, source: Source, keys: Keys, bounds: Looked) -> str:
        """The table of the codes; with each of its stretches, if there are such."""
        if not isinstance(bounds, Stretches):
            return self._tables[keys]
        kind, whole = source.columns[source.event_time or ""], np.ones(len(bounds.codes), np.bool_)
        unit = DAY if kind == "date" else 1
        edges = (FIRST_MICROS // unit, LAST_MICROS // unit)
        since, until = (np.clip(edge, *edges) for edge in (bounds.since, bounds.until))
        columns = {"code": ("int64", bounds.codes), "since": (kind, since), "until": (kind, until)}
        store_columns(
            self._connection, "looked", {name: Column(of, values, whole) for name, (of, values) in columns.items()}
        )
        table = f"stretches_of_{self._tables[keys]}"
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {self._tables[keys]} JOIN looked USING (code)"
        )
        return table

    def _joined(
        self, source: Source, keys: Keys, bounds: Looked, codes: Codes | None = None, *, entities: str | None = None
    ) -> tuple[str, list[object]]:
        """The rows of a source, s, beside their codes, e, as SQL from FROM on, and the values to bind.

        Args:
            entities: the table of the codes, where it is not the one that the bounds call for.
        """
        entities = entities or self._entities(source, keys, bounds)
        condition, values = _within(source, bounds)
        same = " AND ".join(f"s.{quoted(name)} = e.k{n}" for n, name in enumerate(keys))
        rows = parquet_rows(self._files.get(source.name, ())) if source.sql is None else self._view(source)
        if isinstance(bounds, Stretches):
            same += f" AND s.{quoted(source.event_time or '')} BETWEEN e.since AND e.until"
        sql = f"FROM {rows} s JOIN {entities} e ON {same} WHERE {condition}"
        if codes is not None:
            sql += " AND e.code >= ? AND e.code < ?"
            values += [codes.first, codes.end]
        return sql, values

    def _fetched(self, source: Source, query: str, values: list[object], kinds: Mapping[str, str]) -> dict[str, Column]:
        try:
            return fetch(self._connection.execute(query, values), kinds)
        except duckdb.Error as error:
            raise unreadable(source.name, error) from error

    def _view(self, source: Source) -> str:
        """The table that holds a view's rows; its SELECT runs once."""
        if source.name not in self._views:
            self._views[source.name] = create_view(self._connection, source, self._files)
        return self._views[source.name]


def _matched_kinds(source: Source, columns: Keys) -> dict[str, str]:
    """The types of the codes and of the columns beside them."""
    return {"": "int64", **{name: source.columns[name] for name in columns}}


def _matched_columns(source: Source, columns: Keys) -> str:
    read = [f"{physical('s.' + quoted(name), source.columns[name])} AS c{n}" for n, name in enumerate(columns)]
    return ", ".join(["e.code", *read])


def _nothing(kinds: Mapping[str, str]) -> Matched:
    return _split({name: null_column(kind, 0) for name, kind in kinds.items()})


def _physical(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{physical(quoted(name), kind)} AS c{n}" for n, (name, kind) in enumerate(kinds.items()))


def _codes_of_numbers(keys: Sequence[Column]) -> tuple[Integers, Integers] | None:
    """Code of each row, -1 where a key is null, and a row of each code; None if the keys are not such numbers."""
    if any(column.kind != "int64" for column in keys):
        return None
    whole = np.logical_and.reduce([column.valid for column in keys])
    chosen = np.flatnonzero(whole)
    packed = packed_keys([column.values[chosen] for column in keys])
    if packed is None:
        return None
    different = different_values(packed)
    span = int(different[-1]) + 1 if len(different) else 0
    if span <= 4 * len(packed):
        place = np.empty(span, np.int64)
        place[different] = np.arange(len(different))
        places = place[packed]
    else:
        places = np.searchsorted(different, packed)
    codes = np.full(len(whole), -1, np.int64)
    codes[chosen] = places
    first = np.empty(len(different), np.int64)
    first[places] = chosen
    return codes, first


def _within(source: Source, bounds: Looked) -> tuple[str, list[object]]:
    """A condition that the Parquet statistics can answer, never stricter than the bounds."""
    conditions, values = ["true"], list[object]()
    if source.event_time is None:
        return "true", values
    if isinstance(bounds, Stretches):
        unit = DAY if source.columns[source.event_time] == "date" else 1
        edges = (bounds.since.min(), bounds.until.max()) if len(bounds.codes) else (0, 0)
        bounds = (int(edges[0]) * unit, int(edges[1]) * unit)
    column = "s." + quoted(source.event_time)
    for sign, slack, bound in ((">=", -DATE_SLACK, bounds[0]), ("<=", DATE_SLACK, bounds[1])):
        # A bound that is next to no date bounds nothing.
        if bound is None or not LEAST < bound < GREATEST:
            continue
        if source.columns[source.event_time] == "date":
            conditions.append(f"{column} {sign} CAST(? AS DATE)")
            values.append((EPOCH_DAY + timedelta(days=bound // DAY + slack)).isoformat())
        else:
            conditions.append(f"{column} {sign} CAST(make_timestamp(CAST(? AS BIGINT)) AS TIMESTAMP WITH TIME ZONE)")
            values.append(bound)
    return " AND ".join(conditions), values


def _split(columns: dict[str, Column]) -> Matched:
    return Matched(columns.pop("").values, columns)
