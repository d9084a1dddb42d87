"""Which tests stay together in one process: those that share what is costly to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# Each shares one thing for the session: a deployed line, raw tables, an embedded AWS, the stacks once synthesized;
# or, as the two that run Spark, should not be at work at once. The longest come first: nobody is idle at the end.
TOGETHER = {
    "deployed": ("tests/embedded/test_whole_line", "tests/embedded/test_dataset_requests"),
    "spark": ("tests/aws/features/test_spark_equals_duckdb", "tests/aws/features/test_materialised_tables"),
    "features": ("tests/aws/features/",),
    "embedded": ("tests/embedded/",),
    "synth": ("tests/synth/",),
}
ORDER = list(TOGETHER)


class Scheduling(LoadScopeScheduling):
    """Gives a process a whole group of tests: those that share something, else a file, whose fixtures are made once.

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
    return next((name for name, begins in TOGETHER.items() if file.startswith(begins)), file)


def _rank(group: str) -> int:
    return ORDER.index(group) if group in TOGETHER else len(ORDER)
