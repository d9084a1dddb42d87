"""The synthesis itself: it repeats to the byte, needs no account, and says what is wrong with its input."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from assembly_line.stations import STATIONS
from tests.synth.cloud_assembly import Assembly, run, synthesize

STACKS = {"Foundation", *(station.name.capitalize() for station in STATIONS), "Line-coupon-redemption"}


def test_creates_one_stack_a_station_and_one_a_line(each_assembly: Assembly) -> None:
    assert set(each_assembly.templates) == STACKS


def test_two_syntheses_give_the_same_bytes(assembly: Assembly, assembly_again: Assembly) -> None:
    assert assembly.templates and assembly_again.templates
    first, second = (
        {path.name: path.read_bytes() for path in sorted(each.folder.glob("*.template.json"))}
        for each in (assembly, assembly_again)
    )
    assert first == second


def test_two_syntheses_give_the_same_assets(assembly: Assembly, assembly_again: Assembly) -> None:
    first, second = (
        {path.name for path in each.folder.iterdir() if path.name.startswith("asset.")}
        for each in (assembly, assembly_again)
    )
    assert first == second


def test_stacks_deploy_into_any_account_and_region(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text(encoding="utf-8"))
    places = {
        artifact["environment"]
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert places == {"aws://unknown-account/unknown-region"}


def test_no_rule_is_broken_without_a_recorded_reason(each_assembly: Assembly) -> None:
    assert each_assembly.process.returncode == 0, each_assembly.process.stderr[-3000:]
    report = json.loads((each_assembly.folder / "validation-report.json").read_text(encoding="utf-8"))
    assert report["pluginReports"] == []


OPEN_QUEUE = """
from aws_cdk import App, Stack, aws_sqs
from stacks.rules import apply_rules

app = App()
stack = Stack(app, "Careless")
aws_sqs.CfnQueue(stack, "Open")
aws_sqs.CfnQueue(stack, "Wrong").add_property_override("VisibilityTimeout", "soon")
apply_rules(app)
app.synth()
"""


def test_the_rules_stop_a_synthesis_that_breaks_them(tmp_path: Path) -> None:
    failed = run([sys.executable, "-c", OPEN_QUEUE], tmp_path / "cdk.out")
    assert failed.returncode != 0
    report = json.loads((tmp_path / "cdk.out" / "validation-report.json").read_text(encoding="utf-8"))
    broken = {violation["ruleName"] for plugin in report["pluginReports"] for violation in plugin["violations"]}
    assert {"AwsSolutions-SQS3", "AwsSolutions-SQS4"} <= broken
    assert any("VisibilityTimeout" in json.dumps(plugin) for plugin in report["pluginReports"])


def test_a_layer_that_was_never_built_is_said_to_come_from_the_installation(tmp_path: Path) -> None:
    failed = synthesize(tmp_path / "cdk.out", layer=str(tmp_path / "nowhere")).process
    assert failed.returncode == 1
    assert f"{tmp_path / 'nowhere'} is no archive of packages and holds no python/ folder" in failed.stderr
    assert "make synth" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_unknown_environment_is_said_without_a_traceback(tmp_path: Path, empty_layer: str) -> None:
    failed = synthesize(tmp_path / "cdk.out", environment="prd", layer=empty_layer).process
    assert failed.returncode == 1
    assert "there are: dev, embedded, prod" in failed.stderr
    assert "Traceback" not in failed.stderr


FOUNDATION_ALONE = """
import sys
from pathlib import Path
from aws_cdk import App
from stacks.foundation import Deployment, FoundationStack
from stacks.settings import load_settings

app = App()
settings = load_settings(Path("settings"), "embedded")
layer = Path(sys.argv[1])
FoundationStack(app, Deployment(environment="embedded", settings=settings, layer=layer, serving_layer=layer))
app.synth()
"""


def test_the_foundation_stays_as_it_is_when_the_last_line_goes(
    tmp_path: Path, empty_layer: str, assembly: Assembly
) -> None:
    """CloudFormation removes no export that a stack still imports: it must not depend on the line's being there."""
    done = run([sys.executable, "-c", FOUNDATION_ALONE, empty_layer], tmp_path / "cdk.out")
    assert done.returncode == 0, done.stderr[-2000:]
    exported = set(Assembly(tmp_path / "cdk.out", done).templates["Foundation"]["Outputs"])
    line = json.dumps(assembly.templates["Line-coupon-redemption"])
    imported = set(re.findall(r'"AssemblyLine-embedded-Foundation:(\w+)"', line))
    assert imported
    assert imported <= exported
