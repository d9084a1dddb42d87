"""Small plots as inline SVG: bars with an optional dotted line of rates, and lines over months. No script, no network.

Each has a title and a description for those who do not see it, and draws in two dark colours that also print in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assembly_line.features.profile.figures import Level, Month

WIDTH, HEIGHT = 320, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 40, 12, 34
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
LONGEST_LABEL = 12


def bars(levels: Sequence[Level], *, title: str, description: str) -> str:
    """Rows of each level as bars; where levels carry a rate, a line of it on a scale of its own at the right."""
    most = max((level.rows for level in levels), default=0) or 1
    step = INNER_WIDTH / max(len(levels), 1)
    parts = [_grid(f"{most:,}", "0")]
    for place, level in enumerate(levels):
        height = INNER_HEIGHT * level.rows / most
        parts.append(
            f'<rect class="bar" x="{LEFT + place * step + step * 0.1:.1f}" y="{TOP + INNER_HEIGHT - height:.1f}" '
            f'width="{step * 0.8:.1f}" height="{height:.1f}"><title>{escape(_said(level))}</title></rect>'
        )
    rates = [level.rate for level in levels]
    if any(rate is not None for rate in rates):
        parts.append(_line(rates, step, scale=_scale(rates), css="rate"))
        parts.append(_right_scale(_scale(rates)))
    parts.append(_labels([level.label for level in levels], step))
    return _svg(parts, title, description)


def over_months(months: Sequence[Month], *, title: str, description: str) -> str:
    """Mean of a number and share of nulls by month; nulls on a fixed scale from 0 to 100 % at the right."""
    step = INNER_WIDTH / max(len(months), 1)
    means = [month.mean for month in months]
    low, high = _scale(means)
    has_means = any(mean is not None for mean in means)
    parts = [_grid(short(high) if has_means else "", short(low) if has_means else "")]
    nulls = [month.nulls if month.rows else None for month in months]
    parts.append(_line(nulls, step, scale=(0.0, 1.0), css="nulls"))
    parts.append(_right_scale((0.0, 1.0), share=True))
    if has_means:
        parts.append(_line(means, step, scale=(low, high), css="mean"))
    parts.append(_labels([month.label for month in months], step))
    return _svg(parts, title, description)


def short(value: float) -> str:
    """A number in few characters: `1.2k`, `3.4M`, `0.013`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.3g}"


def _said(level: Level) -> str:
    rate = "" if level.rate is None else f", outcome {level.rate:.3g}"
    return f"{level.label}: {level.rows:,} rows{rate}"


def _scale(values: Sequence[float | None]) -> tuple[float, float]:
    """From zero, or below it, to the greatest."""
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    return (low, high) if high > low else (0.0, 1.0)


def _line(values: Sequence[float | None], step: float, *, scale: tuple[float, float], css: str) -> str:
    low, high = scale
    points: list[list[str]] = [[]]
    dots = []
    for place, value in enumerate(values):
        if value is None:
            points.append([])
            continue
        x = LEFT + (place + 0.5) * step
        y = TOP + INNER_HEIGHT * (1 - (value - low) / (high - low))
        points[-1].append(f"{x:.1f},{y:.1f}")
        dots.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>')
    lines = [f'<polyline class="{css}" points="{" ".join(run)}"/>' for run in points if len(run) > 1]
    return "".join([*lines, *dots])


def _grid(top: str, bottom: str) -> str:
    lines = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        for y in (TOP, TOP + INNER_HEIGHT / 2, TOP + INNER_HEIGHT)
    )
    return (
        f'{lines}<text class="end" x="{LEFT - 4}" y="{TOP + 4}">{escape(top)}</text>'
        f'<text class="end" x="{LEFT - 4}" y="{TOP + INNER_HEIGHT + 4}">{escape(bottom)}</text>'
    )


def _right_scale(scale: tuple[float, float], *, share: bool = False) -> str:
    low, high = (f"{value:.0%}" if share else short(value) for value in scale)
    return (
        f'<text class="second" x="{WIDTH - RIGHT + 4}" y="{TOP + 4}">{high}</text>'
        f'<text class="second" x="{WIDTH - RIGHT + 4}" y="{TOP + INNER_HEIGHT + 4}">{low}</text>'
    )


def _labels(labels: Sequence[str], step: float) -> str:
    """The first and the last, and between them those that have room, slanted never."""
    if not labels:
        return ""
    room = max(1, int(62 / step) + (1 if 62 % step else 0))
    chosen = list(range(0, len(labels), room))
    if len(labels) - 1 - chosen[-1] > 0 and len(chosen) > 1:
        chosen[-1] = len(labels) - 1
    return "".join(
        f'<text class="middle" x="{LEFT + (place + 0.5) * step:.1f}" y="{HEIGHT - BOTTOM + 16}">'
        f"{escape(_cut(labels[place]))}</text>"
        for place in chosen
    )


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def _svg(parts: Sequence[str], title: str, description: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )
