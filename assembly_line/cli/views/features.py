"""Features as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, exact, fields, rows
from assembly_line.cli.views.values import minute, short_instant

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("feature", "meaning", "groups", "newest event")


def draw_features(found: Sequence[Mapping[str, Any]], line: str) -> Render:
    def draw(console: Console) -> None:
        if not found:
            console.print(f"No feature of {line} matches.", markup=False)
            return
        content = [
            (
                one["name"],
                _meaning(one, line),
                ", ".join(one["groups"]),
                _fresh(one),
            )
            for one in found
        ]
        rows(COLUMNS, content)(console)

    return draw


def draw_feature(found: Mapping[str, Any]) -> Render:
    def draw(console: Console) -> None:
        fields(
            {
                "Feature": found["name"],
                "Meaning": found["definition"],
                "Type": found["type"],
                "Groups": ", ".join(found["groups"]) or None,
                "Line": f"{found['line']}, owned by {found['owner']}",
                "Entity": ", ".join(found["entities"]),
                "Looks back": found["window"] or "without a bound",
                "Parts": ", ".join(found["parts"]) or None,
                "Personal data": "yes" if found["personal"] else "no column declared personal",
                "Baseline": "the rule that a model must beat" if found["baseline"] else None,
                "Used by": ", ".join(f"{line} as {name}" for line, name in found["used_by"].items()),
            }
        )(console)
        for source in found["read_from"]:
            loaded = "not loaded; run `line sources load`"
            if "snapshot" in source:
                loaded = f"{source['rows']} rows, snapshot {source['snapshot'][:12]}"
            if "inputs" in source:
                loaded = f"a view over {', '.join(source['inputs'])}"
            fields(
                {
                    "Newest event": short_instant(source.get("newest_event")),
                    "Event time": source["event_time"] and f"{source['event_time']} ({source['zone']})",
                    "Known": source["known"],
                    "Loaded": loaded,
                    "Description": source["description"] or None,
                },
                title=f"\nSource {source['source']}",
            )(console)

    return draw


def draw_published(found: Mapping[str, Any]) -> Render:
    """What the online machine answers, and whether this very run wrote it."""
    return fields(
        {
            "Line": found["line"],
            "Result": "was in force already; nothing was written" if found["exists"] else "published by this run",
            "Generation": found["generation"],
            "Release": found["release"][:12],
            "Served from": short_instant(found["served_from"]),
            "Can be read until": f"{minute(found['valid_until'])} UTC",
            "Items": found["items"],
            "Run": f"{found['run_id']}, {found['took']}",
        }
    )


def draw_answer(found: Mapping[str, Any]) -> Render:
    """The values, and how far they know the world."""

    def draw(console: Console) -> None:
        rows(
            ("feature", "value"),
            [(name, exact(value)) for name, value in found["values"].items()],
        )(console)
        fields(
            {
                "At": short_instant(found["at"]),
                "Known until": short_instant(found["known_until"]),
                "Generation": found["generation"],
                "Release": found["release"][:12],
            }
        )(console)

    return draw


def _meaning(one: Mapping[str, Any], line: str) -> str:
    """With what is not said of most: that it is of personal data, and which other lines have it."""
    others = ", ".join(name for name in one["used_by"] if name != line)
    marks = [
        mark for mark in ("personal data" if one["personal"] else "", f"also of {others}" if others else "") if mark
    ]
    return f"{one['definition']} ({'; '.join(marks)})" if marks else one["definition"]


def _fresh(one: Mapping[str, Any]) -> str:
    return "\n".join((minute(newest) or "no event") for newest in one["freshness"].values())
