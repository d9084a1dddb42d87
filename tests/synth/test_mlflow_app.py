"""The setting `mlflow`: one serverless app, whose files lie in the store, and who may record."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.synth.cloud_assembly import Assembly, run
from tests.synth.policies import identity_statements, trust_statements

TRAINING_WITH_MLFLOW = """
import sys
from dataclasses import replace
from pathlib import Path
from aws_cdk import App
from stacks.features import FeaturesStack
from stacks.foundation import Deployment, FoundationStack
from stacks.rules import apply_rules
from stacks.settings import load_settings
from stacks.training import TrainingStack

app = App()
settings = replace(load_settings(Path("settings"), "dev"), mlflow=True)
layer = Path(sys.argv[1])
layers = {"layer": layer, "serving_layer": layer, "tracking_layer": layer}
deployment = Deployment(environment=sys.argv[2], settings=settings, **layers)
foundation = FoundationStack(app, deployment)
TrainingStack(app, foundation=foundation, features=FeaturesStack(app, foundation=foundation))
apply_rules(app)
app.synth()
"""


DAY = 86_400


@pytest.fixture(scope="module")
def with_mlflow(tmp_path_factory: pytest.TempPathFactory, empty_layer: str) -> Assembly:
    folder = tmp_path_factory.mktemp("mlflow") / "cdk.out"
    return Assembly(folder, run([sys.executable, "-c", TRAINING_WITH_MLFLOW, empty_layer, "dev"], folder))


def test_the_app_keeps_its_files_in_the_store_and_registers_no_model(with_mlflow: Assembly) -> None:
    (app,) = with_mlflow.of_type("AWS::SageMaker::MlflowApp")
    assert app.properties["Name"] == "assembly-line-dev-runs"
    assert app.properties["ModelRegistrationMode"] == "AutoModelRegistrationDisabled"
    place = json.dumps(app.properties["ArtifactStoreUri"])
    assert "StoreBucket" in place
    assert place.count("/mlflow") == 1
    parameters = {each.properties.get("Name") for each in with_mlflow.of_type("AWS::SSM::Parameter")}
    assert "/assembly-line/dev/mlflow-app" in parameters
    assert with_mlflow.process.returncode == 0, with_mlflow.process.stderr[-2000:]


def test_the_app_reads_and_writes_its_own_files_alone(with_mlflow: Assembly) -> None:
    own = [each for each in identity_statements(with_mlflow) if "MlflowRole" in str(each)]
    assert own
    objects = [each for each in own if {"s3:GetObject", "s3:PutObject"} & set(each.actions)]
    assert objects
    assert [str(each) for each in objects if not each.resources[0].endswith("/mlflow/*")] == []
    listing = [each for each in own if "s3:ListBucket" in each.actions]
    assert [set(each.condition_keys) for each in listing] == [{"s3:prefix"}]
    allowed = {action for each in own for action in each.actions if not action.startswith("kms:")}
    assert allowed == {
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:PutObject",
    }
    trusted = [each for each in trust_statements(with_mlflow) if "MlflowRole" in str(each)]
    assert [set(each.condition_keys) for each in trusted] == [{"aws:SourceAccount"}]


def test_scientists_may_record_and_see_what_jobs_were_paid_for(with_mlflow: Assembly) -> None:
    own = [each for each in identity_statements(with_mlflow) if "MlflowRecorders" in str(each)]
    granted = {action: each.resources for each in own for action in each.actions}
    assert {"sagemaker:CallMlflowAppApi", "sagemaker:CreatePresignedMlflowAppUrl"} <= set(granted)
    for listing in ("sagemaker:ListTrainingJobs", "sagemaker:ListTransformJobs"):
        assert granted[listing] == ["*"]
    assert granted["sagemaker:DescribeTrainingJob"][0].endswith(":training-job/*")
    assert granted["sagemaker:DescribeTransformJob"][0].endswith(":transform-job/*")
    changing = {action for action in granted if action.split(":")[1].startswith(("Create", "Delete", "Put", "Stop"))}
    assert changing == {"sagemaker:CreatePresignedMlflowAppUrl", "s3:PutObject"}


def test_every_training_run_reaches_the_function_that_records_it_and_waits_for_mlflow(with_mlflow: Assembly) -> None:
    rules = [each for each in with_mlflow.of_type("AWS::Events::Rule") if each.id.startswith("Tracked")]
    patterns = {json.dumps(each.properties["EventPattern"]["source"]): each.properties for each in rules}
    assert set(patterns) == {'["aws.states"]', '["assembly-line"]'}
    detail = patterns['["aws.states"]']["EventPattern"]["detail"]
    assert list(detail) == ["stateMachineArn"]
    assert "TrainingMachine" in json.dumps(detail)
    (queue,) = [each for each in with_mlflow.of_type("AWS::SQS::Queue") if each.id.startswith("TrackedRunsQueue")]
    patience = queue.properties["VisibilityTimeout"] * queue.properties["RedrivePolicy"]["maxReceiveCount"]
    assert 10 * DAY <= patience <= queue.properties["MessageRetentionPeriod"] == 14 * DAY


def test_the_function_that_records_writes_nothing_but_into_mlflow(with_mlflow: Assembly) -> None:
    own = [each for each in identity_statements(with_mlflow) if "Tracking" in str(each)]
    granted = {action: each.resources for each in own for action in each.actions}
    assert granted["s3:PutObject"][0].endswith("/mlflow/*")
    changing = {action for action in granted if action.split(":")[1].startswith(("Create", "Put", "Delete", "Start"))}
    # The queue's messages are deleted by its mapping.
    assert changing == {"logs:CreateLogStream", "logs:PutLogEvents", "s3:PutObject", "sqs:DeleteMessage"}


def test_no_environment_has_one_unless_its_settings_say_so(each_assembly: Assembly) -> None:
    assert "AWS::SageMaker::MlflowApp" not in {each.type for each in each_assembly.resources}


def test_the_embedded_aws_is_told_to_show_mlflow_itself(tmp_path: Path, empty_layer: str) -> None:
    done = run([sys.executable, "-c", TRAINING_WITH_MLFLOW, empty_layer, "embedded"], tmp_path / "cdk.out")
    assert done.returncode != 0
    assert "`line runs open` start MLflow on this machine" in done.stderr
