"""One embedded AWS for all tests of this folder, and one in which lines are deployed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.embedded import supervisor
from assembly_line.embedded.runtime import Runtime
from assembly_line.stations import STATIONS
from tests.embedded.deployed_line import LINE, Deployed
from tests.embedded.embedded_account import EmbeddedAccount
from tests.embedded.line_command import LineCommand
from tests.embedded.line_slice import SHIPPED, write_slice
from tests.embedded.reader_of_pages import write_line_of_the_tutorial
from tests.lines_of_kinds import KINDS, write_lines_of_kinds


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running embedded AWS with an empty account, in a folder of its own; ended after the last test."""
    state = tmp_path_factory.mktemp("embedded") / ".line"
    yield supervisor.start(state, report=lambda _: None)
    supervisor.stop(state)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A second one: the shipped line with a slice of its tables, the line of the tutorial, and those of other kinds."""
    folder = tmp_path_factory.mktemp("whole-line")
    line = LineCommand(folder / ".line")
    raw, lines = write_slice(folder), folder / "lines"
    shutil.copytree(SHIPPED, lines / LINE, ignore=shutil.ignore_patterns("__pycache__"))
    write_line_of_the_tutorial(lines)
    write_lines_of_kinds(lines)
    try:
        assert line("up").code == ExitCode.OK
        # Beside the stations: the foundation, and the declared lines.
        assert len(line("deploy", "--lines", str(lines)).document["stacks"]) == len(STATIONS) + 3 + len(KINDS)
        assert len(line("sources", "load", LINE, "--from", str(raw)).document) == 5
        yield Deployed(line, raw, folder, lines)
    finally:
        line("down", "--interrupt")


@pytest.fixture(scope="session")
def cloud(embedded: Runtime) -> EmbeddedAccount:
    return EmbeddedAccount(embedded)
