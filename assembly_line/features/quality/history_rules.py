"""A dataset against earlier ones of its kind: volume, share of positives, nulls, ranges, values never seen before.

A training dataset that deviates is stopped; a scoring dataset is only warned of, since one day differs from another by
nature. With too little history every rule says so instead of passing.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from assembly_line.declarations.quality import Nulls, Severity, Volume
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.model.findings import EXAMPLES, Example, Finding, examples_of, not_judged
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.dataset_figures import DatasetFigures, FeatureFigures, figures_of
from assembly_line.features.values.columns import Column

# Fewer earlier datasets than this are an anecdote.
ENOUGH = 3
# A feature may have this much more nulls than in any earlier dataset.
MORE_NULLS = 0.2
# Outside the range of history by more than this many widths of it.
WIDE = 1.0

History = Sequence[DatasetFigures]


def history_rules(plan: Plan, columns: Mapping[str, Column], history: History) -> list[Finding]:
    """Hold a dataset against earlier ones, the latest first."""
    earlier = [one for one in history if one.dataset_id != plan.dataset_id]
    if len(earlier) < ENOUGH:
        return [
            not_judged(
                "history",
                f"no history yet: {len(earlier)} earlier datasets of this purpose with these features",
                expected=f"at least {ENOUGH}, to compare volume, positives, nulls, ranges and values with",
                advice="nothing to do: it is judged once there are enough",
            )
        ]
    now = figures_of(plan, columns)
    names = list(now.features)
    past = {name: [one.features[name] for one in earlier if name in one.features] for name in names}
    return [
        *_volume(plan, now, earlier),
        _nulls(plan, now, past, columns),
        _ranges(past, columns),
        _unseen(past, columns),
    ]


def default_severity(plan: Plan) -> Severity:
    return "error" if plan.with_outcome else "warning"


def _volume(plan: Plan, now: DatasetFigures, earlier: History) -> list[Finding]:
    declared = next((rule for rule in plan.line.quality if isinstance(rule, Volume)), None)
    allowed = (declared or Volume()).change_at_most
    if allowed is None:
        return []
    usual = statistics.median(one.rows / one.days for one in earlier)
    change = _change(now.rows / now.days, usual)
    # More decisions than before is growth until a line declares otherwise; fewer is loss.
    grown: Severity = "warning" if declared is None else declared.severity
    lost: Severity = default_severity(plan) if declared is None else declared.severity
    findings = [
        Finding(
            rule="volume against history",
            passed=abs(change) <= allowed,
            severity=lost if change < 0 else grown,
            value=f"{now.rows} rows, {now.rows / now.days:.4g} a day: {change:+.0%}",
            expected=f"within {allowed:.0%} of {usual:.4g} rows a day, the median of {len(earlier)} earlier datasets",
            advice="check that every source is loaded to the end, or declare volume(change_at_most=...)",
        )
    ]
    shares = [one.positives for one in earlier if one.positives is not None]
    if now.positives is not None and len(shares) >= ENOUGH:
        usual = statistics.median(shares)
        change = _change(now.positives, usual)
        findings.append(
            Finding(
                rule="positives against history",
                passed=abs(change) <= allowed,
                severity="warning" if declared is None else declared.severity,
                value=f"{now.positives:.2%} positive: {change:+.0%}",
                expected=f"within {allowed:.0%} of {usual:.2%}, the median of {len(shares)} earlier datasets",
                advice=f"check source {plan.line.outcome.source.name}, or declare volume(change_at_most=...)",
            )
        )
    return findings


def _change(now: float, usual: float) -> float:
    if usual == 0:
        return 0.0 if now == 0 else 1.0
    return now / usual - 1


def _nulls(
    plan: Plan,
    now: DatasetFigures,
    past: Mapping[str, Sequence[FeatureFigures]],
    columns: Mapping[str, Column],
) -> Finding:
    declared = {rule.feature for rule in plan.line.quality if isinstance(rule, Nulls)}
    worse = {}
    for name, figures in now.features.items():
        if name in declared or not past[name]:
            continue
        most = max(one.nulls for one in past[name])
        if figures.nulls > most + MORE_NULLS:
            worse[name] = f"{name} {figures.nulls:.1%} (earlier at most {most:.1%})"
    return Finding(
        rule="nulls against history",
        passed=not worse,
        severity=default_severity(plan),
        value=", ".join(worse.values()) or "no feature has more nulls than it used to",
        expected=f"at most {MORE_NULLS:.0%} of the rows more than in any earlier dataset",
        advice="check that the feature's source is loaded to the end, or declare nulls(feature, at_most=...)",
        examples=_examples({name: np.flatnonzero(~columns[name].valid) for name in worse}, columns, values=False),
    )


def _ranges(past: Mapping[str, Sequence[FeatureFigures]], columns: Mapping[str, Column]) -> Finding:
    outside, said = {}, []
    for name, figures in past.items():
        lows = [one.low for one in figures if one.low is not None]
        highs = [one.high for one in figures if one.high is not None]
        if not lows or not highs:
            continue
        low, high = min(lows), max(highs)
        margin = WIDE * (high - low or abs(high) or 1.0)
        values = as_float(columns[name])
        far = columns[name].valid & np.isfinite(values) & ((values < low - margin) | (values > high + margin))
        if far.any():
            outside[name] = np.flatnonzero(far)
            said.append(f"{name} {int(far.sum())} values (earlier {low:.4g} to {high:.4g})")
    return Finding(
        rule="ranges against history",
        passed=not outside,
        severity="warning",
        value=", ".join(said) or "every number is where numbers were before",
        expected="no value outside the range of history by more than its width",
        advice="look at these rows; declare between(feature, low, high) to make it a rule",
        examples=_examples(outside, columns),
    )


def _unseen(past: Mapping[str, Sequence[FeatureFigures]], columns: Mapping[str, Column]) -> Finding:
    found, said = {}, []
    for name, figures in past.items():
        if not figures or any(one.values is None for one in figures) or columns[name].kind != "string":
            continue
        known = {value for one in figures for value in one.values or ()}
        valid = columns[name].valid
        new = [place for place in np.flatnonzero(valid).tolist() if columns[name].values[place] not in known]
        if new:
            found[name] = np.array(new, np.int64)
            different = sorted({str(columns[name].values[place]) for place in new})
            said.append(f"{name} {len(new)} rows with {len(different)} new values")
    return Finding(
        rule="values against history",
        passed=not found,
        severity="warning",
        value=", ".join(said) or "no value that was never seen before",
        expected="values that an earlier dataset had",
        advice="look at these rows; declare one_of(feature, values) to make it a rule",
        examples=_examples(found, columns),
    )


def _examples(
    places: Mapping[str, np.ndarray[tuple[int], np.dtype[np.int64]]],
    columns: Mapping[str, Column],
    *,
    values: bool = True,
) -> tuple[Example, ...]:
    """A few rows of each; personal features have no figures but nulls, and so no values here."""
    each = max(1, EXAMPLES // max(len(places), 1))
    found = [
        example
        for name, rows in places.items()
        for example in examples_of(columns, name, rows, personal=not values, most=each)
    ]
    return tuple(found[:EXAMPLES])
