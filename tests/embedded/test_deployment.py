"""A CDK app is synthesized once, deployed by the CDK's own command, and then works as it would on AWS."""

from __future__ import annotations

import http.client
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from assembly_line.embedded import assembling, supervisor
from assembly_line.embedded.assembling import sources_digest
from assembly_line.embedded.deployment import assemble, deploy
from assembly_line.embedded.emulator_limitations import limitations, templates_of
from assembly_line.embedded.runtime import REGION, Runtime
from assembly_line.errors import EmbeddedAwsError
from tests.embedded.embedded_account import EmbeddedAccount, unique

SMALL_APP = Path(__file__).parent / "small_app"


@dataclass
class SmallApp:
    """The small app, deployed once: what was said, where its assembly lies, and the outputs of its stacks."""

    assembly: Path
    outputs: dict[str, str]
    state: Path
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def small_app(embedded: Runtime, cloud: EmbeddedAccount) -> SmallApp:
    said: list[str] = []
    assembly = assemble(SMALL_APP, embedded.root, said.append)
    deploy(embedded, assembly, said.append)
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    outputs = {
        each["OutputKey"]: each["OutputValue"]
        for stack in stacks
        if stack["StackName"] in ("Storage", "Work")
        for each in stack["Outputs"]
    }
    return SmallApp(assembly, outputs, embedded.root, said)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ("1", r"app\.py did not end within 1 s.* set LINE_SYNTH_SECONDS to more"),
        ("soon", r"LINE_SYNTH_SECONDS 'soon': expected a whole number of seconds above 0"),
        ("0", r"LINE_SYNTH_SECONDS '0'"),
    ],
)
def test_how_long_a_synthesis_may_take_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: str, said: str
) -> None:
    (tmp_path / "app.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    (tmp_path / "cdk.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("LINE_SYNTH_SECONDS", seconds)

    with pytest.raises(EmbeddedAwsError, match=said):
        assemble(tmp_path, tmp_path / ".line", lambda _: None)


def post(url: str, credentials: Credentials | None) -> tuple[int, dict[str, Any]]:
    """Status and body of a POST, signed if there are credentials."""
    request = AWSRequest("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
    if credentials:
        SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("POST", address.path, body=b"{}", headers=dict(request.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def reviewer(cloud: EmbeddedAccount, small_app: SmallApp) -> Credentials:
    session = cloud.client("sts").assume_role(RoleArn=small_app.outputs["ReviewerArn"], RoleSessionName="ada")
    keys = session["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def test_each_stack_is_reported_once(small_app: SmallApp) -> None:
    assert [line for line in small_app.said if line.startswith("stack ")] == [
        "stack 1 of 2: Storage",
        "stack 2 of 2: Work",
    ]


def test_an_unchanged_app_is_neither_synthesized_nor_deployed_again(embedded: Runtime, small_app: SmallApp) -> None:
    said: list[str] = []

    again = assemble(SMALL_APP, embedded.root, said.append)
    done = deploy(embedded, again, said.append)

    assert again == small_app.assembly
    assert done.seconds == 0
    assert said == ["All 2 stacks are deployed already."]


def test_only_the_layer_is_empty_and_it_keeps_its_hash(small_app: SmallApp) -> None:
    """So the templates, which name assets by their hash, are the very ones that go to an account."""
    folders = list(small_app.assembly.glob("asset.*"))
    (layer,) = [folder for folder in folders if [path.name for path in folder.iterdir()] == ["EMPTY"]]
    template = json.loads((small_app.assembly / "Work.template.json").read_text())
    (version,) = [each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::LayerVersion"]

    assert version["Properties"]["Content"]["S3Key"] == f"{layer.name.removeprefix('asset.')}.zip"
    assert any((folder / "caller.py").exists() for folder in folders)


def test_an_archived_layer_is_emptied_too_and_keeps_its_name(tmp_path: Path) -> None:
    synthesized = tmp_path / "cdk.out"
    synthesized.mkdir()
    content = {"S3Bucket": "assets", "S3Key": "abc.zip"}
    resources = {"Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}}
    (synthesized / "Work.template.json").write_text(json.dumps({"Resources": resources}))
    source = {"path": "asset.abc.zip", "packaging": "file"}
    (synthesized / "Work.assets.json").write_text(json.dumps({"files": {"abc": {"source": source}}}))
    with zipfile.ZipFile(synthesized / "asset.abc.zip", "w") as packed:
        packed.writestr("python/boto3/__init__.py", "")

    assembling._empty_layers(tmp_path)

    with zipfile.ZipFile(tmp_path / "embedded" / "asset.abc.zip") as emptied:
        assert emptied.namelist() == ["EMPTY"]


def test_the_caller_of_the_api_is_the_assumed_role(cloud: EmbeddedAccount, small_app: SmallApp) -> None:
    """The function imports boto3, which its layer would break: so the layer is served empty, too."""
    url = f"{small_app.outputs['ApiEndpoint']}/whoami"

    status, body = post(url, reviewer(cloud, small_app))

    role = small_app.outputs["ReviewerArn"].rpartition("/")[2]
    assert status == 200, body
    assert body["caller"] == f"arn:aws:sts::000000000000:assumed-role/{role}/ada"


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda keys: Credentials(keys.access_key, "not-the-secret", keys.token),
        lambda keys: Credentials(keys.access_key, keys.secret_key, "not-the-token"),
        lambda keys: Credentials("AKIAUNKNOWNUNKNOWN00", keys.secret_key),
    ],
    ids=["unsigned", "wrong secret", "wrong token", "unknown key"],
)
def test_who_cannot_prove_an_identity_is_forbidden(
    cloud: EmbeddedAccount, small_app: SmallApp, change: Callable[[Credentials], Credentials | None]
) -> None:
    url = f"{small_app.outputs['ApiEndpoint']}/whoami"

    status, _ = post(url, change(reviewer(cloud, small_app)))

    assert status == 403


def test_a_role_that_does_not_exist_cannot_be_assumed(cloud: EmbeddedAccount, small_app: SmallApp) -> None:
    made_up = small_app.outputs["ReviewerArn"].replace("Reviewer", "Invented")

    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("sts").assume_role(RoleArn=made_up, RoleSessionName="ada")


def test_the_machines_training_job_is_really_created(cloud: EmbeddedAccount, small_app: SmallApp) -> None:
    """It has no script to run, so it fails, with SageMaker's reason and not for want of an integration."""
    name = unique()

    end = cloud.end_of(cloud.start(small_app.outputs["MachineArn"], {"name": name}))

    job = cloud.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert (end["error"], job["TrainingJobStatus"]) == ("States.TaskFailed", "Failed")
    assert json.loads(end["cause"])["FailureReason"] == job["FailureReason"]


def test_what_is_only_recorded_is_listed(small_app: SmallApp) -> None:
    listed = limitations(templates_of(small_app.assembly))

    assert any("AWS::Logs::QueryDefinition is recorded, not emulated" in line for line in listed)
    assert not any("ModelPackageGroup" in line for line in listed)


def test_the_digest_follows_the_sources_and_nothing_else(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(SMALL_APP, app)
    digest = sources_digest(app, "embedded")

    (app / "cdk.out").mkdir()
    (app / "cdk.out" / "noise").write_text("x")
    (app / "notes.txt").write_text("x")
    assert sources_digest(app, "embedded") == digest
    assert sources_digest(app, "prod") != digest
    (app / "app.py").write_text((app / "app.py").read_text() + "\n")
    assert sources_digest(app, "embedded") != digest


def test_an_app_that_refuses_says_why(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "cdk.json").write_text("{}")
    (app / "app.py").write_text("raise SystemExit('line churn: the outcome names no source')\n")

    with pytest.raises(EmbeddedAwsError, match="the outcome names no source"):
        assemble(app, tmp_path / ".line", lambda _: None)


@pytest.fixture
def broken_assembly(tmp_path: Path, small_app: SmallApp) -> Iterator[Path]:
    """The small app's assembly with a resource that cannot be created."""
    broken = tmp_path / "another-digest" / "embedded"
    shutil.copytree(small_app.assembly, broken)
    template = broken / "Storage.template.json"
    content = json.loads(template.read_text())
    content["Resources"]["Typo"] = {"Type": "AWS::S3::Buckett"}
    template.write_text(json.dumps(content))
    # The CDK's command does not upload a template again whose hash it knows.
    manifest = broken / "Storage.assets.json"
    known = json.loads(manifest.read_text())
    (old,) = [each for each, asset in known["files"].items() if asset["source"]["path"] == template.name]
    for file in broken.glob("*.json"):
        file.write_text(file.read_text().replace(old, "0" * 64))
    yield broken
    deploy(supervisor.running(small_app.state), small_app.assembly, lambda _: None)


def test_a_failing_deployment_names_the_reason(embedded: Runtime, broken_assembly: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match="AWS::S3::Buckett"):
        deploy(embedded, broken_assembly, lambda _: None)
