"""Which columns of the spine's rows a decision at one instant may not know yet, since they state an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.features.values.knowledge_limits import known_until


@dataclass(frozen=True, slots=True)
class Hidden:
    """Columns that are unknown, however long the row itself is known, unless `known` lies at or before `latest`.

    Args:
        latest: in the units of the column's type: microseconds, or days for a date.
    """

    columns: tuple[str, ...]
    known: str
    latest: int


def telling(line: Line) -> tuple[str, ...]:
    """Columns of the spine's rows that tell their outcome; not those that make the decision, known as it is made."""
    of_decision = {*line.decision.keys, *line.decision.columns}
    return tuple(column for column in line.outcome.stated_by if column not in of_decision)


def hidden_at(line: Line, source: Source, instant: int) -> Hidden | None:
    """What is hidden in rows of a source at an instant (microseconds); None where they state no outcome."""
    outcome = line.outcome
    if outcome.value is None or outcome.known is None or source != outcome.source:
        return None
    as_events = replace(
        source, static=False, event_time=outcome.known, known_time=None, valid_until=None, delay=outcome.delay
    )
    latest = known_until(as_events, instant, "at_or_before")[outcome.known]
    return Hidden(telling(line), outcome.known, latest)
