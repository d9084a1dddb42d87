"""How much memory building takes on one machine. The factors are measured, by peak memory of whole processes.

1.5 million rows of 2 columns took 75 bytes each, of 3 columns 130, of 11 columns 310: less than four copies of every
value. Where only latest values are asked, 1.56 million rows of 1, 2, 5 and 10 columns beside the time took 68, 84, 135
and 264 bytes each: less than three. A process that built nothing but a handful of decisions took 110 MiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.model.workload import TimedGroup, Workload, kind_of, outcome_group

MIB = 1 << 20
# Share of a machine's memory that a build may plan with.
MEMORY_SHARE = 0.6
# Python, NumPy, DuckDB and what it buffers of the file that it writes.
BASE_MIB = 200
# Eight bytes and a flag.
VALUE_BYTES = 9
# A text is an object of its own, beside the eight bytes that point to it.
TEXT_BYTES = 72
# The name of a decision, as DuckDB hands it over and as it is held, and its digest.
NAME_BYTES = 220
# A row of events is held as read, as sorted, in its order and in what windows are reduced from.
ROW_COPIES = 4
# Where only latest values are asked, values are not sorted.
LATEST_COPIES = 3
# What stands beside the values of a row: its entity, and its time as an instant.
ROW_EXTRAS = 2
# What stands beside the values of a decision: its time, name, outcome and end of horizon, and its entity twice.
SPINE_EXTRAS = 6
# A smaller part of a source takes longer to ask for than to work on.
LEAST_ROWS = 200_000


def estimated_mib(
    line: Line, workload: Workload, rows: Mapping[str, int], spine_rows: int, *, with_outcome: bool
) -> int:
    """What building takes if every source is read at once, one after the other.

    Args:
        rows: source -> rows that are read of it; a view is taken to have as many as its sources.
        with_outcome: whether the outcome's events are read, too.
    """
    of_events = with_outcome and line.outcome.value is None
    groups = [*workload.timed, *([outcome_group(line)] if of_events else [])]
    read = (sum(rows[source.name] for source in group.source.loaded) * row_bytes(group) for group in groups)
    largest = max(read, default=0)
    return held_mib(line, workload, spine_rows) + -(-largest // MIB)


def held_mib(line: Line, workload: Workload, spine_rows: int) -> int:
    """What is held from the first source to the last: the process itself, the spine, and the answers so far."""
    kinds = [*line.decision.keys.values(), *(kind_of(line, name) for name in workload.features)]
    return BASE_MIB + -(-spine_rows * _bytes(kinds, extras=SPINE_EXTRAS) // MIB)


def row_bytes(group: TimedGroup) -> int:
    """What one row of events takes while a group's features are computed."""
    kinds = [group.source.columns[name] for name in group.columns]
    times = [name for name in (group.source.event_time, group.source.known_time) if name is not None]
    copies = LATEST_COPIES if group.only_latest else ROW_COPIES
    return _bytes([*kinds, *times], extras=ROW_EXTRAS, copies=copies)


def rows_at_once(group: TimedGroup, *, bound_mib: int, held: int) -> int:
    """How many rows of a group fit beside what is held already, within a bound on all of it."""
    return max((bound_mib - held) * MIB // row_bytes(group), LEAST_ROWS)


def require_memory_to_finish(rows: int, *, memory_mib: int) -> None:
    """Refuse a dataset that this machine cannot judge. It reads one column at a time; the largest holds the names.

    Raises:
        RequestRefused: says how much memory it takes.
    """
    needed = BASE_MIB + -(-rows * NAME_BYTES // MIB)
    if needed > memory_mib:
        raise RequestRefused(
            f"the dataset has {rows} rows; to judge it takes about {needed} MiB, this machine has {memory_mib}: raise "
            "the setting dataset_memory_mib, ask for a shorter period, or let the line or the request sample"
        )


def _bytes(kinds: Iterable[str], *, extras: int, copies: int = 1) -> int:
    listed = list(kinds)
    texts = sum(kind == "string" for kind in listed)
    return (len(listed) + extras) * VALUE_BYTES * copies + texts * TEXT_BYTES
