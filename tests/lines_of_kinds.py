"""A line of each kind of outcome as `line new` writes it, and its raw tables until a day that never changes."""

from __future__ import annotations

import runpy
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from assembly_line import Line
from assembly_line.loader import load_line
from assembly_line.scaffold import new_line

# Name of the line -> what it is written for. The data begins 180 days before this day.
KINDS = {
    "spending": "regression",
    "triage": "multiclass",
    "mails": "ranking",
    "demand": "forecasting",
    "orders": "survival",
}
NOW = datetime(2026, 6, 30, tzinfo=UTC)


def write_lines_of_kinds(lines: Path) -> None:
    """The lines, into a folder of lines."""
    for name, kind in KINDS.items():
        new_line(lines, name, kind, today=NOW.date())


def write_tables(folder: Path, target: Path) -> Path:
    """The raw tables of the line in this folder."""
    runpy.run_path(str(folder / "data.py"))["write_tables"](target, now=NOW)
    return target


@cache
def folder_of_lines() -> Path:
    """The lines in a folder of this process; it goes with the process."""
    _FOLDERS.append(folder := tempfile.TemporaryDirectory())
    write_lines_of_kinds(Path(folder.name) / "lines")
    return Path(folder.name) / "lines"


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


@cache
def line_of(name: str) -> Line:
    return load_line(folder_of_lines(), name).line
