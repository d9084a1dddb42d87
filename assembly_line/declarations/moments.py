"""What says when something is: a time column of a source, or a static time of an entity."""

from __future__ import annotations

from assembly_line.declarations.checks import require
from assembly_line.declarations.entities import Entity, entities_of
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.sources import Source

TIMES = ("date", "timestamp")


def check_moment(place: str, role: str, moment: StaticFeature, entities: tuple[Entity, ...]) -> None:
    """Refuse a static feature that cannot say when: not a time, or of an entity that the decision does not have."""
    kind = moment.source.columns[moment.column]
    require(kind in TIMES, f"{place}: {role} {moment.column} is {kind}, expected date or timestamp")
    for entity in entities_of(moment.by):
        require(entity in entities, f"{place}: {role} belongs to {entity.name}, which is not one of its entities")


def check_time_column(place: str, role: str, source: Source, column: str) -> None:
    """Refuse a column that the source does not have, or that holds no times."""
    kind = source.check_column(f"{place}: {role}", column)
    require(kind in TIMES, f"{place}: {role} {column} of {source.name} is {kind}, expected date or timestamp")
