"""An explanation as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, exact, fields, rows
from assembly_line.cli.views.values import short_instant

if TYPE_CHECKING:
    from rich.console import Console


def draw_explanation(found: Mapping[str, Any], *, limit: int) -> Render:
    """Draw it; at most `limit` events behind each value."""

    def draw(console: Console) -> None:
        keys = ", ".join(f"{name} {value}" for name, value in found["keys"].items())
        fields(
            {
                "Decision": f"{found['decision_id']} ({keys})",
                "Decided at": short_instant(found["decision_time"]),
                "Outcome" if "certain_from" in found else "Feature": f"{found['feature']}: {found['definition']}",
                "Value": exact(found["value"]),
                "Recomputed": f"{exact(found['recomputed'])}, {'equal' if found['equal'] else 'NOT EQUAL'}",
                "Certain from": short_instant(found["certain_from"]) if "certain_from" in found else None,
            }
        )(console)
        for part in _over_rows(found):
            _draw_part(part, limit, titled="parts" in found)(console)

    return draw


def _over_rows(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The features behind a value that are made of rows, each once."""
    if "parts" not in found:
        return [found]
    parts = {one["feature"]: one for part in found["parts"] for one in _over_rows(part)}
    return list(parts.values())


def _draw_part(part: Mapping[str, Any], limit: int, *, titled: bool) -> Render:
    def draw(console: Console) -> None:
        if titled:
            console.print(f"\n{part['feature']} = {exact(part['recomputed'])}", style="bold", markup=False)
            console.print(part["definition"], markup=False)
        events, counted = part["events"], part["counted"]
        first, last = (short_instant(part.get(name)) for name in ("counts_from", "counts_until"))
        span = f", from {first} until {last}" if first else ""
        title = f"\n{counted} row{'' if counted == 1 else 's'} of {part['source']} behind it{span}"
        if events:
            _table(events[-limit:], title)(console)
        else:
            console.print(title, style="bold", markup=False)
        if counted > limit:
            console.print(f"The last {limit} are shown; --limit or --json shows more.", style="dim")
        if part["near"]:
            _table(part["near"], "Near, and not counted")(console)
            numbers = ", ".join(f"{number} {reason}" for reason, number in part["left_out"].items())
            console.print(f"In all: {numbers}.", style="dim", markup=False)

    return draw


def _table(events: Sequence[Mapping[str, Any]], title: str) -> Render:
    """Events with their times; when each was known only if that was not at once."""
    first = events[0]
    late = any(event.get("known_time") != event.get("event_time") for event in events)
    times = {"event": "event_time", "known": "known_time"} if late else {"event": "event_time"}
    shown = {label: name for label, name in times.items() if name in first}
    reason = ("does not count",) if "reason" in first else ()
    content = [
        (
            *(short_instant(event[name]) for name in shown.values()),
            *map(exact, event["values"].values()),
            *([event["reason"]] if reason else []),
        )
        for event in events
    ]
    return rows((*shown, *first["values"], *reason), content, title=title)
