"""The plots of a review packet, drawn from its small tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.outcome_kinds import MEASURES, Measure
from assembly_line.pages import figure
from assembly_line.plots import DEEP, DIAGONAL, LIGHT, WARM, dots, labelled, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plots_of(validation: Mapping[str, Any]) -> str:
    """Every plot that the packet has tables for, as markup; empty without any."""
    curves, calibration = validation["curves"], validation["calibration"]
    drawn = []
    if "ranked" in curves:
        drawn += _of_a_ranking(curves["ranked"])
    if "scores" in curves:
        drawn.append(_scores(curves["scores"]))
    if "confusion" in curves:
        drawn.append(_confusion(curves["confusion"], curves["classes"]))
    if "residuals" in curves:
        drawn.append(_residuals(curves["residuals"]))
    if calibration is not None:
        drawn.append(_calibration(calibration["curves"]))
    return f'<div class="plots">{"".join(drawn)}</div>' if drawn else ""


def _of_a_ranking(ranked: Sequence[Sequence[int]]) -> list[str]:
    """ROC, precision and recall, and lift: all of how many positives there are among the highest scores."""
    rows, positives = ranked[-1]
    hits = [hit / positives for _, hit in ranked]
    alarms = [(acted - hit) / (rows - positives) for acted, hit in ranked]
    precision = [hit / acted for acted, hit in ranked[1:]]
    shares = [acted / rows for acted, _ in ranked[1:]]
    base = positives / rows

    def roc(axes: Axes) -> None:
        axes.plot(alarms, hits, color=DEEP)
        axes.plot([0, 1], [0, 1], **DIAGONAL)
        labelled(axes, "share of negatives", "share of positives")

    def precision_recall(axes: Axes) -> None:
        axes.plot(hits[1:], precision, color=DEEP)
        axes.axhline(base, **DIAGONAL)
        axes.set_ylim(0, 1.05)
        labelled(axes, "recall", "precision")

    def lift(axes: Axes) -> None:
        axes.plot(shares, [one / base for one in precision], color=DEEP)
        axes.axhline(1, **DIAGONAL)
        axes.set_ylim(bottom=0)
        labelled(axes, "share of decisions, highest scores first", "lift")

    best = f"Among the highest tenth of scores, precision is {_at(shares, precision, 0.1):.2f}; {base:.2f} is chance."
    return [
        figure("ROC: positives and negatives above each score", svg(roc, title="ROC", description=best)),
        figure(
            "Precision and recall; dotted: precision of chance",
            svg(precision_recall, title="Precision and recall", description=best),
        ),
        figure("Lift: precision as a multiple of chance", svg(lift, title="Lift", description=best)),
    ]


def _at(shares: Sequence[float], values: Sequence[float], wanted: float) -> float:
    return values[min(range(len(shares)), key=lambda place: abs(shares[place] - wanted))]


def _scores(bars: Sequence[Sequence[float]]) -> str:
    def draw(axes: Axes) -> None:
        for place, (color, name) in enumerate(((LIGHT, "negatives"), (WARM, "positives"))):
            counts = [bar[2 + place] for bar in bars]
            total = sum(counts) or 1
            edges = [bars[0][0], *(bar[1] for bar in bars)]
            axes.stairs([count / total for count in counts], edges, color=color, label=name, fill=place == 0)
        axes.legend()
        labelled(axes, "score", "share of each")

    said = "; ".join(f"{low:.2f} to {high:.2f}: {no} negatives, {yes} positives" for low, high, no, yes in bars)
    return figure("Scores of both outcomes", svg(draw, title="Scores of both outcomes", description=said))


def _calibration(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    def draw(axes: Axes) -> None:
        ends = [value for bins in curves.values() for one in bins for value in one[:2]]
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], **DIAGONAL)
        for name, bins in curves.items():
            axes.plot(*_columns(bins), marker="o", markersize=3.5, label=name or None, color=DEEP if not name else None)
        if len(curves) > 1:
            axes.legend()
        labelled(axes, "answered", "happened")

    said = "; ".join(
        f"{f'{name}: ' if name else ''}answered {answered:.3g}, happened {happened:.3g} of {rows}"
        for name, bins in curves.items()
        for answered, happened, rows in bins
    )
    return figure(
        "Calibration: mean answer and mean outcome of equally many decisions; dotted: as they should be",
        svg(draw, title="Calibration", description=said),
    )


def _columns(bins: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    return [one[0] for one in bins], [one[1] for one in bins]


def _confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    def draw(axes: Axes) -> None:
        shares = [[count / (sum(row) or 1) for count in row] for row in counts]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.grid(visible=False)
        for row, line in enumerate(counts):
            for column, count in enumerate(line):
                color = "white" if shares[row][column] > 0.5 else "black"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=8)
        axes.set_xticks(range(len(classes)), classes, rotation=45 if len(classes) > 4 else 0)
        axes.set_yticks(range(len(classes)), classes)
        labelled(axes, "likeliest class", "outcome")

    said = "; ".join(
        f"{classes[row]}: {', '.join(map(str, line))} answered {', '.join(classes)}" for row, line in enumerate(counts)
    )
    return figure(
        "Outcomes and likeliest classes; darker: a larger share", svg(draw, title="Confusion", description=said)
    )


def _residuals(parts: Sequence[Sequence[float]]) -> str:
    answers, lowest, low, middle, high, highest = (list(column) for column in zip(*parts, strict=True))

    def draw(axes: Axes) -> None:
        axes.fill_between(answers, lowest, highest, color=LIGHT, alpha=0.4, linewidth=0)
        axes.fill_between(answers, low, high, color=LIGHT, linewidth=0)
        axes.plot(answers, middle, color=DEEP, marker="o", markersize=3.5)
        axes.axhline(0, **DIAGONAL)
        labelled(axes, "answer", "outcome less answer")

    said = "; ".join(
        f"answer {one[0]:.3g}: median {one[3]:.3g}, half between {one[2]:.3g} and {one[4]:.3g}" for one in parts
    )
    return figure(
        "Residuals by tenths of the answers: median, and where half and nine tenths lie",
        svg(draw, title="Residuals", description=said),
    )


def measure_plot(measure: Measure, metrics: Mapping[str, Any], linear: Mapping[str, Any] | None) -> str:
    """The run's figure with its interval, beside those of the simple answers and of the champion."""
    name = measure.name
    beside = {
        "this run": metrics[name],
        "linear model": ((linear or {}).get(name) or {}).get("figure"),
        f"rule by {metrics['baseline_feature']}": metrics.get(f"baseline_{name}"),
        f"training {measure.constant}": metrics.get(f"prior_{name}"),
        "champion, where it scored": metrics.get(f"champion_{name}"),
    }
    known = {label: value for label, value in beside.items() if value is not None}
    better = "higher" if measure.higher else "lower"
    intervals = {"this run": metrics.get(f"{name}_interval")}
    return figure(
        f"{measure.words}: {better} is better; bar: 95 % interval",
        dots(known, intervals, title=f"{measure.words} beside others"),
    )


def segment_plot(name: str, parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> str:
    """The first measure of each part with its interval, and a line at that of all decisions."""
    shown = [part for part in parts if part["measures"]]
    if not shown:
        return ""
    first = next(iter(shown[0]["measures"]))
    figures = {part["part"]: part["measures"][first]["figure"] for part in shown}
    known = {label: value for label, value in figures.items() if value is not None}
    intervals = {part["part"]: part["measures"][first]["interval"] for part in shown}
    return figure(
        f"{MEASURES[first].words} by {name}; dotted: all decisions",
        dots(known, intervals, title=f"{MEASURES[first].words} by {name}", whole=whole.get(first)),
    )
