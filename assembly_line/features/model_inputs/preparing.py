"""From the rows of a dataset to the parts that a model reads, one fold after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np

from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.balance import Balance, balanced
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.features.model_inputs.forecasting import forecasting_targets
from assembly_line.features.model_inputs.memory import require_memory
from assembly_line.features.model_inputs.preprocessing import Fitted, apply, fit, unseen
from assembly_line.features.model_inputs.splitting import TRAIN, Fold, split_rows
from assembly_line.features.model_inputs.targets import (
    Targets,
    filled,
    label_targets,
    ranking_targets,
    survival_targets,
)
from assembly_line.features.model_inputs.timeline import codes_of, named, timeline_of
from assembly_line.features.values.columns import Column, Floats, Integers
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.ordering import order_of
from assembly_line.instants import format_instant, from_micros
from assembly_line.model_types import Balanced, Forecasting, GradientBoosting, Linear, ModelSpec, Ranking, Survival

Columns = Mapping[str, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a fold, its rows in order.

    Args:
        columns: of the part's file.
        ids: decision_id and decision_time of the same rows.
        weights: of the same rows; None where none were asked for.
        groups: sizes of the groups that the rows stand in, in order; None where they stand in none.
        record: counts, as the manifest shows them.
    """

    name: str
    columns: Columns
    ids: Columns
    weights: Floats | None
    groups: Integers | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFold:
    """One fold: what was fitted on its training part, its parts, and how it was cut."""

    number: int | None
    fitted: Fitted
    parts: tuple[Part, ...]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDataset:
    """A dataset that is cut into folds, which are computed when they are asked for.

    Args:
        meanings: what each column before the features says, in order.
        left_out: reason -> rows of the dataset that no part can hold.
        limitations: what could not be taken into account.
    """

    meanings: Mapping[str, str]
    left_out: Mapping[str, int]
    limitations: tuple[str, ...]
    folds: Iterator[PreparedFold]


def prepare_inputs(
    columns: Columns, facts: Facts, spec: ModelSpec, *, memory_mib: int | None = None
) -> PreparedDataset:
    """Cut a dataset into the parts that a type of model needs.

    Args:
        columns: the whole dataset; the order of its rows does not matter.
        spec: with its defaults resolved.
        memory_mib: of this machine, which the folds must fit into; None on a machine without a bound.

    Raises:
        RequestRefused: the rows do not allow what is asked for; the message names the field. A fold whose features
            become too many columns is refused when it is computed.
    """
    if not len(columns[DECISION_ID]):
        raise RequestRefused(
            f"model: dataset {facts.dataset_id} has no rows, so there is nothing to split",
            where="model",
            value=f"dataset {facts.dataset_id} without rows",
            expected="rows to split",
        )
    ordered = _ordered(columns)
    times = ordered[DECISION_TIME].values
    known = _known(ordered[OUTCOME_KNOWN_AT]) if OUTCOME_KNOWN_AT in ordered else times
    targets = _targets(ordered, facts, known, spec)
    chosen = {name: column.take(targets.rows) for name, column in ordered.items()}
    together = codes_of(named(chosen, spec.split.keep_together)) if spec.split.keep_together else None
    timeline = timeline_of(times[targets.rows], targets.known, units=targets.units, together=together)
    folds = split_rows(timeline, spec.split)
    limitation = f"the dataset has no column {OUTCOME_KNOWN_AT}: outcomes are taken as known at their decision time"
    return PreparedDataset(
        meanings=targets.meanings,
        left_out=targets.left_out,
        limitations=() if OUTCOME_KNOWN_AT in ordered else (limitation,),
        folds=(
            _prepared(fold, chosen, targets, _fitted(chosen, fold.parts[TRAIN], facts, spec, memory_mib), spec)
            for fold in folds
        ),
    )


def preprocessing_of(spec: ModelSpec) -> Preprocessing:
    """What is done to the features for a type of model."""
    match spec:
        case Linear():
            return Preprocessing(encoding="one_hot", imputation=spec.imputation, scaling=spec.scaling, unknown=True)
        case Forecasting() | Survival():
            return Preprocessing(encoding=spec.encoding, imputation=spec.imputation, scaling=spec.scaling)
        case GradientBoosting() | Ranking():
            return Preprocessing(encoding=spec.encoding)
        case _:
            assert_never(spec)


def _known(column: Column) -> Integers:
    """When each outcome was known; a null known time is never known."""
    return np.where(column.valid, column.values, np.iinfo(np.int64).max)


def _ordered(columns: Columns) -> dict[str, Column]:
    """The rows by decision time and id, so that the same rows give the same parts whatever their order was."""
    order = order_of([columns[DECISION_TIME].values, columns[DECISION_ID].ranks()])
    return {name: column.take(order) for name, column in columns.items()}


def _targets(columns: Columns, facts: Facts, known: Integers, spec: ModelSpec) -> Targets:
    match spec:
        case Ranking():
            return ranking_targets(columns, facts, known, spec)
        case Forecasting():
            return forecasting_targets(columns, facts, known, spec)
        case Survival():
            return survival_targets(columns, facts, known, spec)
        case GradientBoosting() | Linear():
            return label_targets(columns, facts, known)
        case _:
            assert_never(spec)


def _fitted(columns: Columns, train: Integers, facts: Facts, spec: ModelSpec, memory_mib: int | None) -> Fitted:
    fitted = fit(_taken({name: columns[name] for name in facts.features}, train), preprocessing_of(spec))
    if memory_mib is not None:
        require_memory(spec, facts, memory_mib=memory_mib, outputs=len(fitted.outputs))
    return fitted


def _prepared(fold: Fold, columns: Columns, targets: Targets, fitted: Fitted, spec: ModelSpec) -> PreparedFold:
    balance = _balance(fold, columns, targets, spec)
    parts = []
    left_out = {name: dict(reasons) for name, reasons in fold.left_out.items()}
    if balance is not None and (drawn_out := len(fold.parts[TRAIN]) - len(balance.rows)):
        left_out[TRAIN]["downsampled"] = drawn_out
    for name, rows in fold.parts.items():
        part = _part(name, rows if balance is None or name != TRAIN else rows[balance.rows], columns, targets, fitted)
        parts.append(part if balance is None or name != TRAIN else replace(part, weights=balance.weights))
    record = {
        "fold": fold.number,
        "fitted_digest": fitted.digest,
        "left_out": left_out,
        "shared_groups": fold.shared_groups,
        "balance": None if balance is None else balance.record,
    }
    return PreparedFold(number=fold.number, fitted=fitted, parts=tuple(parts), record=record)


def _balance(fold: Fold, columns: Columns, targets: Targets, spec: ModelSpec) -> Balance | None:
    if not isinstance(spec, Balanced) or targets.positive is None:
        return None
    rows = fold.parts[TRAIN]
    return balanced(spec, targets.positive[rows], columns[DECISION_ID].values[rows].tolist())


def _part(name: str, rows: Integers, columns: Columns, targets: Targets, fitted: Fitted) -> Part:
    """One part, without weights."""
    sizes = None
    if targets.units is not None:
        rows = rows[np.argsort(targets.units[rows], kind="stable")]
        sizes = np.unique(targets.units[rows], return_counts=True)[1]
    taken = _taken({one.name: columns[one.name] for one in fitted.columns}, rows)
    numbers = {column: filled("float64", values) for column, values in apply(fitted, taken).items()}
    times = columns[DECISION_TIME].values[rows]
    return Part(
        name=name,
        columns={**_taken(targets.columns, rows), **numbers},
        ids=_taken({column: columns[column] for column in (DECISION_ID, DECISION_TIME)}, rows),
        weights=None,
        groups=sizes,
        record={
            "rows": len(rows),
            "positives": None if targets.positive is None else int(targets.positive[rows].sum()),
            "groups": None if sizes is None else len(sizes),
            "first_decision": format_instant(from_micros(int(times.min()))),
            "last_decision": format_instant(from_micros(int(times.max()))),
            "unseen_categories": unseen(fitted, taken),
        },
    )


def _taken(columns: Columns, rows: Integers) -> dict[str, Column]:
    return {name: column.take(rows) for name, column in columns.items()}
