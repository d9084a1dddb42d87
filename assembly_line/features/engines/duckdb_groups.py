"""The events of one group on one machine: as many entities at once as fit, and an entity that does not by slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.features.engines.duckdb_reader import Codes, DuckdbReader
from assembly_line.features.kernel.time_slices import carried, overlap_of, remembered, time_slices, together
from assembly_line.features.kernel.window_queries import Decisions, Rows
from assembly_line.features.model.workload import TimedGroup
from assembly_line.features.sources.joins import Looked
from assembly_line.features.spine.assembly import Matched, reach_of, timed_columns, timed_rows
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.semantics import Sight

# (positions of decisions, rows with all that they may rest on) -> values for each of these decisions.
Evaluation = Callable[[Integers, Rows], Mapping[str, Column]]
# Slices are cut between so many stretches of equal length.
BINS = 4096
# So many parts are read from the source's files, each for itself; of more the rows are divided first, which reads every
# file once and writes what it has.
FEW_PARTS = 2
# Each part is a file that is written to while the rows are divided.
MOST_PARTS = 256


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


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Entities that are worked on together.

    Args:
        chosen: positions of the decisions about them.
        rows: how many rows they have.
    """

    codes: Codes
    chosen: Integers
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOnOneMachine:
    """What is computed of one group's events for the decisions of a dataset.

    Args:
        decisions: their codes are those of the reader.
        looked: event times that matter to them.
        rows: how many rows the source has.
        limit: how many rows are held at once.
    """

    group: TimedGroup
    decisions: Decisions
    sight: Sight
    reader: DuckdbReader
    looked: Looked
    rows: int
    limit: int
    evaluation: Evaluation

    def values(self) -> dict[str, Column]:
        """The evaluation's columns, for every decision."""
        limit = max(self.limit, -(-self.rows // MOST_PARTS))
        if self.rows <= limit or not len(self.decisions.times):
            everything = np.arange(len(self.decisions.times))
            return dict(self.evaluation(everything, self._read(None, self.looked)))
        counts = self.reader.counts(self.group.source, self.group.keys, self.looked)
        answers = _Answers(len(self.decisions.times))
        parts = list(self._parts(grouped(counts, limit), counts))
        whole = [part for part in parts if part.rows <= limit]
        for part, rows in self._rows_of(whole):
            answers.put(part.chosen, self.evaluation(part.chosen, rows))
        for part in parts:
            if part.rows > limit:
                self._sliced(part.codes, part.chosen, answers)
        return answers.columns

    def _parts(self, divided: Sequence[Codes], counts: Integers) -> Iterator[_Part]:
        """The parts that decisions are about."""
        order = np.argsort(self.decisions.entities, kind="stable")
        # A decision without an entity has a negative code: it belongs to the first part.
        cuts = np.searchsorted(self.decisions.entities[order], [codes.end for codes in divided])
        for codes, first, end in zip(divided, [0, *cuts[:-1].tolist()], cuts.tolist(), strict=True):
            if end > first:
                yield _Part(codes, np.sort(order[first:end]), int(counts[codes.first : codes.end].sum()))

    def _rows_of(self, parts: Sequence[_Part]) -> Iterator[tuple[_Part, Rows]]:
        """Each part with its rows, one after the other."""
        if len(parts) <= FEW_PARTS:
            for part in parts:
                yield part, self._read(part.codes, self.looked)
            return
        names, codes = timed_columns(self.group), [part.codes for part in parts]
        with self.reader.divided(self.group.source, self.group.keys, names, self.looked, codes) as matched:
            for number, part in enumerate(parts):
                yield part, timed_rows(self.group, matched(number))

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
            rows = read.take(np.flatnonzero((read.times >= one.start - overlap) & (read.times < one.end)))
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

    def _read(self, codes: Codes | None, bounds: Looked) -> Rows:
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
