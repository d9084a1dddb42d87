"""From a dataset to what a training job reads: the training part, and the holdout without its outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.declarations.training.validation import PLANTED
from assembly_line.encoding import Table, kind_of, rule_number
from assembly_line.errors import TrainingRejected
from assembly_line.features import ModelInputs, fit_inputs, schema_of
from assembly_line.instants import format_instant, from_micros
from assembly_line.names import Phase
from assembly_line.outcome_kinds import DECISION_TIME, Answer, Prior, Ranking
from assembly_line.outcome_kinds import Truth as TruthOfOne
from assembly_line.training.splitting import HeldOut, drawn, earlier_folds, split_by_time
from assembly_line.training.validation.linear import linear_answers
from assembly_line.training.validation.noise import PLANTED_FEATURE, planted
from assembly_line.training.validation.perturbation import MARK, nudged
from assembly_line.training.validation.questions import SEED, Questions, asked_more, ids_of, questions
from assembly_line.training.validation.segments import TIME, Parts, parts_of, parts_of_time

# Where further fits are declared, and what mends a part that is too small.
_DECLARED = {
    Phase.FOLD: ("validation.folds: fold", "declare fewer folds"),
    Phase.PART: ("validation.learning_curve: share", "declare a larger share"),
}


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
        repeated: places of those that are asked once more as the line scores.
        exchanged: places of those that are asked once more for each of `features`, whose values are exchanged.
    """

    decision_id: list[str]
    outcome: list[TruthOfOne]
    baseline: list[float | None]
    cluster: list[Any]
    segments: Mapping[str, Parts] = field(default_factory=dict)
    linear: list[Answer] | None = None
    nudged: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    exchanged: list[int] = field(default_factory=list)
    features: list[str] = field(default_factory=list)

    @property
    def again(self) -> list[str]:
        """Ids of what is asked behind the holdout: with changed numbers, as the line scores, with exchanged values."""
        return [*self.asked_twice, *ids_of(self.questions, self.decision_id)]

    @property
    def asked_twice(self) -> list[str]:
        """Ids of what is asked with changed numbers."""
        return [f"{self.decision_id[place]}{MARK}" for place in self.nudged]

    @property
    def questions(self) -> Questions:
        return Questions(repeated=self.repeated, exchanged=self.exchanged, features=self.features)

    @property
    def rows_nudged(self) -> slice:
        """Places of the answers to changed numbers among all answers."""
        return slice(begin := len(self.decision_id), begin + len(self.nudged))

    @property
    def rows_repeated(self) -> slice:
        """Likewise, of the answers that the line would score."""
        return slice(begin := self.rows_nudged.stop, begin + len(self.repeated))

    @property
    def rows_exchanged(self) -> slice:
        """Likewise, of the answers to exchanged values."""
        return slice(begin := self.rows_repeated.stop, begin + len(self.exchanged) * len(self.features))

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
        again: likewise, some of its decisions once more with changed numbers; empty but for the judged fit.
        more: likewise, those that are asked once more as the line scores, and with exchanged values.
        truth: the holdout's outcomes, kept from the job.
        boundary: decision time, in microseconds since 1970, of the earliest held-out decision.
        until: that of the latest one.
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
    more: bytes
    truth: Truth
    boundary: int
    until: int
    purged: int
    rows: int
    prior: Prior
    scales: Mapping[str, float] = field(default_factory=dict)

    @property
    def asked(self) -> bytes:
        """What the model is asked: the holdout, and behind it what is asked once more."""
        return self.batch + self.again + self.more


def columns_needed(line: Line) -> list[str]:
    """Columns of a training dataset that training reads."""
    kind = line.predicts
    first = ("decision_id", DECISION_TIME, kind.cluster(list(line.decision.keys)), *kind.unit_keys)
    return list(dict.fromkeys([*first, *line.validation.segments, *line.features, *line.outcome.columns]))


def training_inputs(
    table: Table, line: Line, *, phase: Phase, number: int = 0, function_bytes: int = 0
) -> TrainingInputs:
    """Split by time, fit the encoding on what is learnt from alone, and write both parts.

    Args:
        table: column -> values for `columns_needed(line)`; decision times in microseconds since 1970.
        line: whose holdout share, minimum of rows and outcome apply.
        phase: the judged fit, and its replica, learn from the decisions before the holdout whose outcomes were known
            when it began, the final one from every row. The holdout is of the same decisions in all; the final fit has
            seen them, so its answers check the path and judge nothing. A further fit learns from, and is judged on,
            what `line.validation` declares.
        number: of a fold or a part, from 1 on.
        function_bytes: the largest batch that a function scores with this model; 0 if none does.

    Raises:
        TrainingRejected: too few rows, an outcome that is not of the declared kind, or a part in which every outcome is
            the same; the message gives the counts.
        RequestRefused: nothing is trained for such an outcome.
    """
    kind, features = line.predicts, line.features
    if phase is Phase.NOISE:
        features = {**features, PLANTED: PLANTED_FEATURE}
        table = {**table, PLANTED: planted(len(table[DECISION_TIME]))}
    splits = _splits(table, line)
    split = splits.get((phase, number), splits[Phase.JUDGED, 0])
    rows = np.arange(len(table[DECISION_TIME])) if phase is Phase.FINAL else split.train
    # The errors of every part are measured by one scale, so that they compare.
    scaled = rows if phase is not Phase.PART else splits[Phase.JUDGED, 0].train
    truths, scales = _truths(line, table, scaled.tolist())
    # All of them in each phase, as they start side by side: none of them trains what another one refuses.
    _check(line, table, truths, splits)
    learnt = kind.learnt(truths, rows.tolist())
    train, holdout = (_part(table, line, features, truths, rows) for rows in (learnt, split.holdout.tolist()))
    encoding = fit_inputs(features, {name: train[name] for name in features}, line.training.preprocessing)
    truth, again = _truth(line, holdout), b""
    if phase in (Phase.JUDGED, Phase.REPLICA):
        asked_twice = nudged(line.features, train, holdout)
        truth = replace(
            truth,
            linear=linear_answers(kind, line.features, train, train["truth"], holdout),
            nudged=asked_twice.rows,
        )
        again = encoding.csv(asked_twice.table, first=truth.asked_twice)
    batch = encoding.csv(holdout, first=holdout["decision_id"])
    found = questions(
        kind,
        truth.outcome,
        _exchanged(line, phase),
        asked=batch + again,
        function_bytes=function_bytes,
        repeat=phase in (Phase.JUDGED, Phase.FINAL),
    )
    truth = replace(truth, repeated=found.repeated, exchanged=found.exchanged, features=found.features)
    return TrainingInputs(
        encoding=encoding,
        train=encoding.csv(train, first=list(map(kind.fields, train["truth"]))),
        schema={"label": line.outcome.name, **kind.schema, "features": schema_of(encoding)},
        batch=batch,
        again=again,
        more=asked_more(found, encoding, holdout, ids=ids_of(found, truth.decision_id)),
        truth=truth,
        boundary=split.boundary,
        until=max(holdout[TIME]),
        purged=split.purged,
        rows=len(learnt),
        prior=kind.prior(train["truth"]),
        scales=scales,
    )


def require_fits(table: Table, line: Line) -> None:
    """Refuse what `training_inputs` would refuse of any fit of a run, before a search is paid for."""
    splits = _splits(table, line)
    truths, _ = _truths(line, table, splits[Phase.JUDGED, 0].train.tolist())
    _check(line, table, truths, splits)


def _check(line: Line, table: Table, truths: Sequence[TruthOfOne], splits: Mapping[tuple[Phase, int], HeldOut]) -> None:
    for (phase, number), split in splits.items():
        _check_parts(line, truths, split, phase, number)
    _check_features(line, table, splits[Phase.JUDGED, 0].train.tolist())


def _splits(table: Table, line: Line) -> dict[tuple[Phase, int], HeldOut]:
    """The judged fit's split, and those of earlier folds and of parts of its rows."""
    times, known, declared = table[DECISION_TIME], table[OUTCOME_KNOWN_AT], line.validation
    if len(times) < line.training.minimum_rows:
        raise _too_few(line, len(times), f"line {line.name}: the dataset")
    judged = split_by_time(times, known, share=line.training.holdout)
    found = {(Phase.JUDGED, 0): judged}
    if declared.folds:
        folds = earlier_folds(times, known, before=judged.boundary, folds=declared.folds)
        found |= {(Phase.FOLD, number): one for number, one in enumerate(folds, 1)}
    if declared.learning_curve:
        units = _units(line, table)
        for number, share in enumerate(declared.learning_curve, 1):
            found[Phase.PART, number] = drawn(judged, share, units, seed=SEED)
    return found


def _units(line: Line, table: Table) -> Sequence[object]:
    """What rows are drawn by: a ranking's groups as a whole."""
    keys = line.predicts.unit_keys
    if not isinstance(line.predicts, Ranking):
        return range(len(table[DECISION_TIME]))
    return list(zip(table[DECISION_TIME], *(table[name] for name in keys), strict=True))


def _exchanged(line: Line, phase: Phase) -> list[str]:
    """Features whose values are exchanged when this fit is asked."""
    if phase is Phase.NOISE:
        return [PLANTED]
    return list(line.features) if phase is Phase.JUDGED and line.validation.importance else []


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


def _part(
    table: Table, line: Line, features: Iterable[str], truths: Sequence[TruthOfOne], rows: Sequence[int]
) -> Mapping[str, Sequence[Any]]:
    columns: dict[str, Sequence[Any]] = {name: table[name] for name in (*features, *line.validation.segments, TIME)}
    cluster = table[line.predicts.cluster(list(line.decision.keys))]
    columns |= {"decision_id": table["decision_id"], "truth": truths, "cluster": cluster}
    if len(rows) == 1:
        return {name: [values[rows[0]]] for name, values in columns.items()}
    pick = itemgetter(*rows)
    return {name: pick(values) for name, values in columns.items()}


def _check_parts(line: Line, truths: Sequence[TruthOfOne], split: HeldOut, phase: Phase, number: int) -> None:
    since, declared = format_instant(from_micros(split.boundary)), _DECLARED.get(phase)
    place = f"line {line.name}" + (f": {declared[0]} {number}" if declared else "")
    advice = declared[1] if declared else ""
    if split.train.size < line.training.minimum_rows:
        left_out = f"; {split.purged} more are left out, as their outcomes were not known by then"
        where = f"{place}: the training part (before {since}{left_out if split.purged else ''})"
        raise _too_few(line, split.train.size, where, advice)
    for part, rows in ((f"training part (before {since})", split.train), (f"holdout (from {since} on)", split.holdout)):
        problem = line.predicts.constant([truths[row] for row in rows.tolist()])
        if problem is not None:
            raise TrainingRejected.about(
                f"{place}: {part}",
                problem.format(outcome=line.outcome.name),
                f"{line.predicts.needs} in each part",
                f"choose a later as_of, or {advice or 'another training.holdout in the declaration'}",
            )


def _too_few(line: Line, rows: int, where: str, advice: str = "") -> TrainingRejected:
    return TrainingRejected.about(
        where,
        f"{rows} mature decisions",
        f"at least {line.training.minimum_rows}, as training.minimum_rows asks for",
        f"choose a later as_of, by when more outcomes are mature, or {advice or 'lower the minimum'}",
    )
