"""The tables that a line reads: of events, or of facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from assembly_line.declarations.checks import (
    COLUMN_TYPE,
    check_distinct,
    check_exact,
    check_name,
    check_unpartitioned,
    require,
)
from assembly_line.declarations.entities import Entity, check_entities
from assembly_line.declarations.typed import typed
from assembly_line.declarations.view_sql import check_select
from assembly_line.instants import zone_of


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table that the line reads. It holds events, or facts without a time (`static`).

    You load it from a Parquet file. A view (`sql`) is computed from loaded sources instead.

    Args:
        name: the name of the table in the lake. `line sources load` reads the file `<name>.parquet`.
        entities: a tuple of the entities whose key columns the table carries.
        columns: column -> type: int64, float64, string, boolean, timestamp, date or decimal(p,s). Other columns of the
            file are not loaded.
        event_time: the column that says when a row happened. A date counts as the END of its day in `zone`. You need it
            unless the source is `static`.
        known_time: the column that says when a row became known. A row with a null there is never known. Give this or
            `delay`.
        delay: how long after its event time a row becomes known. Zero means at once.
        valid_until: the column that says when the row stops being in force. Null means it still is. A date counts as
            the END of its day in `zone`. See `slowly_changing`.
        static: the rows carry no time and count as known at every decision. Each manifest names that as a limitation.
        zone: the IANA time zone of naive timestamps and of dates. You need it where there is a time column.
        personal: columns that hold personal data. Listings mark the features that read them.
        description: for people. Nothing depends on it.
        sql: for a view: one SELECT that returns the declared columns. See `docs/udfs.md` for its rules.
        inputs: for a view: the sources that its SELECT reads.
    """

    name: str
    entities: tuple[Entity, ...]
    columns: Mapping[str, str]
    event_time: str | None = None
    known_time: str | None = None
    delay: timedelta | None = None
    valid_until: str | None = None
    static: bool = False
    zone: str | None = None
    personal: tuple[str, ...] = ()
    description: str = field(default="")
    sql: str | None = None
    inputs: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        check_name("Source", self.name)
        place = f"Source {self.name}"
        check_entities(f"{place}: entities", self.entities)
        require(bool(self.entities), f"{place}: entities is empty; name the entities whose keys it carries")
        check_distinct(f"{place}: column", self.columns)
        for column, kind in self.columns.items():
            check_name(f"{place}: column", column)
            require(bool(COLUMN_TYPE.fullmatch(kind)), f"{place}: column {column} has the unknown type {kind!r}")
        if self.event_time is not None and self.sql is None:
            check_unpartitioned(place, self.columns)
        for entity in self.entities:
            for key, kind in entity.keys.items():
                found = self.columns.get(key)
                require(found == kind, f"{place}: key column {key} of {entity.name} is {found!r}, expected {kind!r}")
        for column in self.personal:
            require(column in self.columns, f"{place}: personal names {column!r}, which is not a declared column")
        self._check_times(place)
        self._check_view(place)

    def _check_times(self, place: str) -> None:
        require(
            self.static == (self.event_time is None),
            f"{place}: declare event_time, or static=True for facts that carry no time; exactly one of the two",
        )
        require(
            not (self.static and (self.known_time or self.delay is not None)),
            f"{place}: static facts have no known_time and no delay",
        )
        require(
            not (self.static and self.valid_until),
            f"{place}: static facts have no valid_until; declare when they begin: event_time",
        )
        require(
            self.valid_until is None or self.valid_until not in (self.event_time, self.known_time),
            f"{place}: valid_until {self.valid_until!r} is another of its times; a fact's end needs its own column",
        )
        require(
            self.static or (self.known_time is None) != (self.delay is None),
            f"{place}: say when a row is known: known_time=<column> or delay=<timedelta, zero if it must>; "
            "exactly one of the two",
        )
        require(self.delay is None or self.delay >= timedelta(0), f"{place}: delay {self.delay} is negative")
        roles = {"event_time": self.event_time, "known_time": self.known_time, "valid_until": self.valid_until}
        for role, column in roles.items():
            kind = self.columns.get(column, "absent") if column else "timestamp"
            require(kind in ("timestamp", "date"), f"{place}: {role} {column!r} is {kind}, expected timestamp or date")
        timed = any(kind in ("timestamp", "date") for kind in self.columns.values())
        require(
            not timed or self.zone is not None, f"{place}: has time columns; declare their zone, such as zone='UTC'"
        )
        if self.zone is not None:
            try:
                zone_of(self.zone)
            except ValueError as error:
                require(False, f"{place}: zone: {error}")

    def _check_view(self, place: str) -> None:
        require(
            (self.sql is None) == (not self.inputs),
            f"{place}: a view has sql= and inputs=, the sources that it reads; a loaded source has neither",
        )
        if self.sql is None:
            return
        check_distinct(f"{place}: source", [self.name, *(source.name for source in self.inputs)])
        for source in self.inputs:
            require(source.sql is None, f"{place}: input {source.name} is itself a view; join its inputs instead")
        for column, kind in self.columns.items():
            check_exact(place, column, kind)
        check_select(place, self.sql, {source.name: source.columns for source in self.inputs})

    @property
    def loaded(self) -> tuple[Source, ...]:
        """What lies in the lake for it: itself, or a view's inputs."""
        return (self,) if self.sql is None else self.inputs

    def check_column(self, place: str, column: str) -> str:
        """The type of a declared column, or a DeclarationError that names `place` and the columns there are."""
        require(
            column in self.columns,
            f"{place}: source {self.name} has no column {column!r}; it has {', '.join(sorted(self.columns))}",
        )
        return self.columns[column]
