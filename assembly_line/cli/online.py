"""`line features publish | get`: features in the online table, and their values for one entity at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.output import Render
    from assembly_line.declarations.lines import Line

BOOLEANS = {"true": True, "false": False}
NULL = "null"


def typed_keys(line: Line, text: str) -> dict[str, Any]:
    """`household_id=1,campaign_id=8` as values of the declared types; `null` stands for null.

    Raises:
        RequestRefused: a part has no `=`, names no key of the decision, or is not of its type.
    """
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or name not in line.decision.keys:
            raise RequestRefused(
                f"KEYS {part!r}: expected {','.join(f'{name}=...' for name in line.decision.keys)}, or some of them"
            )
        found[name] = _typed(name, line.decision.keys[name], value)
    return found


def _typed(name: str, kind: str, text: str) -> Any:
    if text == NULL:
        return None
    try:
        if kind == "boolean":
            return BOOLEANS[text]
        return int(text) if kind == "int64" else text
    except (ValueError, KeyError) as error:
        raise RequestRefused(f"KEYS {name}={text!r}: is not of type {kind}") from error


def draw_published(found: Mapping[str, Any]) -> Render:
    """What the online machine answers, and whether this very run wrote it."""
    from assembly_line.cli.output import fields
    from assembly_line.cli.views.instants import minute, short_instant

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
    from assembly_line.cli.output import exact, fields, rows
    from assembly_line.cli.views.instants import short_instant

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
