"""The project's Markdown, as tests read it: pages, fenced blocks, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "reference"
SHELLS = ("console", "bash", "sh", "shell")
_FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its title if it is a file, its text."""

    page: Path
    language: str
    title: str | None
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines that somebody types: without prompts, comments and output, continued lines joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        prompted = any(line.startswith("$ ") for line in lines)
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ") or not prompted]
        return [line for line in typed if line.strip() and not line.startswith("#")]


def pages() -> list[Path]:
    """Every page that a person wrote."""
    folders = (ROOT / "docs", ROOT / "lines", ROOT / "examples")
    below = sorted(path for folder in folders for path in folder.rglob("*.md"))
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for path in below if GENERATED not in path.parents)]


def blocks(page: Path) -> Iterator[Block]:
    """Its fenced blocks, in order."""
    for _, language, info, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        title = _TITLE.search(info)
        yield Block(page, language, title[1] if title else None, text)


def words(command: str) -> list[str]:
    """A command as the shell splits it, without a comment."""
    return shlex.split(command, comments=True)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
