"""What the quality gate and the leakage audit found, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows

if TYPE_CHECKING:
    from rich.console import Console

ORDER = ("error", "warning", "allowed", "not judged", "passed")


def draw_quality(found: Mapping[str, Any]) -> Render:
    """The worst first, then the rows behind each broken rule."""

    def draw(console: Console) -> None:
        fields(
            {
                "Dataset": found["dataset_id"],
                "Line": found["line"],
                "Result": "finished" if found["finished"] else "REFUSED",
                "Stopped by": found["stopped_by"] or None,
            }
        )(console)
        findings = sorted(found["findings"], key=lambda one: ORDER.index(one["result"]))
        content = [(one["rule"], one["result"], one["value"]) for one in findings]
        rows(("rule", "result", "found"), content, title="\nRules")(console)
        for one in findings:
            if one["result"] not in ("passed", "not judged"):
                _draw_broken(one, console)

    return draw


def _draw_broken(one: Mapping[str, Any], console: Console) -> None:
    fields(
        {"Expected": one["expected"], "What to do": one["advice"], "Allowed because": one["allowed"]},
        title=f"\n{one['rule']}",
    )(console)
    if one["examples"]:
        content = [(row["decision_id"], row["column"], row["value"]) for row in one["examples"]]
        rows(("decision", "column", "value"), content)(console)
