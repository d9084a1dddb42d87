"""One embedded AWS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assembly_line.embedded import supervisor
from assembly_line.embedded.runtime import Runtime
from tests.embedded.embedded_account import EmbeddedAccount


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running embedded AWS with an empty account, in a folder of its own; ended after the last test."""
    state = tmp_path_factory.mktemp("embedded") / ".line"
    yield supervisor.start(state, report=lambda _: None)
    supervisor.stop(state)


@pytest.fixture(scope="session")
def cloud(embedded: Runtime) -> EmbeddedAccount:
    return EmbeddedAccount(embedded)
