"""What the trials of a search read: the decisions before the holdout, split once more by time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.encoding import Table
from assembly_line.errors import TrainingRejected
from assembly_line.instants import format_instant, from_micros
from assembly_line.names import Phase
from assembly_line.outcome_kinds import DECISION_TIME
from assembly_line.training.inputs import require_fits, training_inputs
from assembly_line.training.splitting import HeldOut, split_by_time


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialInputs:
    """Everything that a trial reads.

    Args:
        train: CSV as of a judged fit, of the decisions before the fold.
        validation: likewise, of the fold: the same columns, label first, encoded by what `train` has.
        schema: names and forms of the columns.
        rows: how many decisions a trial learns from.
        fold_rows: on how many it reports.
        fold_from: decision time of the first of them.
        purged: decisions before the fold that no trial learns from, because their outcomes were not known by then.
    """

    train: bytes
    validation: bytes
    schema: dict[str, Any]
    rows: int
    fold_rows: int
    fold_from: str
    purged: int


def trial_inputs(table: Table, line: Line) -> TrialInputs:
    """Split the training part of the judged fit by the rule that split off the holdout: its latest decisions report.

    No held-out decision is among them, and no outcome that was not known when the first of those was taken.

    Args:
        table: column -> values for `columns_needed(line)`.
        line: whose `Training.holdout` is the share of the fold, too.

    Raises:
        TrainingRejected: too few rows or instants, or a part in which every outcome is the same; of the trials, or of
            any fit that follows them.
    """
    require_fits(table, line)
    share = line.training.holdout
    before = _rows(table, split_by_time(table[DECISION_TIME], table[OUTCOME_KNOWN_AT], share=share))
    try:
        inputs = training_inputs(before, _of_trials(line), phase=Phase.JUDGED)
    except TrainingRejected as error:
        raise TrainingRejected(
            f"tuning, which splits the decisions before the holdout once more: {error}; or declare no tuning"
        ) from error
    fold = split_by_time(before[DECISION_TIME], before[OUTCOME_KNOWN_AT], share=share).holdout.tolist()
    kind, truths = line.predicts, inputs.truth.outcome
    places = kind.learnt(truths, range(len(truths)))
    reported = {name: [before[name][fold[place]] for place in places] for name in line.features}
    return TrialInputs(
        train=inputs.train,
        validation=inputs.encoding.csv(reported, first=[kind.fields(truths[place]) for place in places]),
        schema=inputs.schema,
        rows=inputs.rows,
        fold_rows=len(fold),
        fold_from=format_instant(from_micros(inputs.boundary)),
        purged=inputs.purged,
    )


def _rows(table: Table, split: HeldOut) -> Table:
    rows = split.train.tolist()
    return {name: [values[row] for row in rows] for name, values in table.items()}


def _of_trials(line: Line) -> Line:
    """The declared minimum, the refusal of constant features, folds, parts and importance are about the fits."""
    judged = replace(
        line.validation,
        may_be_constant=tuple(line.features),
        folds=0,
        fold_thresholds={},
        learning_curve=(),
        importance=False,
    )
    return replace(line, training=replace(line.training, minimum_rows=1), validation=judged)
