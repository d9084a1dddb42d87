"""The events of one group on one machine: as many entities at once as fit, and an entity that does not by slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from assembly_line.features.assembly import Matched, reach_of, timed_columns, timed_rows
from assembly_line.features.columns import Column, Integers
from assembly_line.features.duckdb_reader import Codes, DuckdbReader
from assembly_line.features.evaluation import Decisions, Rows
from assembly_line.features.semantics import Sight
from assembly_line.features.time_slices import carried, overlap_of, remembered, taken, time_slices, together
from assembly_line.features.workload import TimedGroup

# (positions of decisions, rows with all that they may rest on) -> values for each of these decisions.
Evaluation = Callable[[Integers, Rows], Mapping[str, Column]]
# Slices are cut between so many stretches of equal length.
BINS = 4096


def grouped(counts: Integers, limit: int) -> list[Codes]:
    """Consecutive entities whose rows together stay within a limit; one that exceeds it alone stands alone.

    Args:
        counts: rows of each entity.
    """
    cuts, held = [0], 0
    for code, rows in enumerate(counts.tolist()):
        if held and held + rows > limit:
            cuts.append(code)
            held = 0
        held += rows
    return [Codes(first, end) for first, end in zip(cuts, [*cuts[1:], len(counts)], strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOnOneMachine:
    """What is computed of one group's events for the decisions of a dataset.

    Args:
        decisions: their codes are those of the reader.
        rows: how many rows the source has.
        limit: how many rows are held at once.
    """

    group: TimedGroup
    decisions: Decisions
    sight: Sight
    reader: DuckdbReader
    rows: int
    limit: int
    evaluation: Evaluation

    def values(self) -> dict[str, Column]:
        """The evaluation's columns, for every decision."""
        if self.rows <= self.limit or not len(self.decisions.times):
            everything = np.arange(len(self.decisions.times))
            return dict(self.evaluation(everything, self._read(None, reach_of(self.group, self.decisions.times))))
        counts = self.reader.counts(self.group.source, self.group.keys, reach_of(self.group, self.decisions.times))
        answers = _Answers(len(self.decisions.times))
        for codes in grouped(counts, self.limit):
            # A decision without an entity has a negative code: it belongs to the first part.
            least = codes.first or np.iinfo(np.int64).min
            chosen = np.flatnonzero((self.decisions.entities >= least) & (self.decisions.entities < codes.end))
            if not len(chosen):
                continue
            if int(counts[codes.first : codes.end].sum()) > self.limit:
                self._sliced(codes, chosen, answers)
            else:
                bounds = reach_of(self.group, self.decisions.times[chosen])
                answers.put(chosen, self.evaluation(chosen, self._read(codes, bounds)))
        return answers.columns

    def _sliced(self, codes: Codes, chosen: Integers, answers: _Answers) -> None:
        """One slice of time after the other; what later ones need of its rows, each hands on to the next."""
        decisions = self.decisions.take(chosen)
        bounds = reach_of(self.group, decisions.times)
        edges, counts = self.reader.histogram(self.group.source, self.group.keys, codes, bounds, BINS)
        overlap, last = overlap_of(self.group), int(decisions.times.max())
        slices = time_slices(edges, counts, overlap=overlap, limit=self.limit)
        held: Rows | None = None
        for one, following in zip(slices, [*slices[1:], None], strict=True):
            read = self._read(codes, (one.start - overlap, min(one.end, last)))
            rows = taken(read, np.flatnonzero((read.times >= one.start - overlap) & (read.times < one.end)))
            del read
            if held is not None:
                rows = together(held, rows)
            inside = np.flatnonzero((decisions.times >= one.start) & (decisions.times < one.end))
            if len(inside):
                answers.put(chosen[inside], self.evaluation(chosen[inside], rows))
            if following is None or following.start > last:
                return
            conditions = remembered(self.group, rows)
            before = following.start - overlap
            held = carried(rows, conditions, self.sight, before=before, start=following.start, until=last)
            del rows

    def _read(self, codes: Codes | None, bounds: tuple[int | None, int | None]) -> Rows:
        names = timed_columns(self.group)
        matched: Matched = self.reader.matched(self.group.source, self.group.keys, names, bounds, codes)
        return timed_rows(self.group, matched)


class _Answers:
    """Columns that are filled a part at a time."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.columns: dict[str, Column] = {}

    def put(self, places: Integers, answers: Mapping[str, Column]) -> None:
        for name, column in answers.items():
            into = self.columns.setdefault(name, column.of_length(self._length))
            into.values[places], into.valid[places] = column.values, column.valid
