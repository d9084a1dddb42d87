"""Scoring runs, slots and consumers as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields, rows
from assembly_line.cli.views.decisions import draw_kept_aside

if TYPE_CHECKING:
    from rich.console import Console


def draw_scored(found: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        shown = {name: value for name, value in found.items() if name not in ("kept_aside", "channels")}
        fates = [
            f"{name}: {fate['delivered']} delivered, {fate['dead_lettered']} dead-lettered"
            for name, fate in found.get("channels", {}).items()
        ]
        fields({**shown, "channels": "; ".join(fates) or None})(console)
        if "kept_aside" in found:
            draw_kept_aside(found["kept_aside"], title="\nKept aside, and delivered to nobody")(console)
            more = f"line decision list {found['line']} --quarantined --run {found['run_id']}"
            console.print(f"All of them: `{more}`", markup=False, soft_wrap=True)

    return render


def draw_outcomes(found: Mapping[str, Any]) -> Render:
    """What came of the decisions; those of other keys only where there are some."""
    others = found.get("other_keys") or None
    shown = {name: value for name, value in found.items() if name not in ("other_keys", "why_immature")}
    said = {"other keys than the line declares now": others, "why immature": found.get("why_immature")}
    return fields({**shown, **said})


def draw_slots(found: Sequence[Mapping[str, Any]]) -> Render:
    content = [
        (one["slot"], one["local"], one["state"], _delivered(one), one["run_id"], one["why"], one.get("because"))
        for one in found
    ]
    return rows(("slot", "local time", "state", "delivered", "run", "why", "because"), content, title="Slots")


def _delivered(slot: Mapping[str, Any]) -> str | None:
    return f"{slot['delivered']} of {slot['offered']}" if slot.get("offered") else None


def draw_look(found: Mapping[str, Any]) -> Render:
    """What one look started, skipped or found."""

    def render(console: Console) -> None:
        said = {
            "Started": "\n".join(found["started"]) or "nothing",
            "Ran before": _each(found.get("ran", ()), "run_id"),
            "Skipped": _each(found.get("skipped", ()), "because"),
            "Refused": _each(found.get("refused", ()), "because"),
            "Late": found.get("late"),
        }
        fields(said, title=f"Line {found['line']}")(console)
        if found["started"]:
            console.print(f"See them with `line delivery slots {found['line']}`", markup=False, soft_wrap=True)

    return render


def _each(slots: Sequence[Mapping[str, Any]], told: str) -> str | None:
    return "\n".join(f"{one['slot']}: {one[told]}" for one in slots) or None


def draw_reconciled(found: Mapping[str, Any]) -> Render:
    content = [
        (one["run_id"], one["channel"], one["what"], one["decisions"], "\n".join(one["first"]))
        for one in found["found"]
    ]
    headings = ("run", "channel", "what", "decisions", "the first")
    title = f"{found['runs']} runs, {found['differences']} decisions that do not add up"
    return rows(headings, content, title=found["because"] or title)


def draw_dead_letters(found: Sequence[Mapping[str, Any]]) -> Render:
    content = [(one["decision_id"], one["channel"], one["expires_at"], one["state"]) for one in found]
    return rows(("decision", "channel", "expires", "state"), content, title="Dead letters")


def draw_consumers(consumers: Sequence[Mapping[str, Any]]) -> Render:
    """A table, one row a consumer."""
    columns = ("consumer", "live since", "added", "for", "freshness", "owner", "filter", "waiting", "dead letters")
    return rows(columns, [_consumer(one) for one in consumers])


def _consumer(one: Mapping[str, Any]) -> list[str]:
    seconds, policy = one["freshness_seconds"], one["filter"]
    beside = {name: _words(values) for name, values in (policy or {}).items() if name not in ("probe", "schema")}
    return [
        one["consumer"],
        one["live_since"] or "not live",
        "yes" if one["added"] else "declared",
        f"{one['actor']}, {one['level']}",
        "none" if seconds is None else duration(seconds),
        one["owner"] or "",
        "not subscribed"
        if policy is None
        else "; ".join(f"{name}: {words}" for name, words in beside.items()) or "all",
        str(one["waiting"]),
        str(one["dead_letters"]),
    ]


def _words(values: Sequence[Any]) -> str:
    told = [value for value in values if value != {"exists": False}]
    return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in told)
