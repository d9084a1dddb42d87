"""Features that know the future, on one machine: recomputed from files without it, their values must stay the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.files.session import connect, store_columns
from assembly_line.features.model.findings import Finding
from assembly_line.features.model.memory import MEMORY_SHARE
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import Keys, workload_of
from assembly_line.features.quality.audit_of_counts import audit_counts
from assembly_line.features.quality.audit_of_facts import audit_facts, comparable
from assembly_line.features.quality.knowledge_samples import (
    INSTANTS,
    Sample,
    held_against,
    knowledge_findings,
    samples_of,
)
from assembly_line.features.quality.leak_findings import not_run
from assembly_line.features.sources.knowledge_cut import asked_table, cut_sources
from assembly_line.features.values.columns import Column
from assembly_line.features.values.comparison import Comparison
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.released_scripts import Isolated, Scripts
from assembly_line.instants import from_micros

# Rows to copy over all instants; beyond, fewer instants are looked at, at the least one.
ROWS_TO_COPY = 15_000_000
MOST_ROWS = 50_000_000
Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and with what decisions are recomputed: see `audit_knowledge`."""

    files: Files
    folder: Path
    memory_mib: int
    scripts: Scripts | None


def audit_knowledge(
    plan: Plan,
    files: Files,
    dataset: Path,
    *,
    memory_mib: int,
    scripts: Scripts | None = None,
    earlier: Files | None = None,
) -> list[Finding]:
    """Recompute a sample of a dataset's decisions from files without the future; hold its facts against earlier ones.

    Args:
        files: source name -> local Parquet files that the dataset was built from, below the folder of `dataset`.
        dataset: the Parquet file that was built.
        scripts: content of the plan's scripts, by name.
        earlier: source -> files of the inputs that `comparable` names, below the same folder.
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
    rows_of_samples = different_values(np.concatenate([sample.rows for sample in samples]))
    chosen = {name: column.take(rows_of_samples) for name, column in columns.items()}
    with connect(dataset.parent, memory_mib=int(memory_mib * MEMORY_SHARE)) as connection:
        before = earlier or {}
        gone = comparable(plan).keys() - before.keys()
        facts = audit_facts(plan, chosen, DuckdbReader(connection, before), gone=gone)
        counts = audit_counts(plan, chosen, DuckdbReader(connection, files))
    return [*knowledge_findings(plan, found), *facts, *counts]


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
                line=plan.line,
            )
        build_on_duckdb(
            _plan_of(plan, sample), cut, again, memory_mib=memory_mib, scripts=Isolated(bench.scripts or {})
        )
        return held_against(plan, chosen, read_dataset(again))
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
        until=None,
    )
