"""What a command prints: results on stdout, as tables or as JSON; everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# What is longer than this is prose, and may be broken into lines of at least so much.
SHORT = 40
LEAST = 20
# Blanks between two columns, and those that the table's edges take.
GAP = 2
EDGES = 2
NUMBER = re.compile(r"-?\d[\d.,]*(?:-\d[\d.,]*|e[+-]\d+)?%?")
Render = Callable[["Console"], None]


class Output:
    """One command's voice. With `machine_readable` stdout carries one JSON document and nothing else."""

    # Whether this process has printed its document.
    answered: ClassVar[bool] = False

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
            Output.answered = True
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")
        else:
            render(self.console)


def fields(pairs: Mapping[str, Any], *, title: str | None = None) -> Render:
    """Draw names and values below each other; what is None is left out.

    A word that is longer than a line, such as an address, is not broken: a terminal shows it on two, and copies one.
    """

    def render(console: Console) -> None:
        from rich.text import Text

        _head(console, title)
        shown = {name: plain(value) for name, value in pairs.items() if value is not None}
        indent = max((len(name) for name in shown), default=0) + GAP
        room = max(console.width - indent, LEAST)
        for name, value in shown.items():
            first, *others = _broken(value, room)
            console.print(Text.assemble((name.ljust(indent), "bold"), first), soft_wrap=True)
            for line in others:
                console.print(Text(" " * indent + line), soft_wrap=True)

    return render


def _broken(value: str, room: int) -> list[str]:
    """The value in lines that are not longer than `room`, but for words that are."""
    return [
        line
        for part in value.splitlines() or [""]
        for line in textwrap.wrap(part, room, break_long_words=False, break_on_hyphens=False) or [""]
    ]


def rows(
    columns: Sequence[str],
    content: Sequence[Sequence[Any]],
    *,
    title: str | None = None,
) -> Render:
    """Draw a table; columns that hold only numbers are flushed right.

    A narrow terminal gets a tighter one, whose longest texts go on below, and no word is broken; where not even that
    has place, each row is drawn as `fields` does it. Nothing is left out.
    """

    def render(console: Console) -> None:
        _head(console, title)
        cells = [[plain(value) for value in row] for row in content]
        for gap, shrunk in ((GAP, False), (1, False), (1, True)):
            widths = _widths(columns, cells, console.width - EDGES - gap * (len(columns) - 1), shrunk=shrunk)
            if widths is not None:
                console.print(_table(columns, cells, widths, padding=gap - 1))
                return
        for row in cells:
            console.print()
            fields(dict(zip(columns, row, strict=True)))(console)
        console.print()

    return render


def _head(console: Console, title: str | None) -> None:
    if title is not None:
        console.print(title, style="bold", markup=False)


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]], room: int, *, shrunk: bool) -> list[int] | None:
    """How wide each column is, so that all have place and no word is broken; None if that cannot be.

    Args:
        shrunk: whether what is short goes on below, too; prose may at any time.
    """
    from rich.cells import cell_len

    widths, least = [], []
    for place, column in enumerate(columns):
        lines = [line for row in cells for line in row[place].splitlines()]
        width = max(map(cell_len, [column, *lines]))
        word = max((cell_len(word) for line in [column, *lines] for word in line.split()), default=0)
        widths.append(width)
        lines_of_prose = max(word, LEAST if shrunk else SHORT)
        least.append(lines_of_prose if width > SHORT else word if shrunk else width)
    prose = [width > SHORT for width in widths]
    while sum(widths) > room:
        wide = [place for place in range(len(widths)) if widths[place] > least[place]]
        if not wide:
            return None
        # Prose gives way first, then the longest.
        widths[max(wide, key=lambda place: (prose[place], widths[place]))] -= 1
    return widths


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]], widths: Sequence[int], *, padding: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, padding, 0, 0))
    for place, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[place]) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", width=widths[place])
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def person(arn: str | None) -> str:
    """How people are called: `scientist` of `arn:aws:sts::000000000000:assumed-role/.../scientist`."""
    return "-" if arn is None else re.split(r"[/:]", arn)[-1]


def plain(value: Any) -> str:
    """A value as text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def exact(value: Any) -> str:
    """A value of the data as text, with all its digits."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


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


def _is_number(text: str) -> bool:
    return text == "-" or bool(NUMBER.fullmatch(text))
