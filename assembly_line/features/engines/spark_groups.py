"""One step of the distributed engine: decisions and rows of the same entities meet on one worker, and are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from assembly_line.features.engines.spark_reader import CODE, SparkReader
from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.spine.assembly import Matched
from assembly_line.features.values.arrow_columns import from_physical_table, physical_schema, to_physical
from assembly_line.features.values.columns import Column, Integers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW, TIME, END = "row", "time", "end"
ASKED = {CODE: "int64", ROW: "int64", TIME: "int64", END: "int64"}

# (decisions, ends of their horizons, rows) -> values for each decision; sent to the workers.
Evaluation = Callable[[Decisions, Integers, Matched], Mapping[str, Column]]


@dataclass(frozen=True, slots=True)
class Step:
    """What one step computes.

    Args:
        columns: column -> type that the rows carry beside the code of their entity, in the order of the frame.
        answers: column -> type that the evaluation gives.
    """

    columns: Mapping[str, str]
    answers: Mapping[str, str]
    evaluation: Evaluation


def answered(reader: SparkReader, decisions: Decisions, ends: Integers, rows: DataFrame, step: Step) -> DataFrame:
    """The answers for each decision, with its position in `row`.

    Args:
        rows: `code`, then the step's columns, in physical values.
    """
    whole = np.ones(len(decisions.times), np.bool_)
    numbers = (decisions.entities, np.arange(len(decisions.times)), decisions.times, ends)
    asked = {name: Column("int64", values, whole) for name, values in zip(ASKED, numbers, strict=True)}
    both = reader.local_frame(asked).unionByName(rows, allowMissingColumns=True)
    return both.repartition(CODE).mapInArrow(_evaluating(step), physical_schema({ROW: "int64", **step.answers}))


def _evaluating(step: Step) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    kinds = {**ASKED, **{f"c{n}": kind for n, kind in enumerate(step.columns.values())}}

    def evaluate(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        received = list(batches)
        if not received:
            return
        columns = from_physical_table(pa.Table.from_batches(received), kinds)
        received.clear()
        is_decision = columns[ROW].valid
        asked, rows = np.flatnonzero(is_decision), np.flatnonzero(~is_decision)
        codes, positions, times, ends = (columns[name].take(asked).values for name in ASKED)
        values = {name: columns[f"c{n}"].take(rows) for n, name in enumerate(step.columns)}
        matched = Matched(columns[CODE].take(rows).values, values)
        answers = step.evaluation(Decisions(codes, times), ends, matched)
        arrays = [pa.array(positions), *(to_physical(answers[name]) for name in step.answers)]
        yield from pa.Table.from_arrays(arrays, [ROW, *step.answers]).to_batches()

    return evaluate
