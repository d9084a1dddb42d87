"""How a look at an account is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.cli.output import Render, rows
from assembly_line.doctor.examination import NOT_LOOKED_AT

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.doctor.examination import Examination


def draw(found: Examination) -> Render:
    """Findings with what to do, the costs, and what no call could tell."""
    content = [[each.check, each.weight, each.place, each.says, each.todo] for each in found.findings]
    prices = [[each.what, "unknown" if each.usd is None else f"{each.usd:.4f}", each.per] for each in found.costs]

    def render(console: Console) -> None:
        if content:
            rows(["Looked at", "Weight", "Where", "Found", "To do"], content)(console)
        else:
            console.print("Nothing stands in the way.")
        rows(["Billed", "USD", "Per"], prices, title=f"Idle: about {found.idle:.2f} USD a month")(console)
        for sentence in NOT_LOOKED_AT:
            console.print(f"- {sentence}", markup=False, soft_wrap=True)

    return render
