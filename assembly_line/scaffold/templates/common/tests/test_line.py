"""The line on its own tables, without AWS."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assembly_line import Line, notebook
from assembly_line.loader import load_line

FOLDER = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def line() -> Line:
    return load_line(FOLDER.parent, FOLDER.name).line


@pytest.fixture(scope="module")
def dataset(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Any:
    raw = tmp_path_factory.mktemp("raw")
    subprocess.run([sys.executable, str(FOLDER / "data.py"), str(raw)], check=True)
    return notebook.dataset(line, raw, as_of=datetime.now(UTC))


def test_every_feature_is_known_for_some_decisions(line: Line, dataset: Any) -> None:
    unknown = [name for name in line.features if dataset[name].null_count == dataset.num_rows]

    assert dataset.num_rows > 1000
    assert unknown == []


def test_the_outcome_varies(line: Line, dataset: Any) -> None:
    assert len(dataset[line.outcome.name].unique()) > 1
