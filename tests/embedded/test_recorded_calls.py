"""Every call of the embedded AWS is kept with who made it, and judged by the templates that are deployed there."""

from __future__ import annotations

import pytest

from assembly_line.cli.environments.proving import raised
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.session import REPOSITORY
from assembly_line.embedded.assembling import assemble
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.proof.judging import Trial, cases, mutate
from assembly_line.proof.legality import problems
from assembly_line.proof.permissions.grants import known
from assembly_line.proof.recording import Call, read_recording
from assembly_line.proof.templates import read_templates
from tests.embedded.deployed_line import LINE, Deployed

EVERY = 25


@pytest.fixture(scope="module")
def trial(deployed: Deployed) -> Trial:
    """What was called until now, a dataset of the line among it."""
    assert deployed.line("dataset", "build", LINE, "--as-of", "2017-06-01").code == ExitCode.OK
    assembly = assemble(REPOSITORY, deployed.line.state, lambda _: None, lines=deployed.lines)
    (real, _) = cases(read_templates(assembly, "embedded"), (LINE,))
    return Trial(read_recording(StateFolder(deployed.line.state).calls), real)


def made_by(trial: Trial, part: str) -> set[str]:
    return {call.kind for call in trial.told.calls if part in call.who}


def test_calls_are_kept_with_the_role_that_made_them(trial: Trial) -> None:
    assert {"s3:GetObject", "s3:PutObject"} <= made_by(trial, "-BuildRole") | made_by(
        trial, "/AssemblyLine-embedded-Features-Build"
    )
    assert {"lambda:Invoke", "events:PutEvents"} <= made_by(trial, "DatasetRole")
    assert {"glue:CreateTable", "stepfunctions:StartExecution"} <= made_by(trial, "operator")
    assert made_by(trial, "deployment") == set()
    assert trial.recording.unread == ()


def test_no_content_of_objects_is_kept(deployed: Deployed, trial: Trial) -> None:
    uploads = [call for call in trial.recording.calls if call.kind == "s3:PutObject"]
    assert uploads
    assert [call for call in uploads if call.parameters.get("Body")] == []
    log = (StateFolder(deployed.line.state).calls / "emulator.jsonl").read_text(encoding="utf-8")
    assert "PAR1" not in log


def test_everything_recorded_is_allowed_and_legal(trial: Trial) -> None:
    assert [str(request) for request, decision in trial.judged.decisions.items() if not decision.allowed] == []
    assert [problem for call in trial.told.calls for problem in illegal(call)] == []


def illegal(call: Call) -> list[str]:
    return [] if call.service == "execute-api" else list(problems(call, call.parameters))


def test_every_action_that_a_call_needs_is_one_that_iam_has(trial: Trial) -> None:
    asked = {request.action for request in trial.judged.decisions}
    assert sorted(action for action in asked if not known(action)) == []


def test_what_is_broken_is_named(trial: Trial) -> None:
    outcomes = list(mutate(trial, raised(), every=EVERY))
    assert {"grants", "bounds", "dependencies"} <= {each.kind for each in outcomes if each.caught}
    left = [f"{each.kind}: {each.mutation}: {each.why}" for each in outcomes if not each.caught]
    assert len(left) <= 0.05 * len(outcomes), "\n".join(left)
