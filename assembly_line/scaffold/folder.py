"""The folder of a new line, and a repository around it, written from templates that work themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from assembly_line.declarations.checks import check_line_name
from assembly_line.errors import RequestRefused

TEMPLATES = files("assembly_line.scaffold") / "templates"
REPOSITORY = files("assembly_line.scaffold") / "repository"
# What begins with it in a template begins with a dot in the repository: packages leave out hidden files.
HIDDEN = "dot-"
COMMON = "common"
KINDS = tuple(sorted(folder.name for folder in TEMPLATES.iterdir() if folder.is_dir() and folder.name != COMMON))
DECLARATION, DIFFERENCES = Path("line.py"), Path("line.toml")
# What stands in the templates in place of the line's name, of the first day of its data, and of its first decision.
NAME, FIRST_DAY, FIRST_DECISION = "example", "2020, 1, 1", "2020, 3, 1"
# A day of the past that README replays, whose outcomes are certain by now, and the day of its making.
REPLAYED, TODAY = "2020-05-20", "2020-06-29"
DAYS_OF_DATA, DAYS_OF_HISTORY, DAYS_AGO = 180, 60, 40


def new_line(lines: Path, name: str, kind: str, *, today: date) -> list[Path]:
    """Write the folder of a new line; returns its files.

    Args:
        lines: the folder of declared lines; it is made if it is missing.
        name: the line's name.
        kind: which kind of outcome it predicts, one of `KINDS`.
        today: the data of the line begins DAYS_OF_DATA days before.

    Raises:
        DeclarationError: no line may have this name.
        RequestRefused: there is no such kind, or the folder exists.
    """
    check_line_name(name)
    if kind not in KINDS:
        raise RequestRefused.about("--for", kind, f"one of {', '.join(KINDS)}")
    folder = lines / name
    if folder.exists():
        raise RequestRefused(
            f"{folder} is there already; choose another name, or remove the folder first",
            where="name",
            value=name,
            expected=f"a name that no folder of {lines} has",
        )
    said = _words(name, today)
    return [_write(folder / path, text, said) for path, text in _templates(kind).items()]


def new_repository(repository: Path, name: str, kind: str, *, today: date) -> list[Path]:
    """Write a repository with one line: rules and targets, editors' files, a workflow; returns its files.

    Args:
        repository: its folder, which is made if it is missing. What else is in it stays.

    Raises:
        DeclarationError: no line may have this name.
        RequestRefused: there is no such kind, or one of the files is there already.
    """
    written = {_shown(path): text for path, text in _files(REPOSITORY, Path())}
    if there := sorted(str(path) for path in written if (repository / path).exists()):
        raise RequestRefused.about(
            "--repository",
            f"{repository}, which has {', '.join(there)} already",
            "a folder without these files",
            f"in a repository that has them, `line new {name}` writes the line alone",
        )
    line, said = new_line(repository / "lines", name, kind, today=today), _words(name, today)
    return [*line, *(_write(repository / path, text, said) for path, text in written.items())]


def _words(name: str, today: date) -> dict[str, str]:
    """What stands in the templates -> what is written in its place."""
    begins = today - timedelta(days=DAYS_OF_DATA)
    return {
        NAME: name,
        FIRST_DAY: _said(begins),
        FIRST_DECISION: _said(begins + timedelta(days=DAYS_OF_HISTORY)),
        REPLAYED: (today - timedelta(days=DAYS_AGO)).isoformat(),
        TODAY: today.isoformat(),
    }


def _shown(path: Path) -> Path:
    parts = (f".{part.removeprefix(HIDDEN)}" if part.startswith(HIDDEN) else part for part in path.parts)
    return Path(*parts)


def _templates(kind: str) -> dict[Path, str]:
    """Path below the line's folder -> text of each file; a kind may have one of its own in place of the common one.

    A kind whose line is nearly that of another says in a line.toml of which, and in which words it differs.
    """
    own = dict(_files(TEMPLATES / kind, Path()))
    said = own.pop(DIFFERENCES, None)
    if said is None:
        return dict(_files(TEMPLATES / COMMON, Path())) | own
    differences = tomllib.loads(said)
    texts = _templates(differences["like"])
    for was, now in differences["says"].items():
        texts[DECLARATION] = texts[DECLARATION].replace(was, now)
    return texts | own


def _files(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_file():
            yield path / entry.name, entry.read_text(encoding="utf-8")
        elif not entry.name.startswith((".", "__")):  # caches of tools
            yield from _files(entry, path / entry.name)


def _write(target: Path, text: str, said: dict[str, str]) -> Path:
    for placeholder, words in said.items():
        text = text.replace(placeholder, words)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def _said(day: date) -> str:
    return f"{day.year}, {day.month}, {day.day}"
