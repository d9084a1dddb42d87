"""A dataset in a few figures, small enough to keep for good: what later datasets of its kind are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assembly_line.canonical import digest
from assembly_line.declarations.sampling import sampling_to_json
from assembly_line.documents import document_of, read_document
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.value_rules import is_number
from assembly_line.features.values.columns import Column
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.wording.personal_data import personal_features
from assembly_line.instants import DAY_MICROS, to_micros

# A string with more different values than this is no enumeration.
MOST_VALUES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFigures:
    """One feature of one dataset. Of a personal feature only the share of nulls is kept.

    Args:
        nulls: share of nulls in [0, 1].
        low, high: least and greatest finite value of a number; None without one.
        values: the different values of a string, in order; None if there are too many.
    """

    nulls: float
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFigures:
    """One dataset.

    Args:
        days: length of the period that its decisions may come from, at least one.
        positives: share of decisions with the outcome; None without a binary outcome.
    """

    dataset_id: str
    rows: int
    days: float
    positives: float | None
    features: Mapping[str, FeatureFigures]

    def to_json(self) -> dict[str, Any]:
        document = document_of(self)
        kept = {name: _known(one) for name, one in document["features"].items()}
        return {**document, "features": kept}


def figures_from_json(document: Mapping[str, Any]) -> DatasetFigures:
    """Read back what `to_json` wrote."""
    return read_document(DatasetFigures, document)


def _known(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known of a feature."""
    return {name: value for name, value in document.items() if value is not None}


def kind_of_dataset(plan: Plan) -> str:
    """Names the datasets that can be held against each other: of one purpose and sampling, with the same features."""
    sampling = [] if plan.sampling is None else [sampling_to_json(plan.sampling)]
    return f"{plan.purpose}-{digest([*sorted(plan.features), *sampling])[:16]}"


def figures_of(plan: Plan, columns: Mapping[str, Column]) -> DatasetFigures:
    """The figures of a dataset as it was written."""
    rows = len(columns[DECISION_TIME])
    personal = personal_features(plan.line, plan.features)
    present = [name for name in plan.features if name in columns]
    return DatasetFigures(
        dataset_id=plan.dataset_id,
        rows=rows,
        days=_days(plan, columns[DECISION_TIME]),
        positives=_positives(plan, columns),
        features={name: _feature(columns[name], personal=name in personal) for name in present},
    )


def _feature(column: Column, *, personal: bool) -> FeatureFigures:
    nulls = float((~column.valid).mean()) if len(column) else 0.0
    if personal or not column.valid.any():
        return FeatureFigures(nulls=nulls)
    if is_number(column):
        values = as_float(column)[column.valid]
        finite = values[np.isfinite(values)]
        if len(finite):
            return FeatureFigures(nulls=nulls, low=float(finite.min()), high=float(finite.max()))
    if column.kind == "string":
        different = set(column.values[column.valid].tolist())
        if len(different) <= MOST_VALUES:
            return FeatureFigures(nulls=nulls, values=tuple(sorted(different)))
    return FeatureFigures(nulls=nulls)


def _positives(plan: Plan, columns: Mapping[str, Column]) -> float | None:
    outcome = plan.line.outcome
    if (
        not plan.with_outcome
        or not outcome.has_classes
        or outcome.name not in columns
        or not len(columns[outcome.name])
    ):
        return None
    column = columns[outcome.name]
    binary = column.kind == "int64" and np.isin(column.values[column.valid], (outcome.present, outcome.absence)).all()
    return float((column.values[column.valid] == outcome.present).mean()) if binary and column.valid.any() else None


def _days(plan: Plan, times: Column) -> float:
    """From the declared or actual beginning to the end of what may be decided on."""
    end = to_micros(plan.as_of if plan.until is None else min(plan.until, plan.as_of))
    starts = [to_micros(since) for since in (plan.since, plan.line.decision.history_since) if since is not None]
    if not starts and times.valid.any():
        starts = [int(times.values[times.valid].min())]
    return max(1.0, (end - max(starts)) / DAY_MICROS) if starts else 1.0
