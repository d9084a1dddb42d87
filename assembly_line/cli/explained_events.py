"""The events of an explanation as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.features.values.plain_values import shown, shown_instant

if TYPE_CHECKING:
    from assembly_line.declarations.sources import Source
    from assembly_line.features.explain.explanation import Event, Explanation


def events_in_json(found: Explanation, near: int, listed: Callable[[Event], dict[str, Any]]) -> dict[str, Any]:
    """What counted, and what was near and did not: of each reason so many, the nearest first."""
    return {
        "counts_from": shown_instant(found.since) if found.since is not None else None,
        "counts_until": shown_instant(found.until) if found.until is not None else None,
        "counted": len(found.counted),
        "events": [listed(event) for event in found.counted],
        "left_out": {str(reason): number for reason, number in found.reasons.items()},
        "near": [
            {**listed(event), "reason": str(reason)}
            for reason in found.reasons
            for event in [event for event, why in found.left_out if why == reason][:near]
        ],
    }


def event_in_json(
    source: Source, keys: Mapping[str, str], about: Iterable[str], event: Event, *, timed: bool = True
) -> dict[str, Any]:
    """A row without its keys; personal data only where it is what is asked about."""
    asked = tuple(about)
    hidden = {*keys, source.event_time, source.known_time, *source.personal} - {*asked}
    others = [other for other in event.row if other not in hidden and other not in asked]
    names = [*(column for column in asked if column in event.row), *others]
    values = {other: shown(event.row[other], source.columns[other]) for other in names}
    if not timed:
        return {"values": values}
    return {
        "event_time": None if event.time is None else shown_instant(event.time),
        "known_time": None if event.known is None else shown_instant(event.known),
        "values": values,
    }
