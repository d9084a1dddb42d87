"""The reference pages that are made from the code, and the docstrings that they show, for the prose linter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from tools.documentation import commands, declarations, schemas, settings
from tools.documentation.markdown import page

PAGES: dict[str, Callable[[], str]] = {
    "declarations.md": declarations.render,
    "commands.md": commands.render,
    "settings.md": settings.render,
    "schemas.md": schemas.render,
}


def write_reference(docs: Path) -> None:
    """Write every page into `docs/reference`. A page that is right already keeps its time of change."""
    for name, render in PAGES.items():
        _write(docs / "reference" / name, render())


def write_docstrings(target: Path) -> None:
    """Write the docstrings of all public names as one page of Markdown."""
    names = declarations.public_names().values()
    parts = [f"## {public.name}\n\n{_prose(inspect.getdoc(public.value) or '')}" for public in names]
    _write(target, page("Docstrings", *parts))


def _prose(docstring: str) -> str:
    """Without the names of its sections and with each argument as a paragraph."""
    lines = []
    for line in docstring.splitlines():
        if line in ("Args:", "Returns:", "Raises:", "Yields:"):
            continue
        begins = line.startswith("    ") and not line.startswith("     ")
        lines.append(f"\n{line.strip().partition(': ')[2] or line.strip()}" if begins else line.strip())
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
