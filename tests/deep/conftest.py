"""One recorded run, judged by the templates of dev: what `make proof` left in its state folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded.assembling import assemble
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.loader import load_lines
from assembly_line.proof.judging import Trial, cases
from assembly_line.proof.recording import read_recording
from assembly_line.proof.templates import read_templates


@pytest.fixture(scope="session")
def trial() -> Trial:
    state = Path(os.environ.get("LINE_STATE") or REPOSITORY / ".line" / "proof").resolve()
    templates = read_templates(assemble(REPOSITORY, state, print, environment="dev"), "dev")
    (real, _) = cases(templates, tuple(load_lines(REPOSITORY / "lines")))
    return Trial(read_recording(StateFolder(state).calls), real)
