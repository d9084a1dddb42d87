"""Features that know the future: which decisions are recomputed without it, and what is said of values that differ.

For a few instants (early, middle, late) all rows that were not known then are removed, and the features of the
decisions of that instant are computed again by the engine. A built-in feature cannot differ, which is a check on the
engine; a view or a function of the line's own can, if it peeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.declarations.udfs import UdfFeature
from assembly_line.features.model.findings import Example, Finding
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.leak_findings import EXPECTED, KNOWS_THE_FUTURE, Leak, leak_findings
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.comparison import Comparison, compare
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.plain_values import rounds
from assembly_line.features.wording.personal_data import personal_features
from assembly_line.instants import format_instant, from_micros

INSTANTS = 3
# Where fewer decisions than this share an instant, those just before it are looked at beside them.
DECISIONS = 50
# Decisions of one instant that are recomputed.
MOST_DECISIONS = 200
ADVICE = "let it read nothing that happened or became known after the decision"
ADVICE_OF_UDF = f"{ADVICE}: when it is recomputed it has its events alone, no file, no network, no earlier question"


@dataclass(frozen=True, slots=True)
class Sample:
    """Decisions that are recomputed with the knowledge of one instant (microseconds); `rows`: their positions."""

    instant: int
    since: int
    rows: Integers


def samples_of(plan: Plan, columns: Mapping[str, Column], *, most: int = INSTANTS) -> list[Sample]:
    """One instant of each part of the period, drawn by the dataset's id, with the decisions of it."""
    times = columns[DECISION_TIME].values
    different = different_values(times)
    random = np.random.default_rng(int(plan.dataset_id.removeprefix("ds-")[:12], 16))
    samples = []
    for part in np.array_split(different, max(1, min(most, len(different)))):
        if len(part):
            instant = int(random.choice(part))
            samples.append(_sample(times, instant, random))
    return samples


def _sample(times: Integers, instant: int, random: np.random.Generator) -> Sample:
    """`times` ascend, as a dataset's rows do."""
    end = int(np.searchsorted(times, instant, side="right"))
    start = int(np.searchsorted(times, instant, side="left"))
    if end - start < DECISIONS:
        start = int(np.searchsorted(times, times[max(0, end - DECISIONS)], side="left"))
    rows = np.arange(start, end)
    if len(rows) > MOST_DECISIONS:
        rows = np.sort(random.choice(rows, MOST_DECISIONS, replace=False))
    return Sample(instant, int(times[start]), rows)


def held_against(plan: Plan, dataset: Mapping[str, Column], again: Mapping[str, Column]) -> Comparison:
    """Features of the same decisions, as the dataset has them and as they were computed again.

    A decision with a null key has no id, by which the two could be told to be the same.
    """
    dataset, again = _with_ids(dataset), _with_ids(again)
    rounded = {name for name in plan.features if rounds(plan.line, name)}
    return compare(dataset, again, plan.features, rounded=rounded)


def _with_ids(columns: Mapping[str, Column]) -> dict[str, Column]:
    rows = np.flatnonzero(columns[DECISION_ID].valid)
    return {name: column.take(rows) for name, column in columns.items()}


def knowledge_findings(plan: Plan, found: Sequence[tuple[Sample, Comparison]]) -> list[Finding]:
    """What the comparisons come to."""
    looked_at = sum(comparison.common for _, comparison in found)
    instants = ", ".join(format_instant(from_micros(sample.instant)) for sample, _ in found)
    return leak_findings(
        plan.line,
        KNOWS_THE_FUTURE,
        _leaks(plan, found),
        looked_at=f"{looked_at} decisions x {len(plan.features)} features recomputed with the knowledge of {instants}",
        expected=EXPECTED,
    )


def _leaks(plan: Plan, found: Sequence[tuple[Sample, Comparison]]) -> list[Leak]:
    personal = personal_features(plan.line, plan.features)
    leaks = []
    for name in plan.features:
        differing = [(sample, one) for sample, one in found if name in one.columns]
        if not differing:
            continue
        examples = tuple(
            Example(
                decision_id=difference.decision_id,
                column=name,
                value=None
                if name in personal
                else f"{difference.first!r}, and {difference.second!r} without the future",
            )
            for _, one in differing
            for difference in one.examples
            if difference.column == name
        )
        number = sum(one.columns[name].differing for _, one in differing)
        when = ", ".join(format_instant(from_micros(sample.instant)) for sample, _ in differing)
        leaks.append(
            Leak(
                feature=name,
                said="knows the future",
                value=f"{number} of {sum(one.common for _, one in found)} values differ at {when}",
                expected=EXPECTED,
                advice=ADVICE_OF_UDF if isinstance(plan.line.features[name], UdfFeature) else ADVICE,
                examples=examples,
            )
        )
    return leaks
