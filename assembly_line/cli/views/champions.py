"""Which run decides, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, person, rows
from assembly_line.cli.views.performance import figure
from assembly_line.outcome_kinds import kind_of

if TYPE_CHECKING:
    from rich.console import Console


def draw_champion(shown: Mapping[str, Any]) -> Render:
    champion, approved = shown["champion"], shown["approved"]
    restored = champion["restored"] or {}
    measure = kind_of(champion["metrics"]).measures[0]

    def render(console: Console) -> None:
        fields(
            {
                "run": champion["run_id"],
                "decides since": champion["promoted_at"],
                "author": person(champion["author"]),
                "approved by": person(champion["reviewer"]),
                "let decide again by": person(restored.get("by")) if restored else None,
                "in place of": restored.get("replaced"),
                "because": restored.get("reason"),
            },
            title=f"Champion of {shown['line']}",
        )(console)
        content = [
            (
                run["run_id"],
                run["promoted_at"][:19],
                person(run["reviewer"]),
                figure(run["metrics"].get(measure.name)),
                "decides" if run["run_id"] == champion["run_id"] else "",
            )
            for run in approved
        ]
        rows(
            ("run", "approved", "by", measure.words, ""),
            content,
            title="\nApproved, the latest first",
        )(console)
        if champion["replaces"]:
            back = f'line champion rollback {shown["line"]} --reason "..." --as reviewer'
            console.print(f"\n`{back}` lets {champion['replaces']} decide again.", markup=False, soft_wrap=True)

    return render


def draw_rollback(answer: Mapping[str, Any]) -> Render:
    restored = answer["restored"]
    return fields(
        {
            "run": answer["run_id"],
            "in place of": restored["replaced"],
            "by": restored["by"],
            "reason": restored["reason"],
            "so": "its model decides from now on: `line score`",
        }
    )
