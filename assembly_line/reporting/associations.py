"""How the outcome differs along each feature, with what chance alone would do. It is correlation, whatever it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from assembly_line.features import literal, parquet_rows, personal_features, quoted
from assembly_line.reporting.grouped import LEVEL, Interval, Mean, holm
from assembly_line.reporting.judged import Judged
from assembly_line.reporting.words import number

FIFTHS = 5
MOST_LEVELS = 8
NO_VALUE, OTHERS = "no value", "others"
TOO_FEW = "too few decisions to compare"
ONE_VALUE = "it has one value only"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIMESTAMP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One feature beside the outcome.

    Args:
        groups: label -> mean outcome there: fifths of a number, or the commonest values.
        difference: mean outcome of the highest group of a number less that of its lowest; None of other features.
        chance: how probable groups that differ so are if nothing goes along.
        adjusted: the same, adjusted for all features that were looked at (Holm).
        why_not: why there is no figure.
    """

    name: str
    personal: bool
    groups: tuple[tuple[str, Mean], ...] = ()
    difference: tuple[float, Interval] | None = None
    chance: float | None = None
    adjusted: float | None = None
    why_not: str | None = None

    @property
    def clear(self) -> bool:
        """Whether chance alone would hardly do it, all looks counted."""
        return self.adjusted is not None and self.adjusted <= 1 - LEVEL

    @property
    def shown(self) -> tuple[tuple[str, Mean], ...]:
        """The groups that may be shown: none of a personal feature."""
        return () if self.personal else self.groups


def associations(judged: Judged, datasets: Mapping[str, Path]) -> list[Association]:
    """Every feature of the line that the datasets have: the clearest first, those without a figure last.

    Args:
        datasets: id -> a file with the rows that were scored.
    """
    columns = _join_features(judged, datasets)
    personal = personal_features(judged.line, judged.line.features)
    found = [
        _looked_at(judged, name, kind, personal=name in personal)
        for name, kind in columns.items()
        if name in judged.line.features
    ]
    looks = [one for one in found if one.chance is not None]
    adjusted = dict(zip((one.name for one in looks), holm([one.chance or 0.0 for one in looks]), strict=True))
    told = [replace(one, adjusted=adjusted.get(one.name)) for one in found]
    last = 2.0
    return sorted(told, key=lambda one: (last if one.chance is None else one.chance, one.name))


def _join_features(judged: Judged, datasets: Mapping[str, Path]) -> dict[str, str]:
    """The table `featured`: the judged decisions with their features as they were scored. Feature -> its type."""
    if not datasets:
        return {}
    parts = " UNION ALL BY NAME ".join(
        f"SELECT {literal(name)} AS scored_with, * FROM {parquet_rows([path])}" for name, path in datasets.items()
    )
    judged.session.execute(f"CREATE OR REPLACE TEMP VIEW scored_rows AS {parts}")
    there = judged.session.types("scored_rows")
    names = [name for name in judged.line.features if name in there]
    listed = "".join(f", any_value({quoted(name)}) AS {quoted(name)}" for name in names)
    taken = "".join(f", rows.{quoted(name)}" for name in names)
    judged.session.execute(
        f"CREATE OR REPLACE TEMP TABLE featured AS SELECT judged.cluster, judged.y{taken} FROM judged "
        f"JOIN (SELECT decision_id, scored_with{listed} FROM scored_rows GROUP BY decision_id, scored_with) AS rows "
        "ON rows.decision_id = judged.decision_id AND rows.scored_with = judged.dataset_id"
    )
    return {name: there[name] for name in names}


def _looked_at(judged: Judged, name: str, kind: str, *, personal: bool) -> Association:
    labels, query = (_fifths if kind.startswith(_NUMBERS) else _levels)(judged, name)
    grouped = judged.summed(query, count=len(labels))
    groups = tuple(
        (label, mean) for label, mean in zip(labels, grouped.means(shares=judged.shares), strict=True) if mean.rows
    )
    found = Association(name=name, personal=personal, groups=groups)
    compared = np.flatnonzero(grouped.enough)
    if len(compared) < 2:
        return replace(found, why_not=ONE_VALUE if len(groups) < 2 and groups[0][1].enough else TOO_FEW)
    found = replace(found, chance=grouped.only(compared).chance())
    numbered = [place for place in compared.tolist() if place < FIFTHS]
    if kind.startswith(_NUMBERS) and len(numbered) > 1 and not personal:
        found = replace(found, difference=grouped.difference(numbered[-1], numbered[0]))
    return found


def _fifths(judged: Judged, name: str) -> tuple[list[str], str]:
    """About equally many decisions each; equal values stand together, so there may be fewer."""
    column = quoted(name)
    judged.session.execute(
        f"CREATE OR REPLACE TEMP TABLE cut AS SELECT cluster, y, {column} AS value, CASE WHEN {column} IS NULL "
        f"THEN {FIFTHS} ELSE (rank() OVER (PARTITION BY {column} IS NULL ORDER BY {column}) - 1) * {FIFTHS} "
        f"// count({column}) OVER () END AS place FROM featured"
    )
    bounds = {
        place: (low, high)
        for place, low, high in judged.session.rows("SELECT place, min(value), max(value) FROM cut GROUP BY place")
    }
    labels = [_range(*bounds[place]) if place in bounds else "" for place in range(FIFTHS)]
    return [*labels, NO_VALUE], _SUMS


def _levels(judged: Judged, name: str) -> tuple[list[str], str]:
    column = f"CAST({quoted(name)} AS VARCHAR)"
    common = [
        value
        for (value,) in judged.session.rows(
            f"SELECT {column} AS value FROM featured WHERE value IS NOT NULL GROUP BY value "
            f"ORDER BY count(*) DESC, value LIMIT {MOST_LEVELS}"
        )
    ]
    judged.session.execute(
        f"CREATE OR REPLACE TEMP TABLE cut AS SELECT cluster, y, CASE WHEN {column} IS NULL THEN {len(common) + 1} "
        f"ELSE coalesce(list_position(?::VARCHAR[], {column}) - 1, {len(common)}) END AS place FROM featured",
        [common],
    )
    return [*(value or "(empty)" for value in common), OTHERS, NO_VALUE], _SUMS


_SUMS = "SELECT cluster, place, count(*) AS rows, sum(y) AS total FROM cut GROUP BY cluster, place"


def _range(low: Any, high: Any) -> str:
    return _told(low) if low == high else f"{_told(low)} to {_told(high)}"


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    return value.isoformat() if isinstance(value, date) else number(float(value))


def spread(groups: Sequence[tuple[str, Mean]]) -> tuple[tuple[str, Mean], tuple[str, Mean]] | None:
    """The groups with the lowest and the highest mean, of those with enough decisions."""
    known = [(label, mean) for label, mean in groups if mean.mean is not None]
    if len(known) < 2:
        return None
    return min(known, key=_mean), max(known, key=_mean)


def _mean(one: tuple[str, Mean]) -> float:
    return one[1].mean or 0.0
