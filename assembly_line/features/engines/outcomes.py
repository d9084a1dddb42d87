"""What came of given decisions: the same rule of maturity and of counting events as in training datasets."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from assembly_line.decision_ids import KeyValue
from assembly_line.declarations.lines import Line
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.files.session import connect
from assembly_line.features.spine.assembly import horizon_column
from assembly_line.features.spine.decisions import listed
from assembly_line.features.spine.outcome_values import outcome_values
from assembly_line.features.spine.own_row_outcomes import observe_own_rows
from assembly_line.features.spine.spine import Observation, observe_whole
from assembly_line.features.values.columns import Column, column_of, concatenated, decimal_scale
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.values.semantics import NEVER
from assembly_line.instants import from_micros, to_micros

MEMORY_MIB = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutcome:
    """What came of one decision.

    Args:
        mature_at: when its horizon and the source's delay have passed, or its own row's value is known; None if that is
            unknown.
        mature: `mature_at` lies at or before as_of, and the source reaches to the end of the horizon.
        value: of the outcome, as JSON has it: a decimal is a float; None unless mature.
        without: it has no outcome: its own row states none, or rows of it state different ones.
        days: of a time to an event: until it, or to the end of the horizon.
        later: values of the steps after the first.
    """

    mature_at: datetime | None
    mature: bool
    value: int | float | str | None
    without: bool = False
    days: float | None = None
    later: tuple[int | float, ...] = ()


def sources_of(line: Line) -> list[str]:
    """Names of the sources that `derive` reads: the outcome's, and what says when the horizon ends or decisions are."""
    if line.outcome.value is not None:
        return list(dict.fromkeys([line.outcome.source.name, line.decision.time_source.name]))
    until = [line.outcome.until.source.name] if line.outcome.until else []
    return [line.outcome.source.name, *until]


def derive(
    line: Line,
    decisions: Sequence[tuple[Mapping[str, KeyValue], datetime]],
    *,
    as_of: datetime,
    covered_until: datetime | None,
    files: Mapping[str, Sequence[Path]],
) -> list[DecisionOutcome]:
    """The outcome of each decision, in the order given.

    Args:
        line: declares decision and outcome.
        decisions: (key column -> value, decision time), such as from the prediction ledger.
        as_of: what is known at this instant.
        covered_until: the newest event of the outcome's source (`Snapshot.newest`); horizons that end later are
            censored and not mature. None: the source has no event, so nothing is mature.
        files: source name -> local Parquet files (`Lake.fetch`), for each of `sources_of(line)`.

    Raises:
        RequestRefused: nothing is judged of such an outcome: a time to an event without one horizon for all.
        SourceUnreadable: a file is not what the lake wrote.
        QualityGateFailed: the horizons' source states two ends for one entity.
    """
    _ = line.predicts
    if not decisions:
        return []
    keys = {
        name: column_of(kind, [values[name] for values, _ in decisions]) for name, kind in line.decision.keys.items()
    }
    moments = np.array([to_micros(time) for _, time in decisions], np.int64)
    times = Column("timestamp", moments, np.ones(len(moments), np.bool_))
    readable = [file.parent for group in files.values() for file in group]
    with (
        tempfile.TemporaryDirectory(prefix="outcomes-") as folder,
        connect(Path(folder), memory_mib=MEMORY_MIB, also=readable) as connection,
    ):
        reader = DuckdbReader(connection, files)
        if line.outcome.value is not None:
            return _of_own_rows(line, keys, times, reader, as_of=to_micros(as_of))
        until = horizon_column(line, keys, reader)
        observed = observe_whole(line, times, until, as_of=to_micros(as_of), covered=covered_until)
        ends = np.where(observed.known_at == NEVER, moments, observed.ends)
        found = outcome_values(line, keys, moments, ends, reader)
        values = _plain(found[line.outcome.name])
        days = _plain(found[line.outcome.days]) if line.outcome.days in found else [None] * len(values)
        later = list(zip(*(_plain(found[name]) for name in line.outcome.of_steps[1:]), strict=True))
    return [
        DecisionOutcome(
            mature_at=None if at == NEVER else from_micros(at),
            mature=ready,
            value=value if ready else None,
            days=took if ready else None,
            later=rest if ready else (),
        )
        for at, ready, value, took, rest in zip(
            observed.known_at.tolist(), observed.usable.tolist(), values, days, later or [()] * len(values), strict=True
        )
    ]


def _of_own_rows(
    line: Line, keys: Mapping[str, Column], times: Column, reader: DuckdbReader, *, as_of: int
) -> list[DecisionOutcome]:
    """What the rows of the spine say that make these decisions; a decision without a row is not mature."""
    rows = listed(line.decision, reader, line.outcome.own_columns)
    observed = observe_own_rows(line.outcome, rows.columns, rows.times, as_of=as_of)
    asked = {**keys, DECISION_TIME: times}
    there = {**rows.keys, DECISION_TIME: rows.times}
    codes = reader.codes({name: concatenated(asked[name].kind, [asked[name], there[name]]) for name in asked})
    values = _plain(observed.values[line.outcome.name])
    found: dict[int, list[int]] = {code: [] for code in codes[: len(times)].tolist() if code >= 0}
    for row, code in enumerate(codes[len(times) :].tolist()):
        if code in found:
            found[code].append(row)
    return [_one(observed, values, found.get(code, [])) for code in codes[: len(times)].tolist()]


def _plain(column: Column) -> list[Any]:
    """As JSON has them; None for a number that it has not. Values under a null are arbitrary."""
    scale = decimal_scale(column.kind)
    values = column.values.tolist() if scale is None else (column.values / 10**scale).tolist()
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]


def _one(observed: Observation, values: Sequence[Any], rows: Sequence[int]) -> DecisionOutcome:
    """The outcome that rows of one decision state, as soon as one does; none where they contradict each other."""
    ready = sorted((int(observed.known_at[row]), values[row]) for row in rows if observed.usable[row])
    stated = {value for _, value in ready}
    if len(stated) == 1:
        at, value = ready[0]
        return DecisionOutcome(mature_at=from_micros(at), mature=True, value=value)
    known = [int(observed.known_at[row]) for row in rows if observed.known_at[row] != NEVER]
    none = bool(rows) and observed.without is not None and bool(observed.without[list(rows)].all())
    return DecisionOutcome(
        mature_at=from_micros(min(known)) if known else None, mature=False, value=None, without=none or len(stated) > 1
    )
