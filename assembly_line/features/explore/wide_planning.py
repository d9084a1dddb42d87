"""What a wide table is made of: the plan of a scoring dataset whose decisions are the table's occasions.

Glue makes it, so nothing here may need pydantic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assembly_line.declarations.decisions import Decision
from assembly_line.declarations.derived import with_parts
from assembly_line.declarations.explore.wide_tables import OCCASION, WideTable
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.sources import Source
from assembly_line.features.model.dataset_ids import dataset_id_of
from assembly_line.features.model.plans import Plan, Purpose
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.model.workload import kind_of, source_columns, workload_of
from assembly_line.features.planning.planned_inputs import estimate_of, planned_inputs
from assembly_line.features.planning.spine_planning import spine_rows
from assembly_line.instants import EPOCH, format_instant, from_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasions:
    """The occasions of a table: since <= t < until, with nothing known that came later."""

    since: datetime
    until: datetime
    purpose: Purpose = "scoring"

    @property
    def as_of(self) -> datetime:
        return self.until


def sources_of(line: Line, table: WideTable) -> tuple[str, ...]:
    """Names of the loaded sources that the table is made of."""
    at_occasions = line_of(line, table)
    return tuple(source_columns(at_occasions, workload_of(at_occasions, table.features), with_outcome=False))


def wide_plan(
    line: Line, table: WideTable, *, release: str, snapshots: Mapping[str, Snapshot], scripts: Mapping[str, str]
) -> Plan:
    """The table as a dataset to be built by Spark; its id digests everything that determines the rows.

    Args:
        release: digest of the release that `line` was read from.
        snapshots: of each source in `sources_of`.
        scripts: name -> digest, of the release's scripts.

    Raises:
        RequestRefused: a source is not as declared, or there are more occasions or rows than are built.
    """
    at_occasions = line_of(line, table)
    workload = workload_of(at_occasions, table.features)
    asked = occasions_of(line, [at_occasions.sources[name] for name in sources_of(line, table)], snapshots)
    inputs = planned_inputs(at_occasions, workload, asked, snapshots)
    used = {name: scripts[name] for name in workload.scripts}
    period = {"as_of": asked.as_of, "from": asked.since, "to": asked.until}
    return Plan(
        dataset_id=dataset_id_of(
            at_occasions,
            table.features,
            {name: format_instant(instant) for name, instant in period.items()},
            {name: part.snapshot for name, part in inputs.items()},
            purpose=asked.purpose,
            scripts=used,
        ),
        line=at_occasions,
        release=release,
        purpose=asked.purpose,
        as_of=asked.as_of,
        since=asked.since,
        until=asked.until,
        features=table.features,
        inputs=inputs,
        estimate=estimate_of(
            at_occasions, workload, inputs, spine_rows(at_occasions, asked, inputs), with_outcome=False
        ),
        engine="spark",
        reason="tables are materialised by Spark",
        scripts=used,
    )


def columns_of(plan: Plan) -> dict[str, str]:
    """Column -> type of the table that this is the plan of, in order."""
    features = {name: kind_of(plan.line, name) for name in plan.features}
    return {**plan.line.decision.keys, OCCASION: "timestamp", **features}


def occasions_of(line: Line, sources: Iterable[Source], snapshots: Mapping[str, Snapshot]) -> Occasions:
    """From the line's history, or the oldest event read, until the newest event of the source that lags most.

    A source of events that has none leaves no occasion of which everything is known.
    """
    read = [snapshots[source.name] for source in sources if not source.static]
    oldest = [item.min_time for snapshot in read for item in snapshot.objects if item.min_time is not None]
    since = line.decision.history_since or (from_micros(min(oldest)) if oldest else EPOCH)
    newest = [snapshot.newest for snapshot in read]
    known = [instant for instant in newest if instant is not None]
    until = min(known) if known and len(known) == len(newest) else since
    return Occasions(since=since, until=max(since, until))


def line_of(line: Line, table: WideTable) -> Line:
    """The line as if it decided at the table's occasions: what the engines read of a line, without tables and model."""
    decision = Decision(
        name=table.name,
        entities=table.by,
        spine=table.population,
        history_since=line.decision.history_since,
        boundary=line.decision.boundary,
    )
    return replace(
        line,
        decision=decision,
        outcome=_nothing(line.outcome),
        features=with_parts(line.features, table.features),
        training=replace(line.training, baseline=table.features[0], preprocessing=None),
        quality=(),
        groups={},
        tables=(),
    )


def _nothing(outcome: Outcome) -> Outcome:
    """A scoring dataset has no outcome; a line has to have one, and this one asks nothing of the entities."""
    source = outcome.source
    if outcome.value is not None:
        # The rows that state it are no events: they are read as if they were, under a name of their own.
        source = replace(
            source,
            name=f"{source.name[:40]}_as_events",
            static=False,
            event_time=outcome.known,
            known_time=None,
            delay=timedelta(0),
            valid_until=None,
        )
    return Outcome(name=outcome.name, source=source, by=(), horizon=timedelta(days=1))
