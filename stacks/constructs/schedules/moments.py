"""Declared moments, as AWS spells them."""

from __future__ import annotations

from assembly_line.declarations.tables import DAYS, REFRESH


def cron_of(refresh: str) -> str:
    """A declared refresh as the schedule of a Glue trigger or an EventBridge rule, in UTC."""
    found = REFRESH.fullmatch(refresh)
    if found is None:
        raise ValueError(f"{refresh!r} is not a refresh")
    day, weekday = found["day"] or ("?" if found["weekday"] else "*"), "?"
    if found["weekday"]:
        # Sunday is 1.
        weekday = str((DAYS.index(found["weekday"]) + 1) % 7 + 1)
    return f"cron({int(found['minute'])} {int(found['hour'])} {day} * {weekday} *)"
