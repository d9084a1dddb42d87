"""What was looked into beside the measures of a run, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.cli.views.performance import figure, interval
from assembly_line.cli.views.recipe import draw_recipe
from assembly_line.outcome_kinds import MEASURES

if TYPE_CHECKING:
    from rich.console import Console


def draw_validation(found: Mapping[str, Any]) -> Render:
    """Nothing, for a run of an earlier version."""

    def draw(console: Console) -> None:
        if not found:
            return
        fields(_beside(found), title="\nLooked into")(console)
        if found["limits"]:
            head = ("limit", "figure", "expected", "kept")
            rows(head, [_limit(one) for one in found["limits"]], title="\nDeclared limits")(console)
        draw_recipe(found)(console)
        for name, parts in found["segments"].items():
            _segment(name, parts)(console)

    return draw


def _beside(found: Mapping[str, Any]) -> dict[str, str]:
    said = {
        f"{MEASURES[name].words} of a linear model": f"{figure(one['figure'])}; the run's less it "
        f"{one['difference']:+.3f}, {one['says']}"
        for name, one in (found["linear"] or {}).items()
    }
    calibration, stable = found["calibration"], found["stability"]
    if calibration is not None:
        chance = calibration["by_chance"]
        said["calibration error"] = figure(calibration["error"]) + (
            "" if chance is None else f"; {figure(chance)} by chance alone"
        )
    if stable is not None:
        said["change of scores"] = stable.get("unusable") or (
            f"{figure(stable['change'])} of their standard deviation, at most {figure(stable['largest'])}, "
            f"when numbers change by {stable['nudge']:.0%} of theirs"
        )
    return said


def _limit(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    expected = f"{'at least' if one['least'] else 'at most'} {one['limit']:g}"
    return one["on"], figure(one["figure"]), expected, "yes" if one["kept"] else "no"


def _segment(name: str, parts: Sequence[Mapping[str, Any]]) -> Render:
    measures = list(dict.fromkeys(measure for part in parts for measure in part["measures"]))
    content = [
        (part["part"], f"{part['rows']:,}", *(_said(part["measures"].get(measure)) for measure in measures))
        for part in parts
    ]
    return rows((name, "decisions", *(MEASURES[one].words for one in measures)), content, title="\nBy " + name)


def _said(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "-"
    beside = "" if one["says"] == "alike" else f" {one['says']}"
    return f"{figure(one['figure'])} ({interval(one['interval'])}){beside}"
