"""Features that are the outcome in disguise: named like it, read of it, or predicting it as no honest feature does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.lines import Line
from assembly_line.declarations.quality import Predictive
from assembly_line.features.model.findings import Finding, not_judged
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import StaticGroup, TimedGroup, workload_of
from assembly_line.features.quality.audit_of_own_row import own_row_leaks
from assembly_line.features.quality.audit_of_power import auc_of_correlation, audit_power
from assembly_line.features.quality.leak_findings import (
    OUTCOME_AMONG_FEATURES,
    PREDICTIVE_ALONE,
    Leak,
    leak_findings,
)
from assembly_line.features.values.columns import Column, Flags, Floats, Integers
from assembly_line.metrics import auc

# Below, a feature may separate the classes by chance.
ENOUGH_ROWS = 100
ENOUGH_OF_EACH = 20
# More rows than this are sampled.
MOST_ROWS = 200_000
FOLDS = 5
SEED = 20170701
AUC = "AUC"
ADVICE = "look with `line dataset explain` whether it is known before the decision"


def audit_outcome(plan: Plan, columns: Mapping[str, Column]) -> list[Finding]:
    """The two checks that need the outcome; they read the dataset as it was written."""
    named = outcome_columns(plan.line, plan.features)
    outcome = columns.get(plan.line.outcome.name)
    if outcome is None:
        return _among_features(plan.line, named, "no outcome to look at")
    rows = _sampled(np.flatnonzero(outcome.valid))
    targets = outcome.take(rows)
    present = {name: columns[name].take(rows) for name in plan.features if name in columns}
    positive = binary(plan.line, targets)
    if positive is None:
        return [
            *_among_features(plan.line, named, f"{len(present)} features"),
            *_predictive(plan.line, _correlations(present, targets), "|Spearman|", f"{len(rows)} rows"),
        ]
    few = min(int(positive.sum()), int((~positive).sum()))
    if len(rows) < ENOUGH_ROWS or few < ENOUGH_OF_EACH:
        why = f"too little to judge by: {len(rows)} rows, {few} of the rarer outcome"
        return [
            *_among_features(plan.line, named, f"no feature is named or read like {plan.line.outcome.name}; {why}"),
            not_judged(
                PREDICTIVE_ALONE,
                why,
                expected=f"at least {ENOUGH_ROWS} rows, {ENOUGH_OF_EACH} of each outcome",
                advice="nothing to do: it is judged once there are enough",
            ),
        ]
    exact = [_exact(name, len(rows)) for name, column in present.items() if determines(column, positive)]
    scores = {name: separation(column, positive) for name, column in present.items()}
    seen = {leak.feature for leak in (*named, *exact)}
    alone = {name: score for name, score in scores.items() if name not in seen}
    return [
        *_among_features(plan.line, [*named, *exact], f"{len(present)} features over {len(rows)} rows"),
        *_predictive(plan.line, alone, AUC, f"{len(rows)} rows, {int(positive.sum())} positive"),
    ]


def outcome_columns(line: Line, features: Sequence[str]) -> list[Leak]:
    """Features that read a column named like the outcome, or a timeless copy of what the outcome is made of.

    Features over the outcome's own events are none of them: point in time cuts those before the horizon begins.
    """
    if line.outcome.value is not None:
        return own_row_leaks(line, features)
    outcome = line.outcome
    keys = key_columns(outcome.by).keys()
    contents = {_folded(column) for column in outcome.source.columns if column not in keys}
    workload = workload_of(line, features)
    leaks = []
    groups: list[StaticGroup | TimedGroup] = [*workload.static, *workload.timed]
    for group in groups:
        source = group.source
        for name, feature in group.features.items():
            column = getattr(feature, "column", None)
            if column is None or column in keys or source == outcome.source:
                continue
            derived = source.static and outcome.source in source.inputs
            copied = source.static and keys <= set(source.columns) and _folded(column) in contents
            if _folded(column) == _folded(outcome.name) or copied or derived:
                of = f"column {column} of {source.name}"
                kind = f"named like the outcome {outcome.name}"
                if copied or derived:
                    kind = f"what {outcome.source.name} states, without its time"
                leaks.append(
                    Leak(
                        feature=name,
                        said="is the outcome",
                        value=f"it reads {of}, {kind}",
                        expected="features that are known before the outcome",
                        advice=f"take {outcome.name} of earlier decisions from the events of {outcome.source.name}",
                    )
                )
    return leaks


def binary(line: Line, outcome: Column) -> Flags | None:
    """Which decisions have the outcome; None if it is a number."""
    classes = (line.outcome.present, line.outcome.absence)
    if outcome.kind not in ("int64", "boolean") or not line.outcome.has_classes:
        return None
    if not np.isin(outcome.values, classes).all():
        return None
    return np.asarray(outcome.values == line.outcome.present, np.bool_)


def separation(column: Column, positive: Flags) -> float:
    """How well a feature alone tells the outcomes apart: the greater of AUC and 1 - AUC, in [0.5, 1].

    Null is a level of its own, tried below and above all values; a string counts by the positives among the other
    rows of its value, so that a value that occurs once tells nothing.
    """
    if column.kind == "string":
        candidates = [_means_of_others(column.ranks(), positive)]
    else:
        low = column.ranks().astype(np.float64)
        candidates = [low, np.where(column.valid, low, low.max(initial=0) + 1)]
    found = [auc(scores, positive.astype(np.int64)) for scores in candidates]
    return max((max(one, 1 - one) for one in found if one is not None), default=0.5)


def determines(column: Column, positive: Flags) -> bool:
    """Whether each value of a feature stands for one outcome, over enough rows that share their value with another."""
    places, counts = np.unique(column.ranks(), return_inverse=True, return_counts=True)[1:]
    ups = np.bincount(places, weights=positive)
    repeated = counts >= 2
    if ((ups > 0) & (ups < counts))[repeated].any():
        return False
    rows, high = int(counts[repeated].sum()), int(ups[repeated].sum())
    return rows >= ENOUGH_ROWS and min(high, rows - high) >= ENOUGH_OF_EACH


def spearman(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Rank correlation with ties at their mean rank; 0 where one of them is constant."""
    one, other = _mean_ranks(first), _mean_ranks(second)
    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _mean_ranks(values: NDArray[Any]) -> Floats:
    places, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places], np.float64)


def _correlations(features: Mapping[str, Column], outcome: Column) -> dict[str, float]:
    targets = outcome.ranks()
    found = {}
    for name, column in features.items():
        valid = column.valid
        enough = column.kind != "string" and int(valid.sum()) >= ENOUGH_ROWS
        found[name] = abs(spearman(column.ranks()[valid], targets[valid])) if enough else 0.0
    return found


def _means_of_others(levels: Integers, positive: Flags) -> Floats:
    """For each row the share of positives of its level in the other folds, drawn to the whole share where few."""
    folds = np.random.default_rng(SEED).integers(FOLDS, size=len(levels))
    size, whole = int(levels.max(initial=0)) + 1, float(positive.mean())
    counts, ups = np.zeros((FOLDS, size)), np.zeros((FOLDS, size))
    np.add.at(counts, (folds, levels), 1.0)
    np.add.at(ups, (folds, levels), positive.astype(np.float64))
    others, up = counts.sum(axis=0) - counts, ups.sum(axis=0) - ups
    return np.asarray(((up + whole) / (others + 1.0))[folds, levels], np.float64)


def _predictive(line: Line, scores: Mapping[str, float], measure: str, over: str) -> list[Finding]:
    rule = next((rule for rule in line.quality if isinstance(rule, Predictive)), Predictive())
    leaks = [
        Leak(
            feature=name,
            said="predicts the outcome alone",
            value=f"{measure} {score:.3f} over {over}",
            expected=f"at most {rule.at_most:g}, which no honest feature reaches alone",
            advice=ADVICE,
        )
        for name, score in scores.items()
        if score > rule.at_most
    ]
    leaking = {leak.feature for leak in leaks}
    rest = {
        name: score if measure == AUC else auc_of_correlation(score)
        for name, score in scores.items()
        if name not in leaking
    }
    best = max(scores, key=lambda name: scores[name], default=None)
    looked_at = f"greatest {measure}: {'none' if best is None else f'{scores[best]:.3f} of {best}'}, over {over}"
    found = leak_findings(
        line,
        PREDICTIVE_ALONE,
        leaks,
        looked_at=looked_at,
        expected=f"{measure} at most {rule.at_most:g}",
        severity=rule.severity,
    )
    return [*found, *audit_power(line, rest, measure, over)]


def _among_features(line: Line, leaks: Sequence[Leak], looked_at: str) -> list[Finding]:
    return leak_findings(
        line,
        OUTCOME_AMONG_FEATURES,
        leaks,
        looked_at=looked_at,
        expected="no feature that is named like the outcome, copies it or determines it",
    )


def _exact(name: str, rows: int) -> Leak:
    return Leak(
        feature=name,
        said="determines the outcome",
        value=f"each of its values stands for one outcome, over {rows} rows",
        expected="values that occur with either outcome",
        advice=ADVICE,
    )


def _sampled(rows: Integers) -> Integers:
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, MOST_ROWS, replace=False))


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
