"""The picture of a run: how many times the practical limit each engine takes. SVG by hand."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, GAP, TOP = 860, 200, 22, 8, 106
# Case and size -> title. Feast is measured up to 100,000 decisions.
TITLES = {
    ("latest", "100k"): "One latest value for 100,000 decisions",
    ("windowed", "x1"): "15 windowed features for 901,185 decisions",
}
OURS, OTHER, FLOOR, TEXT, QUIET = "#1f6f8b", "#b8c4cc", "#5b6770", "#1d2429", "#5b6770"
FONT = "font-family='Helvetica, Arial, sans-serif'"


def svg(results: Mapping[str, Any]) -> str:
    """Horizontal bars, both cases below each other, each on its own logarithmic scale."""
    parts: list[str] = []
    y = TOP
    for (case, size), title in TITLES.items():
        bars = sorted(
            (figure for figure in results["figures"] if _belongs(figure, case, size)),
            key=lambda figure: figure["times_iofloor"],
        )
        parts.append(_text(16, y, title, size=16, weight="bold"))
        y += 16
        most = max((bar["times_iofloor"] for bar in bars), default=1.0)
        for bar in bars:
            parts.append(_bar(y, bar, most))
            y += BAR + GAP
        y += 38
    machine = results["machine"]
    head = [
        _text(16, 32, "Seconds, as a multiple of reading the input and writing the answer", size=20, weight="bold"),
        _text(
            16,
            54,
            f"1.47 million events, {machine['cores']} cores, {results['measured']}. Shorter is better; the scale is "
            "logarithmic. Answers are equal.",
            size=13,
            fill=QUIET,
        ),
        _text(
            16,
            72,
            "Only the line computes a decision_id for each row (SHA-256); iofloor writes it ready-made.",
            size=13,
            fill=QUIET,
        ),
    ]
    body = "\n".join([*head, *parts])
    height = y - 20
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'>\n"
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>\n{body}\n</svg>\n"
    )


def _belongs(figure: Mapping[str, Any], case: str, size: str) -> bool:
    return figure["case"] == case and figure["size"] == size and "times_iofloor" in figure


def _bar(y: int, bar: Mapping[str, Any], most: float) -> str:
    times = bar["times_iofloor"]
    room = WIDTH - LABEL - 150
    width = 6 + (room - 6) * log(max(times, 1.0)) / log(max(most, 2.0))
    fill = OURS if bar["engine"].startswith("line") else FLOOR if bar["engine"] == "iofloor" else OTHER
    weight = "bold" if fill == OURS else "normal"
    return "\n".join(
        [
            _text(LABEL - 10, y + 16, bar["engine"], size=14, anchor="end", weight=weight),
            f"<rect x='{LABEL}' y='{y}' width='{width:.1f}' height='{BAR}' rx='2' fill='{fill}'/>",
            _text(LABEL + width + 8, y + 16, f"{_short(times)}x   {_short(bar['seconds'])} s", size=13, fill=QUIET),
        ]
    )


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def _text(
    x: float, y: float, text: str, *, size: int, fill: str = TEXT, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' font-weight='{weight}' fill='{fill}' "
        f"text-anchor='{anchor}'>{escape(text)}</text>"
    )
