"""A changed line as a person reads it, in the terminal and beside a pull request: one text, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render
from assembly_line.cli.views.values import SHORT, cut

if TYPE_CHECKING:
    from rich.console import Console

SIDES = ("before", "after")
# GitHub takes comments of 65,536 characters, some of which the workflow writes. A new stack is longer than all else.
LONGEST, LONGEST_STACK = 65_000, 20_000
REST = "There is more; `line diff` shows the rest."
OF_OTHERS = " The two models were judged on different decisions or outcomes: their figures may not compare."


def draw_changes(found: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        from rich.markdown import Markdown

        console.print(Markdown(in_markdown(found)))

    return render


def written(found: Mapping[str, Any]) -> Render:
    """The Markdown itself."""

    def render(console: Console) -> None:
        console.file.write(in_markdown(found))

    return render


def in_markdown(found: Mapping[str, Any]) -> str:
    """What `line diff` found: of one line, or of every line of a folder."""
    gone = [f"Line `{name}` is gone. `line remove {name}` takes it away." for name in found.get("gone", [])]
    parts = [*chain.from_iterable(map(_line, found.get("lines", [found]))), *gone, *_stacks(found.get("stacks"))]
    return "\n\n".join(_fitting(list(filter(None, parts)))) + "\n"


def _fitting(parts: Sequence[str]) -> Sequence[str]:
    """As many of the first parts as a comment holds."""
    ends = [*accumulate(len(part) + len("\n\n") for part in parts)]
    room = LONGEST - len(REST)
    return parts if not ends or ends[-1] <= LONGEST else [*parts[: sum(end <= room for end in ends)], REST]


def _line(found: Mapping[str, Any]) -> Iterator[str]:
    name = found["line"]
    if found["release"] is None:
        yield f"## `{name}`\n\nThis line is new."
    elif not found["changes"]:
        yield f"The folder of line {name} says what release {found['release'][:SHORT]} says."
        return
    else:
        yield f"## `{name}`\n\nWhat differs from release {found['release'][:SHORT]}:"
        changed = [(one["step"], one["name"], cut(one["first"]), cut(one["second"])) for one in found["changes"]]
        yield _table(("part", "what", "before", "after"), changed)
        yield "\n".join(f"- {sentence}" for sentence in found["consequences"])
    if "effects" in found:
        yield from _dataset(found["effects"])
        yield from _model(found["effects"]["model"])


def _dataset(effects: Mapping[str, Any]) -> Iterator[str]:
    found = effects["dataset"]
    yield f"### Dataset\n\nThe training dataset of the line's `data.py`, as of {effects['as_of']}."
    yield from _missing(found["missing"])
    if found["decisions"]:
        yield _table(("", *SIDES), [("decisions", *_both(found["decisions"])), *_only(found)])
    if "columns" not in found:
        return
    values, nulls, columns = found["values"], found["nulls"], found["columns"]
    rows = [
        *((name, "new", _nulls(nulls.get(name))) for name in columns["new"]),
        *((name, "gone", "") for name in columns["gone"]),
        *((name, f"{kinds[0]}, now {kinds[1]}", "") for name, kinds in columns["retyped"].items()),
        *((name, f"{n:,} of {found['common']:,} values differ", _nulls(nulls.get(name))) for name, n in values.items()),
    ]
    yield (
        _table(("column", "change", "nulls"), rows)
        if rows
        else f"All {columns['compared']} columns hold the same values."
    )
    new = [one for one in found["warnings"].get("after", []) if one not in found["warnings"].get("before", [])]
    yield "\n".join(f"- The quality gate would say: {one}" for one in new)


def _only(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if "only" in found and any(found["only"].values()):
        yield ("only on this side", *_both(found["only"]))


def _model(found: Mapping[str, Any]) -> Iterator[str]:
    yield "### Model"
    yield from _missing(found["missing"])
    if found["figures"]:
        differences = found["differences"]
        rows = [
            (one["words"], *(_figure(one.get(side)) for side in SIDES), _apart(one, differences.get(name)))
            for name, one in found["figures"].items()
        ]
        yield _table(("figure", *SIDES, "difference"), [("held-out decisions", *_both(found["held_out"]), ""), *rows])
        yield "In brackets: 95 % intervals, a bootstrap by cluster." + ("" if differences else OF_OTHERS)


def _stacks(found: Mapping[str, str] | None) -> Iterator[str]:
    if found is None:
        return
    yield "### Stacks"
    if not found:
        yield "No stack changes."
    for name, text in found.items():
        shown = text if len(text) <= LONGEST_STACK else f"{text[:LONGEST_STACK]}\n... `cdk diff` shows the rest"
        # Four marks, so that no text can end the block.
        yield f"<details><summary>{name}</summary>\n\n````diff\n{_as_diff(shown)}\n````\n\n</details>"


def _as_diff(text: str) -> str:
    """The marks of `cdk diff`, `[+]` and the like, where GitHub colours them."""
    marks = {"[+]": "+", "[-]": "-", "[~]": "!"}
    return "\n".join(f"{marks.get(line.lstrip(' │├└─')[:3], ' ')} {line}" for line in text.splitlines())


def _missing(found: Mapping[str, str]) -> Iterator[str]:
    for side, why in found.items():
        yield f"Not computed as it is {side} the change: {why}"


def _both(found: Mapping[str, int]) -> tuple[str, str]:
    first, second = (f"{found[side]:,}" if side in found else "" for side in SIDES)
    return first, second


def _nulls(found: Sequence[int | None] | None) -> str:
    first, second = found or (None, None)
    shown = [f"{one:,}" for one in (first, second) if one is not None]
    return ", now ".join(shown if first != second else shown[:1])


def _figure(found: Mapping[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return ""
    interval = found["interval"]
    return f"{found['value']:.4g}" + (f" ({interval[0]:.4g} to {interval[1]:.4g})" if interval else "")


def _apart(found: Mapping[str, Any], paired: Mapping[str, Any] | None) -> str:
    """The difference; of the same decisions with its interval, and what that says."""
    first, second = (found.get(side, {}).get("value") for side in SIDES)
    if first is None or second is None:
        return ""
    shown = f"{second - first:+.2g}"
    if paired is None or paired["interval"] is None:
        return shown
    low, high = paired["interval"]
    return f"{shown} ({low:+.2g} to {high:+.2g}): {paired['says']}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Text that neither ends its cell nor becomes a link, a mention or a tag."""
    return re.sub(r"([|\\`<>@\[\]*_])", r"\\\1", text).replace("\n", " ")
