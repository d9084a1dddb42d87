"""Plots as inline SVG, drawn by matplotlib. No script, no network, and the same bytes each time.

Each has a title and a description for those who do not see it, and dark colours that also print in grey.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
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
