"""What a page says of features and recipe: importance, earlier folds, planted noise, and the learning curve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.training.validation import PLANTED
from assembly_line.outcome_kinds import MEASURES
from assembly_line.pages import Cell, figure, mark, table
from assembly_line.plots import DEEP, DIAGONAL, LIGHT, dots, labelled, svg
from assembly_line.training.page.words import interval, number, ranked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More bars than this nobody compares.
MOST_SHOWN = 20
# In inches: the plot has the page's width.
WIDE = 7.5


def recipe_sections(validation: Mapping[str, Any], metrics: Mapping[str, Any], *, learnt: int) -> Iterator[str]:
    """Sections with plots and tables; nothing of what a run has not looked into.

    Args:
        validation, metrics: of the packet.
        learnt: how many rows the judged fit learnt from.
    """
    if (importance := validation.get("importance")) is not None:
        yield _importance(importance, validation.get("noise"))
    if (folds := validation.get("folds")) is not None:
        yield _folds(folds, validation["spread"], metrics)
    if (noise := validation.get("noise")) is not None:
        yield _noise(noise, metrics)
    if (curve := validation.get("learning_curve")) is not None:
        yield _learning_curve(curve, metrics, learnt=learnt)


def named(fit: str) -> str:
    """A fit's name as people read it: `fold-2` as `fold 2`."""
    return fit.replace("-", " ")


def _importance(importance: Mapping[str, Any], noise: Mapping[str, Any] | None) -> str:
    words = MEASURES[importance["measure"]].words
    head = "<h2>Importance of the features</h2>"
    if "unusable" in importance:
        return f"{head}<p>It is not known: {importance['unusable']}.</p>"
    features = ranked(importance)
    planted = ((noise or {}).get("importance") or {}).get("features") or {}
    shown = {name: one for name, one in features[:MOST_SHOWN] if one["figure"] is not None}
    shown |= {_plain(name): one for name, one in planted.items() if one["figure"] is not None}
    plot = figure(
        f"How much worse the {words} gets when the values of one feature are exchanged; bar: 95 % interval; dotted: 0",
        dots(
            {name: one["figure"] for name, one in shown.items()},
            {name: one["interval"] for name, one in shown.items()},
            title="Importance",
            whole=0.0,
            width=WIDE,
        ),
    )
    rows: list[list[Cell]] = [
        [
            _plain(name),
            number(one["figure"]),
            interval(one["interval"]),
            number(one["change"]),
            mark("matters", "passed") if one["says"] == "matters" else "noise",
        ]
        for name, one in [*features, *planted.items()]
    ]
    caption = (
        f"The {words} less that with exchanged values, on {importance['rows']:,} held-out decisions; features that say "
        "the same stand in for each other, so each seems less important"
    )
    head_row = ("feature", f"loss of {words}", "95 % interval", "change of scores", "")
    return f"{head}{plot}{table(caption, head_row, rows, numbers=range(1, 4), html=(4,))}"


def _plain(feature: str) -> str:
    return feature.replace("_", " ") if feature == PLANTED else feature


def _folds(folds: Mapping[str, Any], spread: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    measures = [name for name in spread if name in metrics]
    first = measures[0]
    judged = {"figure": metrics[first], "interval": metrics.get(f"{first}_interval")}
    shown = {f"{named(name)}, {one['from'][:10]}": one["measures"][first] for name, one in folds.items()}
    shown = {name: one for name, one in {**shown, "this run's holdout": judged}.items() if one["figure"] is not None}
    plot = figure(
        f"{MEASURES[first].words} of earlier fits of the recipe, each on its fold; bar: 95 % interval",
        dots(
            {name: one["figure"] for name, one in shown.items()},
            {name: one["interval"] for name, one in shown.items()},
            title=f"{MEASURES[first].words} by fold",
        ),
    )
    rows: list[list[Cell]] = [
        [
            named(name),
            f"{one['from'][:10]} to {one['to'][:10]}",
            one["rows"],
            one["learnt"],
            one["purged"],
            *(_with_interval(one["measures"][measure]) for measure in measures),
        ]
        for name, one in folds.items()
    ]
    head = (
        "fold",
        "decided",
        "decisions",
        "learnt from",
        "not known in time",
        *(MEASURES[one].words for one in measures),
    )
    spreads: list[list[Cell]] = [
        [
            MEASURES[name].words,
            number(one["mean"]),
            number(one["deviation"]),
            f"{number(one['worst'])} ({named(one['fold'] or '-')})",
            number(metrics[name]),
        ]
        for name, one in spread.items()
        if name in metrics
    ]
    summary = table(
        "The folds together",
        ("measure", "mean", "standard deviation", "worst", "this run"),
        spreads,
        numbers=range(1, 5),
    )
    each = table("Each fold, judged by a fit of the decisions before it", head, rows, numbers=range(2, len(head)))
    return f'<h2>Over earlier time</h2><div class="plots">{plot}</div>{summary}{each}'


def _noise(noise: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    rows: list[list[Cell]] = [
        [
            MEASURES[name].words,
            number(metrics.get(name)),
            number(one["figure"]),
            f"{one['difference']:+.3f} ({interval(one['interval'])})",
            one["says"],
        ]
        for name, one in noise["measures"].items()
    ]
    caption = "A fit that also learnt from a feature of random numbers, on the same decisions"
    head = ("measure", "this run", "with planted noise", "difference", "")
    return f"<h2>Planted noise</h2>{table(caption, head, rows, numbers=range(1, 4))}"


def _learning_curve(curve: Mapping[str, Any], metrics: Mapping[str, Any], *, learnt: int) -> str:
    measures = [name for name in next(iter(curve.values()))["measures"] if name in metrics]
    whole = {name: {"figure": metrics[name], "interval": metrics.get(f"{name}_interval")} for name in measures}
    points = [*curve.values(), {"share": 1.0, "learnt": learnt, "measures": whole}]
    plots = "".join(_curve(name, points) for name in measures)
    rows: list[list[Cell]] = [
        [f"{one['share']:.0%}", one["learnt"], *(_with_interval(one["measures"][name]) for name in measures)]
        for one in points
    ]
    head = ("share of the training part", "learnt from", *(MEASURES[name].words for name in measures))
    return (
        f'<h2>Learning curve</h2><div class="plots">{plots}</div>'
        f"{table('Fits of a part of the rows, on the same decisions', head, rows, numbers=range(1, len(head)))}"
    )


def _curve(name: str, points: Sequence[Mapping[str, Any]]) -> str:
    known = [(one["learnt"], one["measures"][name]) for one in points if one["measures"][name]["figure"] is not None]
    sizes, figures = [size for size, _ in known], [one["figure"] for _, one in known]

    def draw(axes: Axes) -> None:
        for size, one in known:
            if one["interval"] is not None:
                axes.plot([size, size], one["interval"], color=LIGHT, linewidth=5, solid_capstyle="butt")
        axes.plot(sizes, figures, color=DEEP, marker="o", markersize=5)
        axes.axhline(figures[-1], **DIAGONAL)
        axes.set_xlim(left=0)
        labelled(axes, "decisions learnt from", MEASURES[name].words)

    said = "; ".join(f"{size:,}: {one['figure']:.3f}" for size, one in known)
    better = "higher" if MEASURES[name].higher else "lower"
    return (
        figure(
            f"{MEASURES[name].words} by decisions learnt from: {better} is better; bar: 95 % interval",
            svg(draw, title=f"Learning curve: {MEASURES[name].words}", description=said),
        )
        if known
        else ""
    )


def _with_interval(one: Mapping[str, Any]) -> str:
    return f"{number(one['figure'])} ({interval(one['interval'])})"
