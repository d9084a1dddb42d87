"""What a run called its resources, told in the names of another environment, and the longest ones."""

from __future__ import annotations

from assembly_line.proof.judging import LONGEST_ENVIRONMENT, LONGEST_LINE, Trial, cases
from assembly_line.proof.permissions.evaluating import PrincipalKind
from assembly_line.proof.permissions.judgement import principal_of
from assembly_line.proof.recording import Call, Recording
from tests.unit.proof.small_world import templates

BUCKET = "assemblyline-embedded-base-store-abc123"
TOPIC = "arn:aws:sns:us-east-1:000000000000:assembly-line-embedded-news"
RUN = Recording(
    calls=(
        Call("arn:aws:sts::000000000000:assumed-role/AssemblyLine-embedded-Work-Role-XYZ1/f", "s3", "GetObject",
             {"Bucket": BUCKET, "Key": "runs/shop_line/x", "Tags": [{"topic": TOPIC}]}),
    ),
    names={
        ("Base", "Store"): (BUCKET,),
        ("Base", "Topic"): (TOPIC,),
        ("Work", "Role"): ("AssemblyLine-embedded-Work-Role-XYZ1",),
    },
    transitions=(),
)  # fmt: skip


def test_names_of_the_run_become_those_of_the_environment_in_every_text() -> None:
    real, _ = cases(templates(), ("shop_line",))
    trial = Trial(RUN, real)
    (call,) = trial.told.calls
    world = trial.world
    assert call.parameters["Bucket"] == world.name(world.resources["Base", "Store"])
    assert call.parameters["Tags"] == [{"topic": "arn:aws:sns:us-east-1:123456789012:assembly-line-dev-news"}]
    principal = principal_of(call.who, world)
    assert (principal.kind, principal.name) == (PrincipalKind.ROLE, world.arn(world.resources["Work", "Role"]))


def test_the_longest_names_are_as_long_as_settings_and_declarations_allow() -> None:
    _, longest = cases(templates(), ("shop_line",))
    trial = Trial(RUN, longest)
    (call,) = trial.told.calls
    line = str(call.parameters["Key"]).split("/")[1]
    assert len(line) == LONGEST_LINE
    assert line.startswith("shop_line")
    assert len(LONGEST_ENVIRONMENT) == 16
    assert call.parameters["Tags"][0]["topic"].endswith(f":assembly-line-{LONGEST_ENVIRONMENT}-news")
