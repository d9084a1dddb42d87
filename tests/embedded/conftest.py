"""One embedded AWS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.embedded import supervisor
from assembly_line.embedded.runtime import Runtime
from assembly_line.stations import STATIONS
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.embedded_account import EmbeddedAccount
from tests.embedded.line_command import LineCommand
from tests.embedded.line_slice import write_slice


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running embedded AWS with an empty account, in a folder of its own; ended after the last test."""
    state = tmp_path_factory.mktemp("embedded") / ".line"
    yield supervisor.start(state, report=lambda _: None)
    supervisor.stop(state)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A second one, in which the line is deployed and a slice of its tables loaded."""
    folder = tmp_path_factory.mktemp("whole-line")
    line = LineCommand(folder / ".line")
    raw = write_slice(folder)
    try:
        assert line("up").code == ExitCode.OK
        # Beside the stations: the foundation, and the one declared line.
        assert len(line("deploy").document["stacks"]) == len(STATIONS) + 2
        assert len(line("sources", "load", LINE, "--from", str(raw)).document) == 5
        yield Deployed(line, raw, folder)
    finally:
        line("down", "--interrupt")


@pytest.fixture(scope="session")
def cloud(embedded: Runtime) -> EmbeddedAccount:
    return EmbeddedAccount(embedded)
