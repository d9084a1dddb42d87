"""What further fits and exchanged values say of a run, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.cli.views.performance import figure, interval
from assembly_line.outcome_kinds import MEASURES
from assembly_line.training import ranked

if TYPE_CHECKING:
    from rich.console import Console

# The packet's page and the record have all of them.
MOST_FEATURES = 10


def draw_recipe(found: Mapping[str, Any]) -> Render:
    """Nothing of what a run has not looked into."""

    def draw(console: Console) -> None:
        if (folds := found.get("folds")) is not None:
            _folds(folds, found["spread"])(console)
        if (noise := found.get("noise")) is not None:
            _noise(noise)(console)
        if (curve := found.get("learning_curve")) is not None:
            _curve(curve)(console)
        if (importance := found.get("importance")) is not None:
            _importance(importance)(console)

    return draw


def _folds(folds: Mapping[str, Any], spread: Mapping[str, Any]) -> Render:
    head = ("fold", "from", "decisions", "learnt from", *(MEASURES[name].words for name in spread))
    content = [
        (
            name.replace("-", " "),
            one["from"][:10],
            f"{one['rows']:,}",
            f"{one['learnt']:,}",
            *(_said(one["measures"][measure]) for measure in spread),
        )
        for name, one in sorted(folds.items())
    ]
    summary = {
        MEASURES[name].words: f"mean {figure(one['mean'])}, standard deviation {figure(one['deviation'])}, "
        f"worst {figure(one['worst'])} in {(one['fold'] or '-').replace('-', ' ')}"
        for name, one in spread.items()
    }

    def draw(console: Console) -> None:
        rows(head, content, title="\nOver earlier time")(console)
        fields(summary)(console)

    return draw


def _noise(noise: Mapping[str, Any]) -> Render:
    told = {
        f"{MEASURES[name].words} with planted noise": f"{figure(one['figure'])}; less the run's "
        f"{one['difference']:+.3f} ({interval(one['interval'])}), {one['says']}"
        for name, one in noise["measures"].items()
    }
    for one in ((noise["importance"] or {}).get("features") or {}).values():
        told["importance of planted noise"] = f"{figure(one['figure'])} ({interval(one['interval'])}), {one['says']}"
        told["change of scores by it"] = f"{figure(one['change'])} of their standard deviation"
    return fields(told, title="\nPlanted noise")


def _curve(curve: Mapping[str, Any]) -> Render:
    measures = list(next(iter(curve.values()))["measures"])
    content = [
        (f"{one['share']:.0%}", f"{one['learnt']:,}", *(_said(one["measures"][name]) for name in measures))
        for one in sorted(curve.values(), key=lambda one: float(one["share"]))
    ]
    head = ("share", "learnt from", *(MEASURES[name].words for name in measures))
    return rows(head, content, title="\nLearning curve")


def _importance(importance: Mapping[str, Any]) -> Render:
    words = MEASURES[importance["measure"]].words
    title = f"\nImportance, as the loss of {words} where values are exchanged"
    if "unusable" in importance:
        return fields({"not known": importance["unusable"]}, title=title)
    first = ranked(importance)[:MOST_FEATURES]
    head = ("feature", "loss", "change of scores", "says")
    return rows(head, [(name, _said(one), figure(one["change"]), one["says"]) for name, one in first], title=title)


def _said(one: Mapping[str, Any]) -> str:
    return f"{figure(one['figure'])} ({interval(one['interval'])})"
