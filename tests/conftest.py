"""Which tests stay together on one core: those that share what is costly to make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

TESTS = Path(__file__).parent
# Each shares one thing for the whole session: a deployed embedded AWS, raw tables with a Spark, the synthesized
# stacks. The longest comes first, so that no core is idle at the end.
TOGETHER = ("tests/embedded", "tests/aws/features", "tests/synth")


class Scheduling(LoadScopeScheduling):
    """Gives a core a whole group of tests: a folder that shares something, else a file, whose fixtures are made once.

    ``--dist loadgroup`` would do the same, but pytest-xdist 3.8 writes the group into an attribute that pytest 9.2
    does not read any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(_group(item.nodeid)))


def _group(nodeid: str) -> str:
    file = nodeid.split("::", 1)[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def _rank(group: str) -> int:
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)
