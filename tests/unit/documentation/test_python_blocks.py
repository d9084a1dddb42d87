"""Every Python block of a page runs, after those before it, with the names of the shipped line at hand."""

from __future__ import annotations

import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import assembly_line
from assembly_line import notebook
from assembly_line.faces import offered
from tests.documents import ROOT, Block, blocks, name, pages
from tests.embedded.line_slice import SHIPPED, write_slice

# tests/embedded/test_tutorial.py runs it from beginning to end.
TUTORIAL = ROOT / "docs" / "tutorial.md"


def python(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lines, and in `raw` the tables of a sixth of the households."""
    made = tmp_path_factory.mktemp("pages")
    write_slice(made).rename(made / "raw")
    (made / "lines").symlink_to(ROOT / "lines")
    return made


@pytest.fixture
def names() -> dict[str, Any]:
    """What a reader has imported, and declared as the shipped line does."""
    imported = {"UTC": UTC, "datetime": datetime, "timedelta": timedelta, "Path": Path, "json": json, "pa": pa}
    public = {word: getattr(assembly_line, word) for word in offered("assembly_line")}
    return {**imported, **public, "notebook": notebook, **runpy.run_path(str(SHIPPED / "line.py"))}


@pytest.mark.filterwarnings("ignore::assembly_line.notebook.QualityWarning")
@pytest.mark.parametrize("page", [page for page in pages() if page != TUTORIAL and python(page)], ids=name)
def test_the_python_of_a_page_runs(
    page: Path, names: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for block in python(page):
        code = compile(block.text, f"{name(page)}", "exec")
        # Asks an account.
        if "awswrangler" not in block.text:
            exec(code, names)  # noqa: S102
