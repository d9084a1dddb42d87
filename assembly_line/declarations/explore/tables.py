"""Tables to explore: aggregates of a source by period, materialised on a schedule. Built by the functions below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assembly_line.declarations.checks import MONTH, NUMERIC, check_distinct, check_name, require
from assembly_line.declarations.clock import check_clock
from assembly_line.declarations.entities import By, Entity, check_entities, entities_of, key_columns
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed
from assembly_line.instants import zone_of

MeasureKind = Literal["count", "sum", "mean", "min", "max", "distinct"]
TablePeriod = Literal["day", "week", "month"]
PERIOD = "period_start"
GROUPABLE = ("int64", "string", "boolean", "date")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a table says of the events of one group: a count, or an aggregate of a column."""

    kind: MeasureKind
    column: str | None = None

    def __post_init__(self) -> None:
        require(
            (self.kind == "count") == (self.column is None),
            f"Measure {self.kind} of {self.column}: count takes no column, all others take one",
        )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateTable:
    """The events of a source in groups: by entities, further columns and period.

    It says what the loaded events are, not what was known when: it is for exploring, never for training.

    Args:
        name: with the line's, the table's name in the catalog.
        by: entities whose keys are columns of the table. An event with a null key is in no group.
        columns: further columns of the source to group by; a null is a group of its own.
        period: a day, a week from Monday on, or a month, in `zone`; its first day is the column `period_start`.
        zone: by default the source's. A source whose event time is a date keeps its own days.
        measures: column of the table -> what it says.
        refresh: such as `daily at 05:00`, `weekly on monday at 05:00`, `monthly on 1 at 05:00`, in UTC; by hand alone
            if None.
    """

    name: str
    source: Source
    by: tuple[Entity, ...] = ()
    columns: tuple[str, ...] = ()
    period: TablePeriod
    zone: str
    measures: Mapping[str, Measure]
    refresh: str | None = None

    def __post_init__(self) -> None:
        check_name("Table", self.name)
        place = f"Table {self.name}"
        require(not self.source.static, f"{place}: source {self.source.name} is static; an aggregate needs events")
        require(self.source.sql is None, f"{place}: source {self.source.name} is a view; name a loaded source")
        require(bool(self.measures), f"{place}: measures is empty; say at least one, such as measure('count')")
        check_entities(f"{place}: by", self.by)
        for entity in self.by:
            require(entity in self.source.entities, f"{place}: source {self.source.name} lacks {entity.name}'s keys")
        for column in self.columns:
            kind = self.source.check_column(place, column)
            require(kind in GROUPABLE, f"{place}: column {column} is {kind}; groups are by {', '.join(GROUPABLE)}")
        for name, one in self.measures.items():
            check_name(f"{place}: measure", name)
            self._check_measure(f"{place}: measure {name}", one)
        check_distinct(f"{place}: column", [PERIOD, MONTH, *self.groups, *self.measures])
        check_clock(f"{place}: refresh", self.refresh)
        try:
            zone_of(self.zone)
        except ValueError as error:
            require(False, f"{place}: zone: {error}")

    @property
    def groups(self) -> tuple[str, ...]:
        """Columns of the source that the table groups by, beside the period."""
        return (*key_columns(self.by), *self.columns)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What it reads."""
        return (self.source,)

    def _check_measure(self, place: str, measure: Measure) -> None:
        if measure.column is None:
            return
        kind = self.source.check_column(place, measure.column)
        numbers = measure.kind in ("sum", "mean")
        require(
            not numbers or kind.startswith(NUMERIC),
            f"{place}: {measure.kind} of column {measure.column}, which is {kind}; expected a number",
        )


@typed
def measure(kind: MeasureKind, column: str | None = None) -> Measure:
    """A column of an aggregate table: `measure("count")`, or such as `measure("sum", "sales_value")`.

    Args:
        kind: `count`, `sum`, `mean`, `min`, `max` or `distinct`.
        column: the column of the source. `count` takes none.
    """
    return Measure(kind=kind, column=column)


@typed
def aggregate(
    name: str,
    source: Source,
    *,
    period: TablePeriod,
    measures: Mapping[str, Measure],
    by: By = (),
    columns: tuple[str, ...] = (),
    zone: str | None = None,
    refresh: str | None = None,
) -> AggregateTable:
    """A table of a source's events by entities, columns and period. It is for exploring, never for training.

    Args:
        name: the name of the table in the catalog, after the name of the line.
        source: a loaded source of events.
        period: `day`, `week` (from Monday on) or `month`. The column `period_start` holds its first day.
        measures: column of the table -> `measure(...)`.
        by: an entity, or a tuple of several, whose keys are columns of the table. An event with a null key is in no
            group.
        columns: further columns of the source to group by. Null is a group of its own.
        zone: the time zone of the periods. The default is the zone of the source. A date keeps its own day.
        refresh: such as `daily at 05:00`, `weekly on monday at 05:00` or `monthly on 1 at 05:00`, in UTC. None means
            only by hand.
    """
    return AggregateTable(
        name=name,
        source=source,
        by=entities_of(by),
        columns=columns,
        period=period,
        zone=zone or source.zone or "UTC",
        measures=measures,
        refresh=refresh,
    )
