"""Facts of static sources, the end of facts that change, and features made of two others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assembly_line.errors import QualityGateFailed
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.values.columns import Column, Integers


def static_values(
    entities: Integers, codes: Integers, columns: Mapping[str, Column], *, place: str
) -> dict[str, Column]:
    """Facts of static rows for decisions: null where the entity has no row.

    Args:
        entities: code of each decision's entity, negative for a null key.
        codes: code of each static row's entity.
        place: names the source in errors.

    Raises:
        QualityGateFailed: an entity has several rows that disagree, so the fact is ambiguous.
    """
    known = codes >= 0
    rows_of = np.full(max(int(codes.max(initial=-1)), int(entities.max(initial=-1))) + 2, -1, np.int64)
    rows_of[codes[known]] = np.flatnonzero(known)
    for name, column in columns.items():
        ranks = column.ranks()
        clashing = known & (ranks != ranks[rows_of[codes]])
        if clashing.any():
            raise QualityGateFailed(
                f"{place}: column {name}: {len(np.unique(codes[clashing]))} entities have several rows with different "
                "values; a static source states a fact once: load it with one row for each entity"
            )
    # Code -1 looks up the last place, which no entity has.
    found = rows_of[np.where(entities >= 0, entities, len(rows_of) - 1)]
    return {name: column.take(found) for name, column in columns.items()}


def in_force(found: Integers, ends: Column, decision_times: Integers) -> Integers:
    """Positions of facts, -1 for those whose validity ended at or before the decision; without an end it goes on.

    Args:
        found: position of a fact for each decision, -1 where there is none.
        ends: until when each fact is valid, as instants.
    """
    end = ends.take(found)
    return np.where(end.valid & (end.values <= decision_times), -1, found)


def share_of(part: Column, whole: Column) -> Column:
    """A part of a whole as float64: a part of nothing is 0; null where the whole is 0 or null."""
    known = np.ones(len(part), np.bool_)
    return ratio_of(Column(part.kind, np.where(part.valid, part.values, 0), known), whole)


def ratio_of(numerator: Column, denominator: Column) -> Column:
    """One number divided by another as float64; null where the denominator is 0 or either is null."""
    above, below = as_float(numerator), as_float(denominator)
    valid = numerator.valid & denominator.valid & (below != 0)
    with np.errstate(all="ignore"):
        values = np.where(valid, above, 0.0) / np.where(valid, below, 1.0)
    return Column("float64", values, valid)
