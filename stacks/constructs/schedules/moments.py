"""Declared moments, as AWS spells them."""

from __future__ import annotations

from assembly_line.declarations.clock import DAYS, parts_of


def cron_of(refresh: str) -> str:
    """A declared moment as the schedule of EventBridge's rules and schedules, in UTC."""
    found = parts_of(refresh)
    day, weekday = found["day"] or ("?" if found["weekday"] else "*"), "?"
    if found["weekday"]:
        # Sunday is 1.
        weekday = str((DAYS.index(found["weekday"]) + 1) % 7 + 1)
    return f"cron({int(found['minute'])} {int(found['hour'])} {day} * {weekday} *)"
