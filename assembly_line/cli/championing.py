"""Which run decides for a line, and letting an earlier one decide again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.history import figure
from assembly_line.cli.output import Render, fields, person, rows
from assembly_line.errors import NotFound
from assembly_line.requests import RollbackRequest

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target
    from assembly_line.training.champions import Champion

SHOWN = ("run_id", "promoted_at", "author", "reviewer", "restored", "replaces", "metrics")


def found(target: Target, line: str) -> dict[str, Any]:
    """The champion, and every run that was approved, the latest first.

    Raises:
        NotFound: no run was approved yet.
    """
    champion = target.control.champion(line)
    approved = [_shown(run) for run in target.control.approvals(line)]
    return {"line": line, "champion": _shown(champion), "approved": approved}


def roll_back(target: Target, line: str, *, to: str | None, reason: str, role: str | None) -> dict[str, Any]:
    """Let a run decide again.

    Args:
        to: an approved run; None for the one that the champion took over from.

    Raises:
        NotFound: there is no champion, it took over from none, or `to` was never approved.
        Conflict: the run decides already, or another one took over meanwhile.
        NotPermitted: the caller is the author of the run.
    """
    champion = target.control.champion(line)
    before = to or champion.replaces
    if before is None:
        raise NotFound(
            f"line {line!r}: run {champion.run_id} is the first that was approved, so there is none to go back to; "
            "`line champion show` lists the approved runs, `line train` makes another"
        )
    given = {"run_id": before, "replaces": champion.run_id, "reason": reason}
    request = RollbackRequest.parse(given)
    return target.api(role).roll_back(line, run_id=request.run_id, replaces=request.replaces, reason=request.reason)


def draw(shown: Mapping[str, Any]) -> Render:
    champion, approved = shown["champion"], shown["approved"]
    restored = champion["restored"] or {}

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
                figure(run["metrics"]["auc"]),
                "decides" if run["run_id"] == champion["run_id"] else "",
            )
            for run in approved
        ]
        rows(("run", "approved", "by", "AUC", ""), content, title="\nApproved, the latest first")(console)
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


def _shown(run: Champion) -> dict[str, Any]:
    document = run.to_json()
    return {name: document[name] for name in SHOWN}
