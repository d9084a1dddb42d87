"""The story of a run as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields, rows
from assembly_line.cli.views.decisions import draw_kept_aside

if TYPE_CHECKING:
    from rich.console import Console


def draw_story(found: dict[str, Any]) -> Render:
    def render(console: Console) -> None:
        head = {name: found[name] for name in ("run_id", "machine", "status", "request")}
        fields({**head, "took": duration(found["seconds"])})(console)
        content = [
            (state["name"], state["entered"][11:23], duration(state["seconds"]), state["problem"] or "")
            for state in found["states"]
        ]
        rows(("state", "entered (UTC)", "took", "problem"), content)(console)
        for job in found["jobs"]:
            console.print(f"Its job {job}: `line logs {job}`", markup=False, soft_wrap=True)
        if found["kept_aside"]:
            draw_kept_aside(found["kept_aside"], title="\nKept aside, and delivered to nobody")(console)
        if found["reason"]:
            console.print(f"Why it failed: {found['reason']}", style="bold red", markup=False)

    return render
