"""How good delivered predictions were, as a person reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, rows

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.feedback import Performance

COLUMNS = ("delivered", "in force", "mature", "positive", "AUC", "95 % int.", "rule", "log loss", "prior")
LEGEND = (
    "AUC and log loss of the scores in force; rule: AUC of the one-feature rule; prior: log loss of the training rate."
)

# What the counts of the ledger say, for a reader.
COUNTED = {
    "decisions": "that were scored",
    "delivered": "decisions of which a revision left for the subscribers",
    "in_force": "those with a revision that decided; the others are not judged",
    "backfills": "decisions that a backfill scored, which never counts as having decided",
    "overrides": "decisions that a person changed",
    "hindsight": "of these, changed when the outcome was known already",
    "confirmed": "decisions that a person confirmed",
    "receipts": "decisions that an application confirmed",
    "outcomes": "decisions with a certain outcome",
    "parked": "feedback for decisions that are not known (yet)",
    "conflicts": "contradictions: one id, two contents; neither counts",
    "duplicates": "rows that repeat another",
    "withdrawn": "statements that their source took back",
    "flagged": "decisions with an impossible clock or contradiction",
    "quarantined": "scores and feedback outside of what is declared",
}


def draw_performance(found: Sequence[Performance], counts: Mapping[str, int], *, by: str | None) -> Render:
    def draw(console: Console) -> None:
        content = [(_group(one, by), *figures(one.to_json())) for one in found]
        rows((by or "", *COLUMNS), content, title="Predictions in force against mature outcomes")(console)
        console.print(LEGEND, style="dim")
        for text in why_not(found, by):
            console.print(text, style="dim", markup=False)
        rows(("Ledger", "", ""), [(name, count, COUNTED[name]) for name, count in counts.items()])(console)

    return draw


def figures(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """The cells of `COLUMNS`, from a performance's JSON."""
    return (
        one["decisions"],
        one["in_force"],
        one["rows"],
        one["positives"] if one["rows"] else "-",
        figure(one["auc"]),
        interval(one["auc_interval"]),
        figure(one["baseline_auc"]),
        figure(one["log_loss"]),
        figure(one["prior_log_loss"]),
    )


def figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def interval(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.3f}-{bounds[1]:.3f}"


def why_not(found: Sequence[Performance], by: str | None) -> list[str]:
    """Why figures are missing, groups with the same reason together."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in found:
        for reason in dict.fromkeys(one.why_not.values()):
            missing = ", ".join(name for name, text in one.why_not.items() if text == reason)
            groups[missing, reason].append(_group(one, by))
    return [f"{', '.join(names)}: no {missing}: {reason}" for (missing, reason), names in groups.items()]


def _group(one: Performance, by: str | None) -> str:
    return "all" if one.group is None or by is None else str(one.group)
