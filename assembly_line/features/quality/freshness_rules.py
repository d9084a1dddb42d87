"""How new a dataset's sources are at its decisions, and whether one of them fell silent as it never does.

Both go by what was known at the request's as_of: a lake may hold later events when an old instant is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from assembly_line.declarations.quality import Fresh
from assembly_line.declarations.sources import Source
from assembly_line.features.model.findings import Finding, not_judged
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import workload_of
from assembly_line.features.quality.gate_rules import GateLimits
from assembly_line.features.sources.activity import Activity
from assembly_line.features.sources.attempts import Built
from assembly_line.features.values.columns import Column
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.values.semantics import micros_of
from assembly_line.features.wording.wording import duration
from assembly_line.instants import format_instant, from_micros, later

DAY = timedelta(days=1)
# With fewer pauses than this a source has shown no rhythm.
ENOUGH_PAUSES = 20
# Holidays are no gap, whatever the rhythm: shorter ones where a source has events nearly every day, and those at the
# turn of the year where it rests on weekends.
SHORTEST_GAP = 14 * DAY
SHORTEST_GAP_WITH_WEEKENDS = 21 * DAY
# A gap is longer than so many usual pauses, and lies so many spreads (usual less median) beyond the usual one. Of
# sources whose events come by chance alone (exponential pauses, 60 to 2,000 of them) fewer than 1 % exceed that.
TIMES_USUAL = 2.5
SPREADS = 4


def freshness(plan: Plan, built: Built, columns: Mapping[str, Column], limits: GateLimits) -> list[Finding]:
    """The latest of what was known of each source lies near the latest decision."""
    times = columns[DECISION_TIME]
    if not times.valid.any():
        return []
    latest = from_micros(int(np.max(times.values[times.valid])))
    sources = {group.source.name: group.source for group in workload_of(plan.line, plan.features).timed}
    return [_fresh(plan, built, source, latest, limits) for _, source in sorted(sources.items())]


def _fresh(plan: Plan, built: Built, source: Source, latest: datetime, limits: GateLimits) -> Finding:
    rule = _declared(plan, source.name)
    within = limits.newest_event_age if rule is None else rule.within
    oldest_allowed = later(latest, -within)
    known, said = _newest(plan, built, source)
    return Finding(
        rule=f"freshness of {source.name}",
        passed=known is not None and known >= oldest_allowed,
        severity="error" if rule is None else rule.severity,
        value=said,
        expected=f"{format_instant(oldest_allowed)} or later, {duration(within)} before the "
        f"latest decision at {format_instant(latest)}",
        advice=f"load newer data with `line sources load {plan.line.name}`, or ask for earlier decisions",
    )


def _declared(plan: Plan, name: str) -> Fresh | None:
    return next((rule for rule in plan.line.quality if isinstance(rule, Fresh) and rule.source.name == name), None)


def _newest(plan: Plan, built: Built, source: Source) -> tuple[datetime | None, str]:
    """When the latest of a source's rows became known by as_of, and that in words. A view is as new as its oldest."""
    found = [built.activity.get(read.name) for read in source.loaded if not read.static]
    if None in found or not found:
        # Built before activity was recorded.
        newest = plan.newest(source)
        return newest, "no event at all" if newest is None else f"newest event {format_instant(newest)}"
    oldest = min(
        (one for one in found if one is not None), key=lambda one: -1 << 63 if one.known is None else one.known
    )
    if oldest.newest is None or oldest.known is None:
        return None, f"no event at all that was known at {format_instant(plan.as_of)}"
    known, newest = from_micros(oldest.known), from_micros(oldest.newest)
    later = "" if known == newest else f", the latest known at {format_instant(known)}"
    return known, f"newest event {format_instant(newest)}{later}, of those known at {format_instant(plan.as_of)}"


def silences(plan: Plan, built: Built, limits: GateLimits) -> list[Finding]:
    """No source is silent for far longer than it usually is, in the time that the dataset reads."""
    return [_silence(plan, name, built.activity[name], limits) for name in sorted(built.activity)]


def _silence(plan: Plan, name: str, found: Activity, limits: GateLimits) -> Finding:
    rule = f"gaps of {name}"
    if found.pauses < ENOUGH_PAUSES:
        return not_judged(
            rule,
            f"no rhythm yet: {found.pauses} pauses between days with events",
            expected=f"at least {ENOUGH_PAUSES}, to tell a gap from a usual pause",
            advice="nothing to do: it is judged once there are more days",
        )
    declared = _declared(plan, name)
    within = limits.newest_event_age if declared is None else declared.within
    allowed = longest_usual(found)
    gaps = [(start, end) for start, end in found.gaps if end - start > allowed]
    longest = max((end - start for start, end in gaps), default=0)
    stops = longest > micros_of(within)
    return Finding(
        rule=rule,
        passed=not gaps,
        severity=("error" if declared is None else declared.severity) if stops else "warning",
        value="; ".join(_in_words(start, end) for start, end in gaps) or f"{found.pauses} pauses, none far above usual",
        expected=f"no time without events beyond {_long(allowed)}, where nearly all pauses last up to "
        f"{_long(found.usual)}",
        advice=f"check that {name} is loaded without a gap; if it is silent for so long at times, declare "
        f"fresh({name.upper()}, within=...) of that length, which makes it a warning",
    )


def longest_usual(found: Activity) -> int:
    """The longest time without events that is still the source's rhythm, microseconds."""
    spread = found.usual - found.median
    shortest = SHORTEST_GAP if found.usual < micros_of(2 * DAY) else SHORTEST_GAP_WITH_WEEKENDS
    return max(micros_of(shortest), int(TIMES_USUAL * found.usual), found.usual + SPREADS * spread)


def _in_words(start: int, end: int) -> str:
    since, until = format_instant(from_micros(start)), format_instant(from_micros(end))
    return f"no event for {_long(end - start)} from {since} to {until}"


def _long(micros: int) -> str:
    days = micros / micros_of(DAY)
    return f"{days:.3g} days" if days >= 1 else f"{days * 24:.2g} hours"
