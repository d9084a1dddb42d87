"""Plots as inline SVG, drawn by matplotlib. No script, no network, and the same bytes each time.

Each has a title and a description for those who do not see it, and dark colours that also print in grey.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEEP, WARM, LIGHT, GREY = "#0b4f8a", "#a03b00", "#8fb3d9", "#5b6770"
WIDTH, HEIGHT = 4.0, 2.7
STYLE: Mapping[Any, Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": "#1a1f26",
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": "#d5dae1",
    "grid.linewidth": 0.8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    # Text stays text: small, and read aloud.
    "svg.fonttype": "none",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
DIAGONAL: dict[str, Any] = {"color": GREY, "linestyle": ":", "linewidth": 1.2}
THREE_DIGITS = "{:.3f}".format
# Of a label beside a figure; the rest is cut off.
LONGEST = 26
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_ROOT = re.compile(r'<svg[^>]*viewBox="([^"]+)"[^>]*>')


def svg(
    draw: Callable[[Axes], None], *, title: str, description: str, width: float = WIDTH, height: float = HEIGHT
) -> str:
    """One plot as an `svg` element.

    Args:
        draw: draws onto empty axes.
        title, description: for those who do not see the plot.
        width, height: in inches; the page stretches the plot to the width that it has.

    Raises:
        NotFound: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NotFound(
            "plots: matplotlib is not installed here; install it with the extra `plots`, as in `pip install "
            "data-science-assembly-line[plots]`"
        ) from error
    content = io.StringIO()
    # Names within the plot come from the salt, and are its own on the page.
    with rc_context({**STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(content, format="svg", metadata={"Date": None}, transparent=True)
    return _inline(content.getvalue(), title, description)


def _inline(drawn: str, title: str, description: str) -> str:
    """Without prolog, metadata and namespaces, which a page does not need, and as wide as its place."""
    body = _METADATA.sub("", drawn[drawn.index("<svg") :]).replace("xlink:href=", "href=")
    named = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return _ROOT.sub(lambda found: f'<svg role="img" viewBox="{found[1]}">{named}', body, count=1).strip()


def dots(
    values: Mapping[str, float],
    intervals: Mapping[str, Sequence[float] | None],
    *,
    title: str,
    whole: float | None = None,
    width: float = WIDTH,
    told: Callable[[float], str] = THREE_DIGITS,
) -> str:
    """Figures under each other, each with its interval if it has one, and a dotted line at `whole`.

    Args:
        told: a figure as text.
    """
    labels = list(values)

    def draw(axes: Axes) -> None:
        for place, label in enumerate(labels):
            if (interval := intervals.get(label)) is not None:
                axes.plot(interval, [place, place], color=LIGHT, linewidth=5, solid_capstyle="butt")
            axes.plot(values[label], place, "o", color=DEEP if label in intervals else GREY, markersize=6)
            axes.annotate(
                told(values[label]),
                (values[label], place),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        if whole is not None:
            axes.axvline(whole, **DIAGONAL)
        axes.set_yticks(range(len(labels)), [_cut(label) for label in labels])
        axes.set_ylim(len(labels) - 0.4, -0.7)
        if told is not THREE_DIGITS:
            axes.locator_params(axis="x", nbins=5)
            axes.xaxis.set_major_formatter(lambda value, _place: told(value))
        axes.margins(x=0.12)

    said = "; ".join(f"{label}: {told(value)}" for label, value in values.items())
    return svg(draw, title=title, description=said, width=width, height=0.7 + 0.36 * len(labels))


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def labelled(axes: Axes, across: str, up: str) -> None:
    """Name both axes."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
