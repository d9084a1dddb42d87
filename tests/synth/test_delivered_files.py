"""A line that delivers files: its readers get a policy of their own, for its own files alone."""

from __future__ import annotations

import json
import sys

import pytest

from tests.synth.cloud_assembly import Assembly, run
from tests.synth.policies import identity_statements

LINE_WITH_FILES = """
import sys
from dataclasses import replace
from pathlib import Path
from aws_cdk import App
from assembly_line import Due, daily
from assembly_line.loader import load_line
from stacks.delivery import DeliveryStack
from stacks.features import FeaturesStack
from stacks.foundation import Deployment, FoundationStack
from stacks.line import LineStack
from stacks.rules import apply_rules
from stacks.settings import load_settings
from stacks.training import TrainingStack

app = App()
layer = Path(sys.argv[1])
settings = load_settings(Path("settings"), "dev")
deployment = Deployment(environment="dev", settings=settings, layer=layer, serving_layer=layer)
foundation = FoundationStack(app, deployment)
features = FeaturesStack(app, foundation=foundation)
training = TrainingStack(app, foundation=foundation, features=features)
delivery = DeliveryStack(app, foundation=foundation, features=features)
line = load_line(Path("lines"), "coupon_redemption").line
due = Due(cadence=daily(at="02:30", zone="Europe/Berlin"))
line = replace(line, delivery=replace(line.delivery, files=("csv",), due=due))
LineStack(app, line=line, foundation=foundation, features=features, training=training, delivery=delivery)
apply_rules(app)
app.synth()
"""


@pytest.fixture(scope="module")
def with_files(tmp_path_factory: pytest.TempPathFactory, empty_layer: str) -> Assembly:
    folder = tmp_path_factory.mktemp("files") / "cdk.out"
    return Assembly(folder, run([sys.executable, "-c", LINE_WITH_FILES, empty_layer], folder))


def test_whoever_reads_the_files_reads_those_of_the_line_and_no_others(with_files: Assembly) -> None:
    assert with_files.process.returncode == 0, with_files.process.stderr[-2000:]
    statements = [one for one in identity_statements(with_files) if "FilesReader" in str(one)]
    allowed = {action: one for one in statements for action in one.actions}
    assert set(allowed) == {"s3:GetObject", "s3:ListBucket", "kms:Decrypt"}
    (objects,) = allowed["s3:GetObject"].resources
    assert objects.endswith("/deliveries/coupon_redemption/*")
    assert "s3:prefix" in allowed["s3:ListBucket"].condition_keys
    assert not any(resource.endswith("*") for resource in allowed["s3:ListBucket"].resources)


def test_a_line_without_files_has_no_such_policy(assembly: Assembly) -> None:
    assert [str(one) for one in identity_statements(assembly) if "FilesReader" in str(one)] == []
    outputs = json.dumps(assembly.of_type("AWS::IAM::ManagedPolicy"), default=str)
    assert "FilesReader" not in outputs
