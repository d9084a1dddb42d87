"""Features that know the future: recomputed from files without it, their values must stay the same.

For a few instants (early, middle, late) all rows that were not known then are removed, and the features of the
decisions of that instant are computed again by the engine. A built-in feature cannot differ, which is a check on the
engine; a view or a function of the line's own can, if it peeks.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assembly_line.features.assembly import DECISION_TIME
from assembly_line.features.columns import Column, Integers
from assembly_line.features.comparison import Comparison, compare
from assembly_line.features.duckdb_session import connect, store_columns
from assembly_line.features.engine_duckdb import build
from assembly_line.features.findings import Example, Finding
from assembly_line.features.knowledge_cut import asked_table, cut_sources
from assembly_line.features.leak_findings import EXPECTED, KNOWS_THE_FUTURE, Leak, leak_findings, not_run
from assembly_line.features.personal_data import personal_features
from assembly_line.features.plain_values import rounds
from assembly_line.features.planning import MEMORY_SHARE
from assembly_line.features.plans import Plan
from assembly_line.features.reading_back import read_dataset
from assembly_line.features.released_scripts import Scripts
from assembly_line.features.workload import Keys, workload_of
from assembly_line.instants import format_instant, from_micros

INSTANTS = 3
# Where fewer decisions than this share an instant, those just before it are looked at beside them.
DECISIONS = 50
# Decisions of one instant that are recomputed.
MOST_DECISIONS = 200
# Rows to copy over all instants; beyond, fewer instants are looked at, at the least one.
ROWS_TO_COPY = 15_000_000
MOST_ROWS = 50_000_000
Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Decisions that are recomputed with the knowledge of one instant (microseconds); `rows`: their positions."""

    instant: int
    since: int
    rows: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and with what decisions are recomputed: see `audit_knowledge`."""

    files: Files
    folder: Path
    memory_mib: int
    scripts: Scripts | None


def audit_knowledge(
    plan: Plan, files: Files, dataset: Path, *, memory_mib: int, scripts: Scripts | None = None
) -> list[Finding]:
    """Recompute a sample of a dataset's decisions from files without the future.

    Args:
        files: source name -> local Parquet files that the dataset was built from, below the folder of `dataset`.
        dataset: the Parquet file that was built.
        scripts: content of the plan's scripts, by name.
    """
    rows = sum(item.rows for name in plan.inputs for item in plan.inputs[name].objects)
    if rows > MOST_ROWS:
        return [not_run(f"not run: {rows} source rows to copy, more than {MOST_ROWS}")]
    columns = read_dataset(dataset)
    bench = Bench(files=files, folder=dataset.parent, memory_mib=memory_mib, scripts=scripts)
    samples = samples_of(plan, columns, most=max(1, min(INSTANTS, ROWS_TO_COPY // max(rows, 1))))
    if not samples:
        return [not_run("not run: there is no decision")]
    found = [(sample, _compared(plan, columns, sample, bench)) for sample in samples]
    looked_at = sum(comparison.common for _, comparison in found)
    instants = ", ".join(format_instant(from_micros(sample.instant)) for sample in samples)
    return leak_findings(
        plan.line,
        KNOWS_THE_FUTURE,
        _leaks(plan, found),
        looked_at=f"{looked_at} decisions x {len(plan.features)} features recomputed with the knowledge of {instants}",
        expected=EXPECTED,
    )


def samples_of(plan: Plan, columns: Mapping[str, Column], *, most: int = INSTANTS) -> list[Sample]:
    """One instant of each part of the period, drawn by the dataset's id, with the decisions of it."""
    times = columns[DECISION_TIME].values
    different = np.unique(times)
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


def _compared(plan: Plan, columns: Mapping[str, Column], sample: Sample, bench: Bench) -> Comparison:
    folder, memory_mib = bench.folder, bench.memory_mib
    place = folder / f"knowledge of {sample.instant}"
    place.mkdir()
    # The engine reads below the folder of what it writes, where the files of static sources are.
    again = folder / f"{place.name}.parquet"
    try:
        of = _entities(plan)
        chosen = {name: columns[name].take(sample.rows) for name in columns}
        with connect(place, memory_mib=int(memory_mib * MEMORY_SHARE), also=[folder]) as connection:
            for keys in {keys for wanted in of.values() for keys in wanted}:
                store_columns(connection, asked_table(keys), {key: chosen[key] for key in keys})
            cut = cut_sources(
                connection,
                plan.line.sources,
                bench.files,
                place,
                columns={name: tuple(part.columns) for name, part in plan.inputs.items()},
                instant=sample.instant,
                boundary=plan.line.decision.boundary,
                of=of,
            )
        build(_plan_of(plan, sample), cut, again, memory_mib=memory_mib, scripts=bench.scripts)
        rounded = {name for name in plan.features if rounds(plan.line, name)}
        return compare(chosen, read_dataset(again), plan.features, rounded=rounded)
    finally:
        shutil.rmtree(place)
        again.unlink(missing_ok=True)


def _entities(plan: Plan) -> dict[str, list[Keys]]:
    """Source -> by which keys features read it, of sources whose other rows no feature can see, as a view could."""
    found: dict[str, list[Keys]] = {}
    workload = workload_of(plan.line, plan.features)
    seen_by_views = {read.name for source in workload.sources.values() for read in source.inputs}
    for group in workload.timed:
        if group.source.name not in seen_by_views:
            found.setdefault(group.source.name, []).append(group.keys)
    return found


def _plan_of(plan: Plan, sample: Sample) -> Plan:
    """The same features for all of the sample's decisions, as a scoring dataset of that instant would have them."""
    return replace(
        plan,
        purpose="scoring",
        sampling=None,
        as_of=from_micros(sample.instant),
        since=from_micros(sample.since),
        until=from_micros(sample.instant + 1),
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
                advice="let it read nothing that happened or became known after the decision",
                examples=examples,
            )
        )
    return leaks
