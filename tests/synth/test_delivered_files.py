"""A line that delivers files, to another account too: readers get its own files alone, and accounts their part."""

from __future__ import annotations

import json
import sys

import pytest

from tests.synth.cloud_assembly import Assembly, run
from tests.synth.policies import identity_statements, resource_statements, trust_statements

KINDS = ("AWS::SQS::Queue", "AWS::SNS::Subscription", "AWS::KMS::Key", "AWS::CloudWatch::Alarm")

LINE_WITH_FILES = """
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from aws_cdk import App
from aws_cdk import Stack
from assembly_line import Due, Subscriber, daily
from assembly_line.loader import load_line
from stacks.constructs.messaging.consumer_queue import ConsumerQueue
from stacks.consumer import ConsumerStack
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
line = replace(line, delivery=replace(line.delivery, files=("csv",), due=due, accounts=("210987654321",)))
LineStack(app, line=line, foundation=foundation, features=features, training=training, delivery=delivery)
crm = Subscriber(name="crm", where={"action": ("remind",)}, freshness=timedelta(minutes=15), backlog=100)
ConsumerStack(app, environment="dev", settings=settings, line=line.name, consumer=crm)
elsewhere = Stack(app, "AssemblyLine-dev-Elsewhere", env={"account": "210987654321", "region": "eu-west-1"})
ConsumerQueue(elsewhere, "Crm", topic_arn="arn:aws:sns:eu-west-1:123456789012:assembly-line-dev-coupon-redemption",
              consumer=crm)
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


def test_a_named_account_subscribes_its_own_queues_and_reads_what_messages_point_to(with_files: Assembly) -> None:
    (subscribing,) = [
        one
        for one in resource_statements(with_files, "AWS::SNS::TopicPolicy")
        if "210987654321" in str(one.document["Principal"])
    ]
    assert subscribing.allows
    assert set(subscribing.actions) == {"sns:Subscribe"}
    assert subscribing.condition_keys == {"sns:Protocol", "sns:Endpoint"}
    assert '"arn:*:sqs:*:210987654321:*"' in json.dumps(with_files.templates["Line-coupon-redemption"])
    reading = [one for one in identity_statements(with_files) if "OtherAccounts" in str(one)]
    allowed = {action: set(one.resources) for one in reading for action in one.actions}
    assert set(allowed) == {"s3:GetObject", "kms:Decrypt"}
    assert {resource.rpartition(":::")[2].partition("/")[2] for resource in allowed["s3:GetObject"]} == {
        "scoring/coupon_redemption/*",
        "deliveries/coupon_redemption/*",
    }
    (trusted,) = [one for one in trust_statements(with_files) if "210987654321" in str(one.document["Principal"])]
    assert set(trusted.actions) == {"sts:AssumeRole"}


@pytest.mark.parametrize(
    ("stack", "account"), [("Line-coupon-redemption-Consumer-crm", "AWS::AccountId"), ("Elsewhere", "123456789012")]
)
def test_a_consumer_has_an_encrypted_queue_of_its_own_for_this_one_topic(
    with_files: Assembly, stack: str, account: str
) -> None:
    resources = with_files.templates[stack]["Resources"]
    of = {kind: [one["Properties"] for one in resources.values() if one["Type"] == kind] for kind in KINDS}

    assert all(queue["KmsMasterKeyId"] for queue in of["AWS::SQS::Queue"])
    assert sum("RedrivePolicy" in queue for queue in of["AWS::SQS::Queue"]) == 1
    (subscription,) = of["AWS::SNS::Subscription"]
    assert subscription["FilterPolicy"]["action"] == [{"exists": False}, "remind"]
    assert subscription["FilterPolicy"]["probe"] == [{"exists": False}, "crm"]
    assert subscription["RawMessageDelivery"] is True
    (key,) = of["AWS::KMS::Key"]
    used = [one for one in key["KeyPolicy"]["Statement"] if "sns.amazonaws.com" in json.dumps(one["Principal"])]
    assert used
    assert all(
        account in json.dumps(one["Condition"]) and "aws:SourceArn" in json.dumps(one["Condition"]) for one in used
    )
    thresholds = {alarm["MetricName"]: alarm["Threshold"] for alarm in of["AWS::CloudWatch::Alarm"]}
    assert thresholds["ApproximateAgeOfOldestMessage"] == 900
    assert 101 in [alarm["Threshold"] for alarm in of["AWS::CloudWatch::Alarm"]]


def test_a_line_that_names_no_account_has_no_role_for_one(assembly: Assembly) -> None:
    assert "OtherAccounts" not in json.dumps([*assembly.of_type("AWS::IAM::Role")], default=str)
    allowed = {action for one in resource_statements(assembly, "AWS::SNS::TopicPolicy") for action in one.actions}
    assert "sns:Subscribe" not in allowed
