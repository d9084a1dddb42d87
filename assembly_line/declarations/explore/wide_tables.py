"""Wide tables to explore: features of a population at a cadence, each row as exact as a decision of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.declarations.checks import MONTH, check_distinct, check_name, require
from assembly_line.declarations.clock import check_clock
from assembly_line.declarations.decisions import Decision
from assembly_line.declarations.derived import Expression, Ratio, with_parts
from assembly_line.declarations.entities import By, Entity, entities_of, key_columns, names_of
from assembly_line.declarations.explore.tables import AggregateTable
from assembly_line.declarations.features import Feature, StaticFeature
from assembly_line.declarations.populations import Generated
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed

OCCASION = "as_of"


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class WideTable:
    """Chosen features of a line for everybody in a population, at every occasion of its cadence.

    A row says what was known at its occasion, by the same cut as a dataset. Occasions run from the line's
    `history_since`, or the oldest event that is read, until before the newest event of the source that lags most.

    Args:
        name: with the line's, the table's name in the catalog.
        population: who has a row, and when: as in a generated spine.
        by: entities whose keys identify a row, beside the occasion (column `as_of`).
        features: names of features of the line that are by these entities alone, in the order of the columns.
        refresh: such as `weekly on monday at 05:00`, in UTC; by hand alone if None.
    """

    name: str
    population: Generated
    by: tuple[Entity, ...]
    features: tuple[str, ...]
    refresh: str | None = None

    def __post_init__(self) -> None:
        check_name("Table", self.name)
        place = f"Table {self.name}"
        require(bool(self.features), f"{place}: features is empty; name at least one of the line")
        require(bool(self.by), f"{place}: by is empty; {self.population.population.name} carries no entity's keys")
        check_clock(f"{place}: refresh", self.refresh)
        Decision(name=self.name, entities=self.by, spine=self.population)
        check_distinct(f"{place}: column", [*key_columns(self.by), OCCASION, MONTH, *self.features])

    def check_features(self, place: str, declared: Mapping[str, Feature]) -> None:
        """Refuse features that the line lacks, or that are not of the table's entities; and a table without an end.

        Raises:
            DeclarationError: names the feature and what would do.
        """
        for name in self.features:
            require(name in declared, f"{place}: {name!r} is not a feature; there are {', '.join(declared)}")
        timed = not self.population.population.static
        for name, feature in with_parts(declared, self.features).items():
            require(name != MONTH, f"{place}: feature {name} has the name of the table's partition")
            if isinstance(feature, Ratio | Expression):
                continue
            require(
                all(entity in self.by for entity in entities_of(feature.by)),
                f"{place}: feature {name} is by {names_of(feature.by)}, the table by {names_of(self.by)}",
            )
            timed = timed or not isinstance(feature, StaticFeature)
        require(timed, f"{place}: nothing in it has a time, so it has no last occasion; add a feature of events")

    @property
    def sources(self) -> tuple[Source, ...]:
        """What it reads beside the sources of its features."""
        return (self.population.population,)


Table = AggregateTable | WideTable


@typed
def wide(
    name: str,
    *,
    population: Generated,
    features: tuple[str, ...],
    by: By | None = None,
    refresh: str | None = None,
) -> WideTable:
    """A table of features for everybody in a population, at every occasion of its cadence.

    A row says what was known at its occasion, by the same rules as a dataset.

    Args:
        name: the name of the table in the catalog, after the name of the line.
        population: `Generated(...)`: who has a row, and when.
        features: names of features of the line, in the order of the columns. They must be by these entities alone.
        by: the entities whose keys identify a row, beside the occasion (column `as_of`). The default is every entity of
            the population's source.
        refresh: such as `weekly on monday at 05:00`, in UTC. None means only by hand.
    """
    return WideTable(
        name=name,
        population=population,
        by=population.population.entities if by is None else entities_of(by),
        features=features,
        refresh=refresh,
    )
