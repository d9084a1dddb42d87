"""Entities: what is decided about, alone or several together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.declarations.checks import check_distinct, check_name, require
from assembly_line.declarations.typed import typed

KEY_TYPES = ("int64", "string", "boolean")


@typed
@dataclass(frozen=True, slots=True)
class Entity:
    """Something that you decide about, or that events are about, such as a household.

    Two entities may share a key column. It is one column of each table, so it means the same for both.

    Args:
        name: such as `household`.
        keys: key column -> type: int64, string or boolean. Keys compare exactly. A null key matches nothing.
    """

    name: str
    keys: Mapping[str, str]

    def __post_init__(self) -> None:
        check_name("Entity", self.name)
        require(bool(self.keys), f"Entity {self.name}: keys is empty; name at least one key column")
        check_distinct(f"Entity {self.name}: key", self.keys)
        for column, kind in self.keys.items():
            check_name(f"Entity {self.name}: key", column)
            require(kind in KEY_TYPES, f"Entity {self.name}: key {column} is {kind!r}; expected one of {KEY_TYPES}")


# Whose rows count: those of one entity, or those that carry the keys of several.
By = Entity | tuple[Entity, ...]


def entities_of(by: By) -> tuple[Entity, ...]:
    return (by,) if isinstance(by, Entity) else by


def names_of(by: By) -> str:
    """Such as `origin`, or `origin and carrier`."""
    return " and ".join(entity.name for entity in entities_of(by))


def key_columns(by: By) -> dict[str, str]:
    """Key column -> type, in order; a column that several entities share stands where the first of them has it."""
    return {key: kind for entity in entities_of(by) for key, kind in entity.keys.items()}


def check_entities(place: str, entities: tuple[Entity, ...]) -> None:
    """Refuse an entity that is named twice, and entities whose key columns cannot stand beside each other.

    Entities may share a key column: it is one column of one table, so it means the same for both.
    """
    names = [entity.name for entity in entities]
    require(len(set(names)) == len(names), f"{place}: names an entity twice: {', '.join(names)}")
    kinds = key_columns(entities)
    for entity in entities:
        for key, kind in entity.keys.items():
            require(
                kinds[key] == kind,
                f"{place}: key column {key} is {kind} of {entity.name} and {kinds[key]} of another; declare one type",
            )
    check_distinct(f"{place}: key", kinds)


def in_order(by: By, carried: tuple[Entity, ...]) -> By:
    """The same entities in the order of the source, one of them bare: so equal declarations are equal."""
    chosen = entities_of(by)
    return chosen[0] if len(chosen) == 1 else tuple(entity for entity in carried if entity in chosen)
