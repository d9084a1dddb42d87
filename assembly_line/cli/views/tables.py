"""Tables to explore as a person reads them: lists, one table, and answers of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.cli.views.values import minute

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.storage import QueryResult

NEVER = "never"


def draw_tables(found: Sequence[Mapping[str, Any]], line: str) -> Render:
    columns = ("table", "by", "a row is of", "rows", "refreshed", "current", "refresh (UTC)")
    content = [
        (
            one["table"],
            ", ".join(one["by"]),
            one["rows_are"],
            one["rows"],
            minute(one["refreshed_at"]) or NEVER,
            one["current"],
            one["refresh"] or "by hand",
        )
        for one in found
    ]
    if not content:
        return lambda console: console.print(f"Line {line} declares no tables.", markup=False)

    def draw(console: Console) -> None:
        rows(columns, content)(console)
        words = f"In SQL the line's name stands before, such as {found[0]['catalog_table']}."
        console.print(words, markup=False, soft_wrap=True)

    return draw


def draw_table(found: Mapping[str, Any]) -> Render:
    months = [one["month"] for one in found.get("months", [])]
    return fields(
        {
            "Table": found["table"],
            "In the catalog": found["catalog_table"],
            "Sources": ", ".join(found["sources"]),
            "By": ", ".join(found["by"]) or None,
            "A row is of": found["rows_are"],
            "Values": "\n".join(f"{name}: {what}" for name, what in found["values"].items()),
            "Columns": ", ".join(f"{name} {kind}" for name, kind in found.get("columns", {}).items()) or None,
            "Months": f"{months[0]} to {months[-1]}" if months else None,
            "Rows": found["rows"],
            "Refreshed": minute(found["refreshed_at"]) or NEVER,
            "Refresh": found["refresh"] or "by hand",
            "Current": "yes" if found["current"] else "no; run `line tables refresh`",
            "Snapshots": "\n".join(f"{name} {one[:12]}" for name, one in found.get("snapshots", {}).items()) or None,
        }
    )


def draw_answer(found: QueryResult) -> Render:
    return rows(found.columns, [["null" if cell is None else cell for cell in row] for row in found.rows])
