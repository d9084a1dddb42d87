"""Which tests stay together when they run on several cores: those that share what is costly to make."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Each shares one thing for the whole session: a deployed embedded AWS, the synthesized stacks, the raw tables and a
# Spark. The longest comes first, so that no core is idle at the end.
TOGETHER = ("embedded", "aws/features", "synth")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("dist", "no") != "loadgroup":
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _rank(_group(item)))


def _group(item: pytest.Item) -> str:
    """A folder of tests that share something, else the test's own file, whose fixtures are made once."""
    file = item.path.relative_to(TESTS).as_posix()
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def _rank(group: str) -> int:
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)
