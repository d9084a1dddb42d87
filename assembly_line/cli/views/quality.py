"""What the quality gate and the leakage audit found, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
                "Result": _result(finished=found["finished"], refused=bool(found["stopped_by"])),
                "Stopped by": found["stopped_by"] or None,
            }
        )(console)
        draw_findings(found["findings"], title="\nRules")(console)
        for one in sorted(found["findings"], key=_worst_first):
            if one["result"] not in ("passed", "not judged"):
                _draw_broken(one, console)

    return draw


def draw_findings(findings: Sequence[Mapping[str, Any]], *, title: str) -> Render:
    """The worst first, each rule whole."""

    def draw(console: Console) -> None:
        worst_first = sorted(findings, key=_worst_first)
        content = [(one["rule"], one["result"], one["value"]) for one in worst_first]
        rows(("rule", "result", "found"), content, title=title)(console)

    return draw


def _worst_first(one: Mapping[str, Any]) -> int:
    return ORDER.index(one["result"])


def _result(*, finished: bool, refused: bool) -> str:
    if not finished:
        return "REFUSED"
    return "finished; REFUSED by the rules of a release that asked later" if refused else "finished"


def _draw_broken(one: Mapping[str, Any], console: Console) -> None:
    fields(
        {"Expected": one["expected"], "What to do": one["advice"], "Allowed because": one["allowed"]},
        title=f"\n{one['rule']}",
    )(console)
    if one["examples"]:
        content = [(row["decision_id"], row["column"], row["value"]) for row in one["examples"]]
        rows(("decision", "column", "value"), content)(console)
