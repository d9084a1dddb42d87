"""From a dataset to what a training job reads: the training part, and the holdout without its outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.encoding import Table, kind_of, rule_number
from assembly_line.errors import TrainingRejected
from assembly_line.features import ModelInputs, fit_inputs, schema_of
from assembly_line.instants import format_instant, from_micros
from assembly_line.names import Phase
from assembly_line.outcome_kinds import DECISION_TIME, Answer, Prior
from assembly_line.outcome_kinds import Truth as TruthOfOne
from assembly_line.training.splitting import HeldOut, split_by_time
from assembly_line.training.validation.linear import linear_answers
from assembly_line.training.validation.perturbation import MARK, nudged
from assembly_line.training.validation.segments import TIME, Parts, parts_of, parts_of_time


@dataclass(frozen=True, slots=True)
class Truth:
    """What the holdout's answers are compared with, row by row in the order of the holdout's input.

    Args:
        decision_id: names of the decisions.
        outcome: what the answers are judged by; for a binary line 1 where the declared outcome was present, else 0.
        baseline: the value of the one-feature rule; None where unknown.
        cluster: value of the first entity's first key, whose rows resemble each other; for a ranking the group's keys.
        segments: name -> the parts of the holdout by a declared column or by time.
        linear: answers of the linear model; None where there is none.
        nudged: places of the decisions that are asked about twice, the second time with changed numbers.
    """

    decision_id: list[str]
    outcome: list[TruthOfOne]
    baseline: list[float | None]
    cluster: list[Any]
    segments: Mapping[str, Parts] = field(default_factory=dict)
    linear: list[Answer] | None = None
    nudged: list[int] = field(default_factory=list)

    @property
    def again(self) -> list[str]:
        """Ids of what is asked behind the holdout, with changed numbers."""
        return [f"{self.decision_id[place]}{MARK}" for place in self.nudged]

    @property
    def asked(self) -> list[str]:
        """Ids in the order in which the model is asked."""
        return [*self.decision_id, *self.again]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInputs:
    """Everything that `prepare` writes for one fit.

    Args:
        encoding: fitted on the rows that are learnt from: the plain one, or the preprocessing that the line declares.
        train: CSV, label first, then the features; no header; missing values are empty.
        schema: names and forms of the features in the order of the columns, and the label's name.
        batch: CSV of the holdout, decision id first, then the features; no label.
        again: likewise, some of its decisions once more with changed numbers; empty in the final fit.
        truth: the holdout's outcomes, kept from the job.
        boundary: decision time, in microseconds since 1970, of the earliest held-out decision.
        purged: rows decided before it that the judged fit does not learn from, because their outcomes were not known
            by then.
        rows: rows that are learnt from: the training part, or all of them in the final fit.
        prior: what would be answered without features, from these rows; for a binary line the share of positives.
        scales: of a forecast: series -> what its errors are measured by, from these rows.
    """

    encoding: ModelInputs
    train: bytes
    schema: dict[str, Any]
    batch: bytes
    again: bytes
    truth: Truth
    boundary: int
    purged: int
    rows: int
    prior: Prior
    scales: Mapping[str, float] = field(default_factory=dict)

    @property
    def asked(self) -> bytes:
        """What the model is asked: the holdout, and behind it what is asked once more."""
        return self.batch + self.again


def columns_needed(line: Line) -> list[str]:
    """Columns of a training dataset that training reads."""
    kind = line.predicts
    first = ("decision_id", DECISION_TIME, kind.cluster(list(line.decision.keys)), *kind.unit_keys)
    return list(dict.fromkeys([*first, *line.validation.segments, *line.features, *line.outcome.columns]))


def training_inputs(table: Table, line: Line, *, phase: Phase) -> TrainingInputs:
    """Split by time, fit the encoding on what is learnt from alone, and write both parts.

    Args:
        table: column -> values for `columns_needed(line)`; decision times in microseconds since 1970.
        line: whose holdout share, minimum of rows and outcome apply.
        phase: the judged fit, and its replica, learn from the decisions before the holdout whose outcomes were known
            when it began, the final one from every row. The holdout is of the same decisions in all; the final fit has
            seen them, so its answers check the path and judge nothing.

    Raises:
        TrainingRejected: too few rows, an outcome that is not of the declared kind, or a part in which every outcome is
            the same; the message gives the counts.
        RequestRefused: nothing is trained for such an outcome.
    """
    kind = line.predicts
    times = table[DECISION_TIME]
    if len(times) < line.training.minimum_rows:
        raise _too_few(line, len(times), "the dataset")
    split = split_by_time(times, table[OUTCOME_KNOWN_AT], share=line.training.holdout)
    rows = _learnt(phase, split, len(times)).tolist()
    truths, scales = _truths(line, table, rows)
    _check_parts(line, truths, split)
    # In each phase, as they start side by side: none of them trains what another one refuses.
    _check_features(line, table, split.train.tolist())
    learnt = kind.learnt(truths, rows)
    train, holdout = (_part(table, line, truths, rows) for rows in (learnt, split.holdout.tolist()))
    encoding = fit_inputs(line.features, {name: train[name] for name in line.features}, line.training.preprocessing)
    truth, again = _truth(line, holdout), b""
    if phase is not Phase.FINAL:
        asked_twice = nudged(line.features, train, holdout)
        truth = replace(
            truth,
            linear=linear_answers(kind, line.features, train, train["truth"], holdout),
            nudged=asked_twice.rows,
        )
        again = encoding.csv(asked_twice.table, first=truth.again)
    return TrainingInputs(
        encoding=encoding,
        train=encoding.csv(train, first=list(map(kind.fields, train["truth"]))),
        schema={"label": line.outcome.name, **kind.schema, "features": schema_of(encoding)},
        batch=encoding.csv(holdout, first=holdout["decision_id"]),
        again=again,
        truth=truth,
        boundary=split.boundary,
        purged=split.purged,
        rows=len(learnt),
        prior=kind.prior(train["truth"]),
        scales=scales,
    )


def _truth(line: Line, holdout: Table) -> Truth:
    return Truth(
        decision_id=list(holdout["decision_id"]),
        outcome=list(holdout["truth"]),
        baseline=[rule_number(value) for value in holdout[line.training.baseline]],
        cluster=list(holdout["cluster"]),
        segments=_segments(line, holdout),
    )


def _segments(line: Line, holdout: Table) -> dict[str, Parts]:
    """Keys, categories and booleans by value; numbers and times in quarters; and all of it by time."""
    found = {TIME: parts_of_time(holdout[TIME])}
    for name in line.validation.segments:
        feature = line.features.get(name)
        by_value = feature is None or kind_of(feature) in ("category", "boolean")
        found[name] = parts_of(holdout[name], least_rows=line.validation.segment_rows, by_value=by_value)
    return found


def _check_features(line: Line, table: Table, rows: Sequence[int]) -> None:
    """Refuse a feature that teaches nothing in these rows, the training part."""
    for name in line.features:
        # NaN is no value that could differ.
        values = [None if table[name][row] != table[name][row] else table[name][row] for row in rows]
        if name not in line.validation.may_be_constant and len(set(values)) == 1:
            raise TrainingRejected.about(
                f"line {line.name}: feature {name}",
                f"all {len(values)} decisions of the training part have {values[0]!r}",
                "values that differ",
                "choose a later as_of, correct the feature or its source, take it out, or name it in "
                "validation.may_be_constant",
            )


def _learnt(phase: Phase, split: HeldOut, rows: int) -> NDArray[np.intp]:
    match phase:
        case Phase.FINAL:
            return np.arange(rows)
        case Phase.JUDGED | Phase.REPLICA:
            return split.train
        case _:
            assert_never(phase)


def _truths(line: Line, table: Table, learnt: Sequence[int]) -> tuple[Sequence[TruthOfOne], Mapping[str, float]]:
    """What each decision is judged by, and the scale of each series by the rows that are learnt from."""
    labels, kind = [], line.predicts
    stated = zip(*(table[name] for name in line.outcome.stated), strict=True)
    for identifier, values in zip(table["decision_id"], stated, strict=True):
        try:
            labels.append(kind.label(*values))
        except (ValueError, TypeError) as error:
            raise TrainingRejected(
                f"line {line.name}: decision {identifier}: outcome {line.outcome.name} {error}; correct source "
                f"{line.outcome.source.name}, or the declaration of the outcome, and build the dataset again"
            ) from error
    names = (DECISION_TIME, *kind.unit_keys)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*(table[name] for name in names), strict=True)]
    units = [kind.unit(row[DECISION_TIME], row) for row in rows]
    scales = kind.scales(labels, units, learnt)
    return kind.truths(labels, units, [scales.get(kind.series(row)) for row in rows]), scales


def _part(table: Table, line: Line, truths: Sequence[TruthOfOne], rows: Sequence[int]) -> Mapping[str, Sequence[Any]]:
    columns: dict[str, Sequence[Any]] = {
        name: table[name] for name in (*line.features, *line.validation.segments, TIME)
    }
    cluster = table[line.predicts.cluster(list(line.decision.keys))]
    columns |= {"decision_id": table["decision_id"], "truth": truths, "cluster": cluster}
    if len(rows) == 1:
        return {name: [values[rows[0]]] for name, values in columns.items()}
    pick = itemgetter(*rows)
    return {name: pick(values) for name, values in columns.items()}


def _check_parts(line: Line, truths: Sequence[TruthOfOne], split: HeldOut) -> None:
    since = format_instant(from_micros(split.boundary))
    if split.train.size < line.training.minimum_rows:
        left_out = f"; {split.purged} more are left out, as their outcomes were not known by then"
        raise _too_few(line, split.train.size, f"the training part (before {since}{left_out if split.purged else ''})")
    for part, rows in ((f"training part (before {since})", split.train), (f"holdout (from {since} on)", split.holdout)):
        problem = line.predicts.constant([truths[row] for row in rows.tolist()])
        if problem is not None:
            raise TrainingRejected(
                f"line {line.name}: {part}: {problem.format(outcome=line.outcome.name)}; expected "
                f"{line.predicts.needs} in each part; choose a later as_of, or another training.holdout in the "
                "declaration"
            )


def _too_few(line: Line, rows: int, where: str) -> TrainingRejected:
    return TrainingRejected(
        f"line {line.name}: {where} holds {rows} mature decisions; training.minimum_rows asks for "
        f"{line.training.minimum_rows}; choose a later as_of, by when more outcomes are mature, or lower the minimum"
    )
