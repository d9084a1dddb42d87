"""How good delivered predictions were, as a person reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, rows
from assembly_line.outcome_kinds import Binary, OutcomeKind

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.feedback import Performance

# How many measures of a kind the table has room for; a program gets all of them.
SHOWN = 2

COUNTS = {"delivered": "decisions", "in_force": "in_force", "mature": "rows"}

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


def draw_performance(
    found: Sequence[Performance], counts: Mapping[str, int], *, kind: type[OutcomeKind], by: str | None
) -> Render:
    def draw(console: Console) -> None:
        content = [(_group(one, by), *figures(one.to_json(), kind)) for one in found]
        rows((by or "", *columns(kind)), content, title="Predictions in force against mature outcomes")(console)
        console.print(legend(kind), style="dim")
        for text in why_not(found, by):
            console.print(text, style="dim", markup=False)
        rows(("Ledger", "", ""), [(name, count, COUNTED[name]) for name, count in counts.items()])(console)

    return draw


def columns(kind: type[OutcomeKind]) -> list[str]:
    """Titles of the table of a kind's figures."""
    return [title for title, _ in _cells({}, kind)]


def figures(one: Mapping[str, Any], kind: type[OutcomeKind]) -> list[Any]:
    """The cells of `columns`, from a performance's JSON."""
    return [cell for _, cell in _cells(one, kind)]


def legend(kind: type[OutcomeKind]) -> str:
    """What the columns say."""
    shown = kind.measures[:SHOWN]
    said = [f"{' and '.join(measure.words for measure in shown)} of the scores in force"]
    for measure in shown:
        if measure.ranks:
            said.append(f"rule: {measure.words} of the one-feature rule")
        if measure.constant is not None:
            said.append(f"prior: {measure.words} of the training {measure.constant}")
    return "; ".join(said) + "."


def _cells(one: Mapping[str, Any], kind: type[OutcomeKind]) -> list[tuple[str, Any]]:
    cells: list[tuple[str, Any]] = [(name.replace("_", " "), one.get(key)) for name, key in COUNTS.items()]
    if kind is Binary:
        cells.append(("positive", one["positives"] if one.get("rows") else "-"))
    for place, measure in enumerate(kind.measures[:SHOWN]):
        cells.append((measure.words, figure(one.get(measure.name))))
        if place == 0:
            cells.append(("95 % int.", interval(one.get(f"{measure.name}_interval"))))
        if measure.ranks:
            cells.append(("rule", figure(one.get(f"baseline_{measure.name}"))))
        if measure.constant is not None:
            cells.append(("prior", figure(one.get(f"prior_{measure.name}"))))
    return cells


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
    left_out = [
        f"{_group(one, by)}: left out {one.other_question:,}: the prediction or the outcome is of another kind than "
        "the line declares now"
        for one in found
        if one.other_question
    ]
    return left_out + [f"{', '.join(names)}: no {missing}: {reason}" for (missing, reason), names in groups.items()]


def _group(one: Performance, by: str | None) -> str:
    return "all" if one.group is None or by is None else str(one.group)
