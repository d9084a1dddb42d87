"""What a plan has to know of the spine: how many decisions, which events make it, and that its times are exact."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.declarations.decisions import Decision
from assembly_line.declarations.lines import Line
from assembly_line.declarations.populations import Generated
from assembly_line.errors import RequestRefused
from assembly_line.features.model.plans import Asked, Input
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.spine.occasions import at_most, decided_between, occasions
from assembly_line.features.spine.populations import MOST_DECISIONS
from assembly_line.features.values.semantics import micros_of
from assembly_line.instants import DAY_MICROS, to_micros

# A date's event is at the end of the day at whose start it is decided.
DAYS = 2 * DAY_MICROS


def spine_rows(line: Line, asked: Asked, inputs: Mapping[str, Input]) -> int:
    """Decisions that the spine has at most, before any is left out.

    Raises:
        RequestRefused: a generated spine has more than are built, or nothing says where it begins.
    """
    decision = line.decision
    rows = sum(item.rows for item in inputs[decision.source.name].objects)
    spine = decision.spine
    if not isinstance(spine, Generated):
        return rows
    period = decided_between(decision, since=asked.since, until=asked.until, as_of=asked.as_of)
    number = len(occasions(spine.cadence, *period))
    if spine.lookback is not None:
        number = min(number, at_most(spine.cadence, 0, micros_of(spine.lookback)) + 1)
    elif spine.active_from is None and spine.active_until is None and rows * number > MOST_DECISIONS:
        raise RequestRefused(
            f"from, to: {rows:,} rows of {decision.source.name} at {number:,} occasions give {rows * number:,} "
            f"decisions, at most {MOST_DECISIONS:,} are built; ask for a shorter period",
            where="from, to",
            value=f"{rows * number:,} decisions",
            expected=f"at most {MOST_DECISIONS:,} decisions",
        )
    return min(rows * number, MOST_DECISIONS)


def spine_bounds(decision: Decision, asked: Asked) -> tuple[int | None, int | None]:
    """(least, greatest) event time in microseconds of rows that can make a decision; None where open."""
    source, spine = decision.source, decision.spine
    if isinstance(spine, Generated) and spine.lookback is not None:
        begin, end = decided_between(decision, since=asked.since, until=asked.until, as_of=asked.as_of)
        return begin - micros_of(spine.lookback) - 1, end
    if source.static or decision.time != source.event_time:
        return None, None
    first = None if asked.since is None else to_micros(asked.since)
    return first, None if asked.until is None else to_micros(asked.until) + DAYS


def check_exact(line: Line, snapshots: Mapping[str, Snapshot]) -> None:
    """Refuse times of the spine that were rounded to the wrong side when they were loaded.

    Event and known times are rounded up, so a decision read from them would be made later than it was, and see more; a
    membership is rounded down, so it would begin before it did.

    Raises:
        RequestRefused: names source and column.
    """
    decision = line.decision
    source, spine = decision.source, decision.spine
    if isinstance(spine, Generated):
        asked = {spine.active_from, spine.active_until}
    else:
        asked = {column for column in (source.event_time, source.known_time) if column == decision.time}
    inexact = snapshots[source.name].inexact
    for column in source.columns:
        if column not in asked or source.columns[column] != "timestamp":
            continue
        if inexact is None:
            raise RequestRefused(
                f"source {source.name}: it is not recorded whether {column} was exact when it was loaded; "
                f"load it again with `line sources load {line.name}`"
            )
        if column in inexact:
            raise RequestRefused(
                f"source {source.name}: column {column} says when decisions are made, but holds times that are finer "
                "than microseconds, outside the years 1 to 9999, or local times that "
                f"{source.zone} has twice or never; "
                "write it in microseconds with a zone and load it again"
            )
