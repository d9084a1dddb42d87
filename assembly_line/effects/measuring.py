"""A change measured: the dataset and the model's figures of a line before and after it, on the same raw tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.effects.trying import BuiltDataset, JudgedModel, dataset_of, judged_model
from assembly_line.errors import AssemblyError
from assembly_line.features import DECISION_ID, arrow_columns_of, compare, raw_tables, rounds
from assembly_line.instants import format_instant
from assembly_line.metrics import difference
from assembly_line.outcome_kinds import kind_of

if TYPE_CHECKING:
    from assembly_line.release import Release

Note = Callable[[str], None]
# Of resamples, as a run has them.
DRAWS, SEED = 1000, 0
BEFORE, AFTER = SIDES = ("before", "after")


def measured_effects(
    before: Release | None, now: Release, *, lines: Path, as_of: datetime, note: Note, tables: Path | None = None
) -> dict[str, Any]:
    """Build the dataset and train both ways, and compare.

    Args:
        before: the line as it was; None if it is new.
        now: the line as its folder has it.
        lines: the folder of lines that `now` comes from. Its data.py writes the raw tables that both sides read.
        as_of: what was known then.
        note: is told what goes on.
        tables: raw tables to read in place of those of data.py.

    Returns:
        JSON values: `as_of`; `dataset` and `model`, each with what both sides have, and `missing`: side -> why it could
        not be computed.

    Raises:
        NotFound: the line has no data.py.
        SourceUnreadable: data.py fails.
    """
    sides = {BEFORE: before, AFTER: now}
    missing: dict[str, dict[str, str]] = {"dataset": {}, "model": {}}
    built: dict[str, BuiltDataset] = {}
    judged: dict[str, JudgedModel] = {}
    with raw_tables(lines, now.line.name, tables, note) as files, ExitStack() as stack:
        for side, release in sides.items():
            if release is None:
                continue
            scripts, work = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
            try:
                note(f"Building the dataset of {now.line.name} as it is {side} the change ...")
                built[side] = dataset_of(release, files, scripts, as_of=as_of)
                note(f"Training {now.line.name} as it is {side} the change ...")
                judged[side] = judged_model(release, built[side].table, work)
            except AssemblyError as error:
                missing["model" if side in built else "dataset"][side] = str(error)
    return {
        "as_of": format_instant(as_of),
        "dataset": {
            **_datasets({side: (sides[side], one) for side, one in built.items()}),
            "missing": missing["dataset"],
        },
        "model": {**_models(judged, now), "missing": missing["model"]},
    }


def _datasets(built: Mapping[str, tuple[Release | None, BuiltDataset]]) -> dict[str, Any]:
    tables = {side: one.table for side, (_, one) in built.items()}
    found: dict[str, Any] = {
        "decisions": {side: table.num_rows for side, table in tables.items()},
        "warnings": {side: list(one.warnings) for side, (_, one) in built.items()},
    }
    if set(tables) != set(SIDES):
        return found
    columns = {side: arrow_columns_of(table) for side, table in tables.items()}
    first, second = (columns[side] for side in SIDES)
    # A column whose type changed has other values all over, and cannot be subtracted.
    common = [name for name in first if name in second and name != DECISION_ID]
    retyped = [name for name in common if first[name].kind != second[name].kind]
    common = [name for name in common if name not in retyped]
    declared = [release.line for release, _ in built.values() if release is not None]
    rounded = {name for name in common if any(rounds(line, name) for line in declared)}
    differing = compare(first, second, common, rounded=rounded, examples=0)
    return found | {
        "common": differing.common,
        "only": {BEFORE: len(differing.only_first), AFTER: len(differing.only_second)},
        "columns": {
            "gone": [name for name in first if name not in second],
            "new": [name for name in second if name not in first],
            "retyped": {name: [first[name].kind, second[name].kind] for name in retyped},
            "compared": len(common),
        },
        "values": {name: one.differing for name, one in differing.columns.items()},
        "nulls": {
            name: [int((~side[name].valid).sum()) if name in side else None for side in (first, second)]
            for name in {**first, **second}
            if name not in first or name not in second or name in differing.columns
        },
    }


def _models(judged: Mapping[str, JudgedModel], now: Release) -> dict[str, Any]:
    """The measures of each kind of outcome with their intervals; of the same decisions also those of the difference."""
    measures = {one.name: one.words for found in judged.values() for one in kind_of(found.figures).measures}
    return {
        "held_out": {side: found.figures["rows"] for side, found in judged.items()},
        "figures": {
            name: {
                "words": words,
                **{
                    side: {"value": found.figures[name], "interval": found.figures.get(f"{name}_interval")}
                    for side, found in judged.items()
                    if name in found.figures
                },
            }
            for name, words in measures.items()
        },
        "differences": _paired(judged, now),
    }


def _paired(judged: Mapping[str, JudgedModel], now: Release) -> dict[str, dict[str, Any]]:
    """Measure -> difference, interval and what that says; none where the two are not of the same decisions."""
    if set(judged) != set(SIDES):
        return {}
    first, second = (judged[side] for side in SIDES)
    one, other = first.truth, second.truth
    if (one.decision_id, one.outcome, one.cluster) != (other.decision_id, other.outcome, other.cluster):
        return {}
    return difference(
        now.line.predicts, second.answers, first.answers, other.outcome, other.cluster, draws=DRAWS, seed=SEED
    )
