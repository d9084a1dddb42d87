"""HTML pages that need nothing else: no network, no script. Every text is escaped.

They are readable on a screen, in print and in grey; text stands against its ground at 7 to 1 or better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

Cell = str | int | None
STYLE = """
:root { --ink: #1a1f26; --soft: #4a5462; --rule: #d5dae1; --bar: #8fb3d9; --deep: #0b4f8a; --warm: #a03b00;
  --ground: #ffffff; --panel: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 2rem 1.5rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-bottom: .3rem; border-bottom: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 0; font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
p { margin: .3rem 0; } .soft { color: var(--soft); } code { font-size: .92em; overflow-wrap: anywhere; }
a { color: var(--deep); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.facts div { background: var(--panel); border-left: 4px solid var(--deep); padding: .6rem .8rem; }
.facts dt { color: var(--soft); font-size: .82rem; } .facts dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
.sampled { border-left: 4px solid var(--warm); background: var(--panel); padding: .6rem .8rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding: .2rem 0 .4rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; } tbody th { font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.mark { display: inline-block; border: 1px solid currentColor; border-radius: 3px; padding: 0 .4rem; font-size: .8rem;
  white-space: nowrap; } .mark.error { background: #8a1c0b; color: #fff; } .mark.warning { color: #7a4100; }
.mark.personal { color: #5b2a86; } .mark.passed { color: #14532d; }
.feature { border-top: 1px solid var(--rule); padding: 1.1rem 0 1.2rem; break-inside: avoid; }
.feature header { display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
.plots { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem; margin-top: .6rem; }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); margin-bottom: .2rem; }
.wide { max-width: 560px; }
svg { width: 100%; height: auto; display: block; } svg text { font: 10px system-ui, Arial, sans-serif; fill: #4a5462; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; } svg .second { fill: #a03b00; }
svg .grid { stroke: #d5dae1; stroke-width: 1; } svg .bar { fill: #8fb3d9; }
svg polyline { fill: none; stroke-width: 1.8; } svg polyline.mean { stroke: #0b4f8a; }
svg circle.mean { fill: #0b4f8a; }
svg polyline.rate, svg polyline.nulls { stroke: #a03b00; stroke-dasharray: 4 2.5; }
svg circle.rate, svg circle.nulls { fill: #a03b00; }
.notes li { margin: .25rem 0; } .blocked { border-left: 4px solid #8a1c0b; background: var(--panel);
  padding: .6rem .8rem; }
h2 { break-after: avoid; } table, figure, .facts div { break-inside: avoid; }
.key { font-size: .8rem; color: var(--soft); } .key b { font-weight: 600; } .key .one { color: var(--deep); }
.key .two { color: var(--warm); }
details { margin-top: .5rem; font-size: .9rem; } summary { cursor: pointer; color: var(--deep); }
@media screen and (max-width: 760px) { .plots { grid-template-columns: 1fr; } }
@media screen and (max-width: 480px) { body { padding: 1rem .8rem 3rem; } .facts { gap: .6rem; }
  .facts { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
  .notes { padding-left: 1.2rem; } .notes.blocked { padding-left: 1.8rem; }
  table { font-size: .82rem; } th.number { white-space: normal; } th, td { padding-right: .45rem; }
  .stacked thead { display: none; } .stacked, .stacked caption, .stacked tbody { display: block; }
  .stacked tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--rule); }
  .stacked th, .stacked td { display: block; border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  .stacked td::before { content: attr(data-label) " "; color: var(--soft); } }
@media print { body { max-width: none; padding: 0; font-size: 11px; } .plots { gap: .5rem; } a { color: inherit; }
  .table { overflow: visible; } table { break-inside: auto; } tr, caption { break-inside: avoid; }
  caption, .sampled { break-after: avoid; }
  tbody tr:first-child, tbody tr:nth-child(2) { break-before: avoid; }
  td.number, th.number { white-space: normal; } table { font-size: 10px; }
  figcaption { font-size: 10px; } .facts { grid-template-columns: repeat(5, 1fr); } .facts dd { font-size: 1rem; } }
"""


def document(title: str, body: Iterable[str]) -> str:
    """The page; well-formed as XML too.

    Args:
        title: for the window.
        body: markup.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def facts(pairs: Mapping[str, str]) -> str:
    """A few figures in large type."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs.items())
    return f'<dl class="facts">{cells}</dl>'


def listed(sentences: Iterable[str], css: str = "notes") -> str:
    """One below the other; empty without any."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="{css}">{items}</ul>' if items else ""


def figure(caption: str, plot: str, css: str = "") -> str:
    """A plot under its caption."""
    kind = f' class="{css}"' if css else ""
    return f"<figure{kind}><figcaption>{escape(caption)}</figcaption>{plot}</figure>"


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    html: Sequence[int] = (),
    numbers: Sequence[int] = (),
    stacked: bool = False,
) -> str:
    """A table whose first column names the rows.

    Args:
        html: columns that are markup already.
        numbers: columns that are flushed right.
        stacked: on a phone's width, the cells of a row stand one below the other, each with its column's name.
    """

    def css(place: int, row: Sequence[Cell]) -> str:
        return ' class="number"' if place in numbers or isinstance(row[place], int) else ""

    def label(place: int) -> str:
        return f' data-label="{escape(head[place])}"' if stacked else ""

    def text(place: int, cell: Cell) -> str:
        if cell is None:
            return "-"
        return str(cell) if place in html else escape(f"{cell:,}" if isinstance(cell, int) else cell)

    titles = "".join(
        f'<th scope="col"{css(place, rows[0]) if rows else ""}>{escape(name)}</th>' for place, name in enumerate(head)
    )
    shown = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    body = "".join(
        "<tr>"
        + f'<th scope="row">{text(0, row[0])}</th>'
        + "".join(f"<td{css(place, row)}{label(place)}>{text(place, row[place])}</td>" for place in range(1, len(row)))
        + "</tr>"
        for row in rows
    )
    kind = ' class="stacked"' if stacked else ""
    said = f"<caption>{escape(caption)}</caption>{shown}<tbody>{body}</tbody>"
    return f'<div class="table"><table{kind}>{said}</table></div>'


def details(content: str) -> str:
    """Folded in until somebody asks."""
    return f"<details><summary>As a table</summary>{content}</details>"


def mark(text: str, css: str | None = None) -> str:
    """A word in a box, in the colour of the result that it names."""
    return f'<span class="mark {escape(css or text.split(maxsplit=1)[0])}">{escape(text)}</span>'
