"""What a command prints: results on stdout, as tables or as JSON; everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# What is as short as this is never broken into two lines.
SHORT = 40
NUMBER = re.compile(r"-?\d[\d.,]*(?:-\d[\d.,]*)?%?")
Render = Callable[["Console"], None]


class Output:
    """One command's voice. With `machine_readable` stdout carries one JSON document and nothing else."""

    def __init__(self, *, machine_readable: bool) -> None:
        self.machine_readable = machine_readable

    @cached_property
    def console(self) -> Console:
        """stdout, for a person."""
        from rich.console import Console

        return Console(highlight=False)

    @cached_property
    def errors(self) -> Console:
        """stderr, for notes, progress and errors."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def note(self, text: str) -> None:
        """One sentence beside the result."""
        self.errors.print(text, style="dim", markup=False, soft_wrap=True)

    def error(self, text: str) -> None:
        self.errors.print(f"Error: {text}", style="red", markup=False, soft_wrap=True)

    def result(self, document: Mapping[str, Any] | Sequence[Any], render: Render) -> None:
        """Print the command's answer: the document for a program, or what `render` draws for a person."""
        if self.machine_readable:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")
        else:
            render(self.console)


def fields(pairs: Mapping[str, Any], *, title: str | None = None) -> Render:
    """Draw names and values below each other; what is None is left out."""

    def render(console: Console) -> None:
        from rich.table import Table

        _head(console, title)
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in pairs.items():
            if value is not None:
                table.add_row(name, plain(value))
        console.print(table)

    return render


def rows(columns: Sequence[str], content: Sequence[Sequence[Any]], *, title: str | None = None) -> Render:
    """Draw a table; columns that hold only numbers are flushed right. A narrow terminal gets a tighter one."""

    def render(console: Console) -> None:
        from rich.measure import Measurement

        _head(console, title)
        table = _table(columns, content, padding=0, whole=False)
        for padding in (1, 0):
            found = _table(columns, content, padding=padding, whole=True)
            if Measurement.get(console, console.options.update(max_width=1000), found).maximum <= console.width:
                table = found
                break
        console.print(table)

    return render


def _head(console: Console, title: str | None) -> None:
    if title is not None:
        console.print(title, style="bold", markup=False)


def _table(columns: Sequence[str], content: Sequence[Sequence[Any]], *, padding: int, whole: bool) -> Table:
    """`whole`: no cell is broken into two lines unless it is long."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, padding, 0, 0))
    for number, column in enumerate(columns):
        short = all(len(plain(row[number])) <= SHORT for row in content)
        numeric = bool(content) and all(_is_number(row[number]) for row in content)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=whole and short)
    for row in content:
        table.add_row(*map(plain, row))
    return table


def person(arn: str | None) -> str:
    """How people are called: `scientist` of `arn:aws:sts::000000000000:assumed-role/.../scientist`."""
    return "-" if arn is None else re.split(r"[/:]", arn)[-1]


def plain(value: Any) -> str:
    """A value as text, with rich's markup characters taken literally."""
    from rich.markup import escape

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(str(name))} {plain(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "none"
    return escape(str(value))


def duration(seconds: float | None) -> str:
    """Such as `0.4 s`, `12 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {name}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _is_number(value: Any) -> bool:
    return value is None or value == "-" or bool(NUMBER.fullmatch(str(value)))
