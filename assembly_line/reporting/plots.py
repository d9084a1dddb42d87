"""The plots of the reports, drawn from their figures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.pages import figure
from assembly_line.plots import DEEP, GREY, LIGHT, WARM, WIDTH, dots, labelled, svg
from assembly_line.reporting.figures import Part
from assembly_line.reporting.grouped import Mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Ticks that a plot of this width has room for.
MOST_TICKS = 8
# Where a legend hides nothing.
ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}


def over_time(parts: Sequence[Part], *, act: str, outcome: str, told: Callable[[float], str]) -> str:
    """Decisions by month, those acted upon among them, and beside it the mean outcome with its interval."""
    names = [part.name for part in parts]

    def decided(axes: Axes) -> None:
        axes.bar(names, [part.decisions for part in parts], color=LIGHT, label="decisions")
        axes.bar(names, [part.acted for part in parts], color=DEEP, label=act)
        axes.legend(**ABOVE, ncols=2)
        axes.set_ylim(bottom=0)
        labelled(axes, "", "decisions")
        ticks(axes, names)

    def came(axes: Axes) -> None:
        known = {place: part.mean.mean for place, part in enumerate(parts) if part.mean.mean is not None}
        for place in known:
            if (interval := parts[place].mean.interval) is not None:
                axes.plot([place, place], interval, color=LIGHT, linewidth=5, solid_capstyle="butt")
        axes.plot([*known], [*known.values()], color=DEEP, marker="o", markersize=5)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.margins(y=0.1)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.yaxis.set_major_formatter(lambda value, _place: told(value))
        labelled(axes, "", outcome)
        ticks(axes, names)

    said = "; ".join(f"{part.name}: {part.decisions:,} decisions, {part.acted:,} {act}" for part in parts)
    drawn = [figure(f"Decisions by month; dark: {act}", svg(decided, title="Decisions by month", description=said))]
    if any(part.mean.enough for part in parts):
        means = "; ".join(f"{part.name}: {told(part.mean.mean)}" for part in parts if part.mean.mean is not None)
        drawn.append(
            figure(
                f"{outcome} by month of the decision; bar: 95 % interval",
                svg(came, title=f"{outcome} by month", description=means),
            )
        )
    return f'<div class="plots">{"".join(drawn)}</div>'


def ticks(axes: Axes, names: Sequence[str]) -> None:
    """Name as many places as there is room for."""
    step = -(-len(names) // MOST_TICKS)
    places = range(0, len(names), step) if names else range(0)
    axes.set_xticks(list(places), [names[place] for place in places], rotation=35 if len(names) > 3 else 0, ha="right")
    axes.grid(visible=False, axis="x")


def of_groups(
    caption: str, groups: Sequence[tuple[str, Mean]], *, whole: float | None, told: Callable[[float], str]
) -> str:
    """The mean outcome of each group with its interval, and a line at that of all."""
    known = {label: mean for label, mean in groups if mean.mean is not None}
    values = {label: mean.mean for label, mean in known.items() if mean.mean is not None}
    if not values:
        return ""
    intervals = {label: mean.interval for label, mean in known.items()}
    drawn = dots(values, intervals, title=caption, whole=whole, told=told, width=WIDTH)
    return figure(caption, drawn)


def stacked(names: Sequence[str], layers: Sequence[tuple[str, Sequence[float]]], *, caption: str, up: str) -> str:
    """Bars of several parts, one upon the other."""

    def draw(axes: Axes) -> None:
        below = [0.0] * len(names)
        for color, (label, values) in zip((DEEP, LIGHT, WARM, GREY), layers, strict=False):
            axes.bar(names, values, bottom=below, color=color, label=label)
            below = [one + value for one, value in zip(below, values, strict=True)]
        axes.legend(**ABOVE, ncols=2)
        labelled(axes, "", up)
        ticks(axes, names)

    said = "; ".join(
        f"{name}: " + ", ".join(f"{label} {values[place]:,.0f}" for label, values in layers)
        for place, name in enumerate(names)
    )
    return figure(caption, svg(draw, title=caption, description=said))
