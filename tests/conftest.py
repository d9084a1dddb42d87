"""Which tests stay together in one process, those that share what is costly to make, and what all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# No test fails because the machine is busy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Each shares one thing for the session: a deployed line, raw tables, an embedded AWS, the stacks once synthesized;
# or, as the two that run Spark, should not be at work at once. The longest come first: nobody is idle at the end.
TOGETHER = {
    "deployed": (
        "tests/embedded/test_whole_line",
        "tests/embedded/test_dataset_requests",
        "tests/embedded/test_readme",
        "tests/embedded/test_tutorial",
    ),
    "spark": ("tests/aws/features/test_spark_equals_duckdb", "tests/aws/features/test_materialised_tables"),
    "features": ("tests/aws/features/",),
    "embedded": ("tests/embedded/",),
    "synth": ("tests/synth/",),
}
ORDER = list(TOGETHER)


@pytest.fixture(autouse=True, scope="session")
def _service_descriptions_are_read_once() -> Iterator[None]:
    """Each new session of boto3, of a test or of a call of the command, would read megabytes of them again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


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
