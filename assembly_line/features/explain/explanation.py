"""Why a feature has its value: the events behind it, and those that were near and did not count, each with its reason.

Plain filtering of one entity's rows, one after the other, by the rules as they are written. It shares no code with the
kernel, so that the two hold each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assembly_line.declarations.derived import Derived, Expression, Ratio, parts_of
from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.features import Aggregate, Latest, Share, StaticFeature, Timed, Windowed
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.features.explain.reference_formulas import value_of
from assembly_line.features.explain.reference_rules import is_true, window_start
from assembly_line.features.explain.reference_values import aggregate_of, rank, ratio_of, share_of
from assembly_line.features.kernel.udf_values import value_of_events
from assembly_line.features.sources.entity_rows import Row
from assembly_line.features.values.released_scripts import Scripts
from assembly_line.features.values.semantics import LAST_DAY
from assembly_line.instants import MICROSECOND, start_of_day

DAY = 86_400_000_000
# Where a feature has no window, events up to so long after the decision are near.
NEAR = 31 * DAY


class Reason(StrEnum):
    """Why an event does not count."""

    NO_EVENT_TIME = "no event time"
    AFTER = "after the decision"
    AT_THE_INSTANT = "at the very instant of the decision"
    BEFORE_WINDOW = "before the window"
    TOO_OLD = "older than the maximum age"
    NEVER_KNOWN = "no known time"
    NOT_YET_KNOWN = "not yet known"
    NOT_MATCHING = "does not match"
    NULL = "null"
    SUPERSEDED = "not the latest"
    SUCCEEDED = "not the earliest"
    ENDED = "no longer in force"
    BEFORE_HORIZON = "before the horizon begins"
    AFTER_HORIZON = "after the horizon has ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the source. Times in microseconds; `known` is None where it never became known."""

    time: int | None
    known: int | None
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One value of one feature.

    Args:
        value: recomputed from the rows that count.
        since, until: event times that count, both inclusive, microseconds; None where open or without a time.
        counted: rows behind the value, the oldest first.
        left_out: rows that were near, the nearest to the decision first, each with its reason.
        parts: features that a ratio or an expression is made of.
    """

    feature: str
    value: Any
    since: int | None = None
    until: int | None = None
    counted: tuple[Event, ...] = ()
    left_out: tuple[tuple[Event, Reason], ...] = ()
    parts: tuple[Explanation, ...] = ()

    @property
    def reasons(self) -> dict[Reason, int]:
        """How many near rows were left out, by reason."""
        return dict(Counter(reason for _, reason in self.left_out))


def explain_value(
    line: Line, name: str, *, at: int, rows: Mapping[str, Sequence[Row]], scripts: Scripts | None = None
) -> Explanation:
    """Explain the value of a feature at a decision time.

    Args:
        at: the decision time, microseconds.
        rows: feature (those that a ratio or an expression is made of) -> every row of its source that carries the keys
            of the decision, with keys, times and value columns; for a latest value all columns, since they break ties.
        scripts: of the line's UDFs among these features.
    """
    feature = line.features[name]
    if isinstance(feature, Ratio | Expression):
        parts = tuple(explain_value(line, part, at=at, rows=rows, scripts=scripts) for part in parts_of(feature))
        return Explanation(feature=name, value=_derived(feature, parts), parts=parts)
    if isinstance(feature, StaticFeature):
        facts = tuple(Event(None, None, row) for row in rows[name])
        return Explanation(feature=name, value=facts[0].row[feature.column] if facts else None, counted=facts)
    return _Question(line, feature, at, scripts or {}).answer(
        name, [event_of(feature.source, row) for row in rows[name]]
    )


def _derived(feature: Derived, parts: Sequence[Explanation]) -> Any:
    values = {part.feature: part.value for part in parts}
    if isinstance(feature, Ratio):
        return ratio_of(values[feature.numerator], values[feature.denominator])
    return value_of(feature.tree, values)


def near_span(line: Line, name: str, *, at: int) -> tuple[int | None, int]:
    """Event times in microseconds that an explanation looks at: the window, and as much before and after it."""
    feature = line.features[name]
    span = _span(feature, at)
    return (None, at + NEAR) if span is None else (at - 2 * span, at + span)


def _span(feature: Any, at: int) -> int | None:
    """How far back from the decision events count, in microseconds."""
    if isinstance(feature, Windowed):
        return at - window_start(feature.window, at)
    max_age = getattr(feature, "max_age", None)
    return None if max_age is None else max_age // MICROSECOND


def event_of(source: Source, row: Row) -> Event:
    """A row with its event time and from when on it was known."""
    time = instant_of(source, source.event_time, row)
    if source.delay is not None:
        return Event(time, None if time is None else time + source.delay // MICROSECOND, row)
    return Event(time, instant_of(source, source.known_time, row), row)


def instant_of(source: Source, column: str | None, row: Row) -> int | None:
    """A time of a row; a date is the end of its day."""
    value = None if column is None else row[column]
    if value is None or column is None or source.columns[column] == "timestamp":
        return value
    return start_of_day(value + 1, source.zone or "UTC")


class _Question:
    """One feature over events, at one decision time."""

    def __init__(self, line: Line, feature: Timed, at: int, scripts: Scripts) -> None:
        self.line, self.feature, self.at, self.scripts = line, feature, at, scripts
        used = {*key_columns(feature.by), feature.source.event_time, feature.source.known_time}
        self.ties = [column for column in feature.source.columns if column not in used]

    def answer(self, name: str, events: Sequence[Event]) -> Explanation:
        counted: list[Event] = []
        left_out: list[tuple[Event, Reason]] = []
        lower, upper = near_span(self.line, name, at=self.at)
        for event in sorted(events, key=self.recency):
            reason = self.reason_against(event)
            if reason is None:
                counted.append(event)
            elif event.time is None or ((lower is None or event.time >= lower) and event.time <= upper):
                left_out.append((event, reason))
        counted, surpassed = self._decisive(counted)
        left_out += surpassed
        left_out.sort(key=lambda pair: self._distance(pair[0]))
        return Explanation(
            feature=name,
            value=self.value(name, counted),
            since=self.oldest,
            until=self.at - self.before,
            counted=tuple(counted),
            left_out=tuple(left_out),
        )

    @property
    def before(self) -> int:
        """1 where an event at the very instant of the decision does not count."""
        return 1 if self.line.decision.boundary == "before" else 0

    @property
    def oldest(self) -> int | None:
        """The earliest event time that counts."""
        span = _span(self.feature, self.at)
        if span is None:
            return None
        # A window is [t - w, t) before the decision and (t - w, t] with it; a maximum age always includes its end.
        return self.at - span + (1 - self.before if isinstance(self.feature, Windowed) else 0)

    @property
    def ignores_nulls(self) -> bool:
        return isinstance(self.feature, Share) or getattr(self.feature, "kind", "first") not in ("first", "last")

    def reason_against(self, event: Event) -> Reason | None:
        oldest = self.oldest
        if event.time is None:
            return Reason.NO_EVENT_TIME
        if event.time > self.at:
            return Reason.AFTER
        if self.before and event.time == self.at:
            return Reason.AT_THE_INSTANT
        if oldest is not None and event.time < oldest:
            return Reason.BEFORE_WINDOW if isinstance(self.feature, Windowed) else Reason.TOO_OLD
        if event.known is None:
            return Reason.NEVER_KNOWN
        if event.known > self.at:
            return Reason.NOT_YET_KNOWN
        # What does not match still counts in the whole that a share is of.
        if not isinstance(self.feature, Share) and not self._matches(event):
            return Reason.NOT_MATCHING
        column = getattr(self.feature, "column", None)
        if self.ignores_nulls and column and event.row[column] is None:
            return Reason.NULL
        return None

    def _matches(self, event: Event) -> bool:
        where = None if isinstance(self.feature, UdfFeature) else self.feature.where
        return where is None or is_true(where, event.row) is True

    def value(self, name: str, counted: Sequence[Event]) -> Any:
        if isinstance(self.feature, Aggregate | Share):
            column = self.feature.column
            values = [event.row[column] if column else event for event in counted]
            if isinstance(self.feature, Aggregate):
                return aggregate_of(self.feature.kind, values)
            chosen = [value for value, event in zip(values, counted, strict=True) if self._matches(event)]
            return share_of("sum" if column else "count", chosen, values)
        if not counted:
            return None
        if isinstance(self.feature, UdfFeature):
            times = [event.time for event in counted if event.time is not None]
            rows = [event.row for event in counted]
            return value_of_events(name, self.feature, self.scripts, at=self.at, times=times, rows=rows)
        if isinstance(self.feature, Latest):
            return counted[-1].row[self.feature.column]
        time = counted[-1].time
        return None if time is None else float(self.at - time) / DAY

    def recency(self, event: Event) -> tuple[Any, ...]:
        """Events in order of time, then of what became known, then of all other columns that are there."""
        ties = [rank(event.row[column]) for column in self.ties if column in event.row]
        return (rank(event.time), rank(event.known), *ties)

    def _decisive(self, counted: list[Event]) -> tuple[list[Event], list[tuple[Event, Reason]]]:
        """Of events in order those that alone decide (one row, or for an age all of its instant), and the others."""
        kind = getattr(self.feature, "kind", None)
        if not counted or (isinstance(self.feature, Windowed) and kind not in ("first", "last")):
            return counted, []
        if kind == "first":
            return counted[:1], [(event, Reason.SUCCEEDED) for event in counted[1:]]
        one_row = kind == "last" or isinstance(self.feature, Latest)
        first = len(counted) - 1 if one_row else sum(event.time != counted[-1].time for event in counted)
        others = [(event, Reason.SUPERSEDED) for event in counted[:first]]
        if isinstance(self.feature, Latest) and self._has_ended(counted[-1]):
            return [], [*others, (counted[-1], Reason.ENDED)]
        return counted[first:], others

    def _has_ended(self, event: Event) -> bool:
        source, column = self.feature.source, self.feature.source.valid_until
        end = instant_of(source, column, event.row)
        # The last day that has a date stands for an end that nobody knows.
        last = start_of_day(LAST_DAY + (column is not None and source.columns[column] == "date"), source.zone or "UTC")
        return end is not None and end < last and end <= self.at

    def _distance(self, event: Event) -> float:
        return float("inf") if event.time is None else abs(self.at - event.time)
