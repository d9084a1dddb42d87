"""The picture of a run: how many times the practical limit each engine takes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assembly_line.plots import DEEP, GREY, STYLE

# Case and size -> title. Feast is measured up to 100,000 decisions.
TITLES = {
    ("latest", "100k"): "One latest value for 100,000 decisions",
    ("windowed", "x1"): "15 windowed features for 901,185 decisions",
}
HEAD = "Seconds, as a multiple of reading the input and writing the answer"
OTHER = "#b8c4cc"
# Where bars begin on the logarithmic scale, so that one of 1 can be seen.
FROM = 0.9


def svg(results: Mapping[str, Any]) -> str:
    """Horizontal bars, both cases below each other, each on its own logarithmic scale."""
    cases = {title: _figures(results, *case) for case, title in TITLES.items()}
    content = io.StringIO()
    with rc_context({**STYLE, "svg.hashsalt": "benchmarks"}):
        figure = Figure(figsize=(9, 1.6 + 0.32 * sum(map(len, cases.values()))), layout="constrained")
        axes = figure.subplots(
            len(cases), 1, height_ratios=[max(len(bars), 1) for bars in cases.values()], squeeze=False
        )
        for place, (title, bars) in zip(axes[:, 0], cases.items(), strict=True):
            _draw(place, title, bars)
        figure.suptitle(HEAD, x=0.01, ha="left", fontsize=13, fontweight="bold")
        figure.supxlabel(_said(results["machine"], results["measured"]), x=0.01, ha="left", fontsize=9)
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _said(machine: Mapping[str, Any], measured: str) -> str:
    return (
        f"1.47 million events, {machine['cores']} cores, {measured}. Shorter is better; the scale is logarithmic. "
        "Answers are equal.\nOnly the line computes a decision_id for each row (SHA-256); iofloor writes it ready-made."
    )


def _figures(results: Mapping[str, Any], case: str, size: str) -> list[Mapping[str, Any]]:
    found = [one for one in results["figures"] if (one["case"], one["size"]) == (case, size) and "times_iofloor" in one]
    return sorted(found, key=lambda one: -one["times_iofloor"])


def _draw(axes: Axes, title: str, bars: Sequence[Mapping[str, Any]]) -> None:
    names = [bar["engine"] for bar in bars]
    colors = [DEEP if name.startswith("line") else GREY if name == "iofloor" else OTHER for name in names]
    drawn = axes.barh(names, [bar["times_iofloor"] - FROM for bar in bars], color=colors, left=FROM)
    axes.bar_label(
        drawn, [f"{_short(bar['times_iofloor'])}x   {_short(bar['seconds'])} s" for bar in bars], padding=4, fontsize=8
    )
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.grid(visible=False)
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"
