"""`line remove` and `line destroy` in an account: what they refuse, what goes, what stays, and what a kill leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.client
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.errors import NotFound, RequestRefused, RunFailed
from assembly_line.loader import load_line
from assembly_line.names import (
    ControlKey,
    line_resource,
    stack_name,
    subscriber_dead_letters_parameter,
    subscriber_queue_parameter,
)
from assembly_line.removal import environments
from assembly_line.removal.lines import remove_line
from assembly_line.stations import SCORING, TRAINING_RUN
from assembly_line.storage import Stack, StackResource
from assembly_line.storage.services.stacks import Stacks
from tests.champions import a_champion
from tests.documents import blocks

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
READING = ("Describe", "Get", "List", "Head")


NEVER = 0


class Killed(BaseException):
    """As the process would end: nothing catches it."""


def topic(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


def stack(own: str, resources: dict[str, Any], *, exports: str = "", environment: str = "dev") -> None:
    output = {"Value": {"Value": "x", "Export": {"Name": exports}}} if exports else {}
    template = json.dumps({"Resources": resources, "Outputs": output})
    boto3.client("cloudformation").create_stack(StackName=stack_name(environment, own), TemplateBody=template)


def importing(name: str, export: str) -> dict[str, Any]:
    return {"T": {**topic(name), "Properties": {"TopicName": name, "DisplayName": {"Fn::ImportValue": export}}}}


@pytest.fixture(autouse=True)
def imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who imports what, read from the templates: moto holds no list of it."""

    def found(self: Stacks, export: str) -> Iterator[str]:
        client = boto3.client("cloudformation")
        for each in client.describe_stacks()["Stacks"]:
            if f'"Fn::ImportValue": "{export}"' in json.dumps(client.get_template(StackName=each["StackName"])):
                yield each["StackName"]

    monkeypatch.setattr(Stacks, "_imports", found)


@pytest.fixture
def world(target: Target) -> Target:
    return populated(target)


def populated(target: Target) -> Target:
    """Released, with a champion, and stacks that import from the foundation; its bucket holds what was replaced."""
    target.control.set_current_release(LINE, target.releases.publish(load_line(PROJECT / "lines", LINE)))
    target.control.write(LINE, ControlKey.CHAMPION, a_champion("r").to_json())
    target.ledger_objects.write(f"ledger/{LINE}/predictions/day=20260101/a.jsonl", b"{}")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}}
    stack("Foundation", {"Bucket": bucket}, exports="foundation")
    stack("Throughput", importing("throughput", "foundation"))
    stack("Line-coupon-redemption", importing("line", "foundation"))
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"old", b"new"):
        s3.put_object(Bucket="data", Key="replaced", Body=content)
    s3.put_object(Bucket="data", Key="hidden", Body=b"x")
    s3.delete_object(Bucket="data", Key="hidden")
    s3.create_multipart_upload(Bucket="data", Key="unfinished")
    return target


def running(target: Target, machine: Any, run: str, *, line: str = LINE) -> str:
    return target.machines.start(target.named(machine.parameter), run, {"line": line})


def stacks(target: Target) -> list[str]:
    return [each.own for each in target.stacks.of_environment()]


def removed(target: Target) -> Any:
    return remove_line(target, LINE, by="ann", now=NOW, queues={})


def terminal(monkeypatch: pytest.MonkeyPatch, *, there: bool, typed: str = "") -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: there, raising=False)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: typed)


@pytest.fixture
def killing() -> Iterator[Callable[[int], Callable[[], int]]]:
    """Let the n-th call that changes something be the last, its answer lost; how many there were."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def kill_at(number: int) -> Callable[[], int]:
        seen = 0

        def call(client: Any, operation: str, given: dict[str, Any]) -> Any:
            nonlocal seen
            if operation.startswith(READING):
                return real(client, operation, given)
            seen += 1
            answer = real(client, operation, given)
            if seen == number:
                raise Killed
            return answer

        botocore.client.BaseClient._make_api_call = call  # type: ignore[attr-defined]
        return lambda: seen

    yield kill_at
    botocore.client.BaseClient._make_api_call = real  # type: ignore[attr-defined]


def test_a_line_goes_with_its_stack_and_its_history_stays(world: Target, line: Command) -> None:
    answer = line("remove", LINE, "--json")

    assert answer.code == ExitCode.OK, answer.err
    document = json.loads(answer.out)
    assert document["stack"] == "AssemblyLine-dev-Line-coupon-redemption"
    assert stacks(world) == ["Foundation", "Throughput"]
    (ledger,) = [each for each in document["kept"] if each["what"] == "ledger"]
    assert ledger["where"] == f"s3://ledger/ledger/{LINE}/"
    assert ledger["note"].startswith("1 versions of objects")
    assert [each.key for each in world.ledger_objects.list("")] == [f"ledger/{LINE}/predictions/day=20260101/a.jsonl"]


@pytest.mark.parametrize(
    "request_",
    [
        ("dataset", "build", LINE, "--as-of", "2017-07-01"),
        ("score", LINE, "--date", "2017-07-12"),
        ("outcomes", LINE, "--as-of", "2018-01-02"),
        ("tables", "refresh", LINE),
    ],
)
def test_requests_for_a_removed_line_are_refused_by_name(
    world: Target, line: Command, request_: tuple[str, ...]
) -> None:
    removed(world)

    answer = line(*request_, "--no-wait")

    assert answer.code == ExitCode.REFUSED
    assert f"line '{LINE}' was removed at 2026-11-30T00:00:00" in answer.err
    assert "run `line deploy`" in answer.err


def test_what_came_of_its_decisions_is_still_accepted(world: Target) -> None:
    removed(world)
    assert world.released.last(LINE).name == LINE


def test_a_line_that_comes_back_has_its_champion(world: Target, line: Command) -> None:
    removed(world)
    line("release", LINE)
    assert world.released.current(LINE).name == LINE
    assert world.control.champion(LINE).run_id == "r"


def test_a_line_with_open_work_stays_and_the_work_is_named(world: Target, line: Command) -> None:
    running(world, SCORING, "score-1")
    running(world, TRAINING_RUN, "train-1")
    running(world, SCORING, "score-2", line="other")
    review = {"run_id": "train-1", "state": "waiting", "token": "t", "author": "a", "opened_at": "now"}
    world.control.open_review(LINE, "train-1", review)

    answer = line("remove", LINE)

    assert answer.code == ExitCode.REFUSED
    assert f"{LINE}: score-1 runs in the scoring machine" in answer.err
    assert f"{LINE}: train-1 waits for a review" in answer.err
    assert "score-2" not in answer.err
    assert "Line-coupon-redemption" in stacks(world)
    assert world.released.current(LINE).name == LINE


def test_a_run_that_begins_in_between_brings_the_line_back(world: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    retire = world.control.retire_release

    def begun(name: str, removal: dict[str, Any]) -> bool:
        running(world, SCORING, "late")
        return retire(name, removal)

    monkeypatch.setattr(world.control, "retire_release", begun)
    with pytest.raises(RequestRefused, match="late"):
        removed(world)
    assert world.released.current(LINE).name == LINE
    assert "Line-coupon-redemption" in stacks(world)


def test_a_name_that_never_was_a_line_is_refused_with_those_that_are(world: Target, line: Command) -> None:
    answer = line("remove", "nowhere")
    assert answer.code == ExitCode.REFUSED
    assert f"line 'nowhere' is not deployed here; released lines: {LINE}" in answer.err


def test_a_removal_that_is_killed_anywhere_ends_when_repeated(
    made: Callable[[], Target], killing: Callable[[int], Callable[[], int]]
) -> None:
    for number in range(1, 20):
        killing(NEVER)
        target = made()
        seen = killing(number)
        try:
            removed(target)
        except Killed:
            killing(NEVER)
            removed(target)
        else:
            assert number > seen() > 0
            break
        assert stacks(target) == ["Foundation", "Throughput"]
        with pytest.raises(NotFound, match="was removed"):
            target.control.current_release(LINE)
        assert removed(target).stack is None
    else:
        pytest.fail("it was never let through")


@pytest.fixture
def made(made_once: dict[str, Any]) -> Iterator[Callable[[], Target]]:
    """A world in an account of its own, each time it is called."""
    from tests.unit.cli.conftest import deploy, open_account

    opened: list[Any] = []

    def make() -> Target:
        while opened:
            opened.pop().__exit__(None, None, None)
        context = open_account(made_once)
        context.__enter__()
        opened.append(context)
        return populated(deploy())

    yield make
    while opened:
        opened.pop().__exit__(None, None, None)


def destroyed(target: Target, *, keep_data: bool = False) -> environments.Destroyed:
    return environments.destroy(target, keep_data=keep_data, report=lambda _: None)


def test_an_environment_goes_importers_first_with_every_version(world: Target) -> None:
    order: list[str] = []
    found = environments.destroy(world, keep_data=False, report=order.append)

    assert stacks(world) == []
    assert "data" not in [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]
    assert [each for each in order if each.startswith("Deleted")] == [
        "Deleted stack AssemblyLine-dev-Line-coupon-redemption; 2 left.",
        "Deleted stack AssemblyLine-dev-Throughput; 1 left.",
        "Deleted stack AssemblyLine-dev-Foundation; 0 left.",
    ]
    assert found.emptied == {"data": 4}


def test_destroying_what_is_gone_changes_nothing_and_names_the_registry(world: Target) -> None:
    group = line_resource("dev", LINE)
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="assembly-line-prod-x")
    destroyed(world)

    again = destroyed(world)

    assert (again.stacks, again.emptied) == ((), {})
    assert [each.where for each in again.kept] == [group]


def test_a_destruction_that_is_killed_anywhere_ends_when_repeated(
    made: Callable[[], Target], killing: Callable[[int], Callable[[], int]]
) -> None:
    for number in range(1, 40):
        killing(NEVER)
        target = made()
        seen = killing(number)
        try:
            destroyed(target)
        except Killed:
            killing(NEVER)
            destroyed(target)
        else:
            assert number > seen() > 0
            break
        assert stacks(target) == []
    else:
        pytest.fail("it was never let through")


def test_an_environment_with_open_work_stays(world: Target, line: Command) -> None:
    running(world, SCORING, "score-1")
    answer = line("destroy", "--confirm", "dev")
    assert answer.code == ExitCode.REFUSED
    assert f"{LINE}: score-1 runs in the scoring machine" in answer.err
    assert len(stacks(world)) == 3


def test_an_environment_that_others_import_from_stays(world: Target) -> None:
    stack("Report", importing("report", "foundation"), environment="other")
    with pytest.raises(RequestRefused, match="AssemblyLine-other-Report imports from AssemblyLine-dev-Foundation"):
        destroyed(world)
    assert len(stacks(world)) == 3


def test_data_that_the_settings_keep_does_not_go_with_stacks_deployed_without_them(world: Target) -> None:
    with pytest.raises(RequestRefused, match=r"keep_data = true.*data; run `line deploy` first"):
        destroyed(world, keep_data=True)
    assert len(stacks(world)) == 3


@pytest.mark.parametrize(
    ("there", "given", "says"),
    [
        (False, (), "no terminal in which to ask"),
        (False, ("--confirm", "prod"), "'prod': expected 'dev'"),
        (True, (), "'yes': expected 'dev'"),
    ],
)
def test_only_the_environments_own_name_destroys_it(
    world: Target, line: Command, monkeypatch: pytest.MonkeyPatch, *, there: bool, given: tuple[str, ...], says: str
) -> None:
    terminal(monkeypatch, there=there, typed="yes")
    answer = line("destroy", *given)
    assert answer.code == ExitCode.REFUSED
    assert says in answer.err
    assert "will be deleted: AssemblyLine-dev-Line-coupon-redemption, AssemblyLine-dev-Throughput" in answer.err
    assert "will be emptied for good, with every old version: data" in answer.err
    assert len(stacks(world)) == 3


def test_the_typed_name_destroys_it_and_says_what_is_left(
    world: Target, line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(monkeypatch, there=True, typed="dev")
    answer = line("destroy")
    assert answer.code == ExitCode.OK, answer.err
    assert "The CDK's own stack and its bucket stay" in answer.out
    assert stacks(world) == []


def test_a_bucket_that_access_logs_still_reach_is_emptied_again(world: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, tries = Stacks.delete, 0

    def late(self: Stacks, which: Stack) -> None:
        nonlocal tries
        if which.own == "Foundation":
            tries += 1
            if tries < 3:
                boto3.client("s3").put_object(Bucket="data", Key=f"log-{tries}", Body=b"x")
                raise RunFailed("stack: Bucket: The bucket you tried to delete is not empty")
        delete(self, which)

    monkeypatch.setattr(Stacks, "delete", late)
    assert destroyed(world).emptied == {"data": 6}
    assert stacks(world) == []


def test_what_stacks_keep_is_named_with_its_price(world: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {
        StackResource(type="AWS::KMS::Key", name="key-1", kept=True),
        StackResource(type="AWS::S3::Bucket", name="data", kept=True),
        StackResource(type="AWS::DynamoDB::Table", name="control", kept=True),
    }
    monkeypatch.setattr(Stacks, "left_behind", lambda _: kept)
    found = {each.where: (each.usd, each.note) for each in environments.plan(world, keep_data=False).kept}
    assert found["key-1"][0] == 1.0
    assert found["s3://data/"][1].startswith("3 versions of objects")
    assert found["control"] == (None, "0.25 USD a GiB and month")


# Operations whose permission has another name.
PERMISSIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
}
# Nobody needs one.
FREE = {"sts:GetCallerIdentity"}
OF_THE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


def test_the_page_lists_the_permissions_that_both_commands_use(
    world: Target, line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(world, SCORING, "score-1", line="other")
    queue = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    for parameter in (subscriber_queue_parameter, subscriber_dead_letters_parameter):
        boto3.client("ssm").put_parameter(Name=parameter("dev", LINE, "desk"), Value=queue, Type="String")
    used, real = {"cloudformation:ListImports"}, botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, given: dict[str, Any]) -> Any:
        model = client.meta.service_model
        used.add(f"{model.signing_name}:{operation}")
        return real(client, operation, given)

    with monkeypatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        assert line("remove", "nowhere").code == ExitCode.REFUSED
        assert line("remove", LINE).code == ExitCode.OK
        assert line("destroy", "--confirm", "dev").code == ExitCode.REFUSED
        monkeypatch.setattr(environments, "open_work", lambda _: [])
        assert line("destroy", "--confirm", "dev").code == ExitCode.OK

    page = blocks(PROJECT / "docs" / "removal.md")
    (policy,) = [json.loads(block.text) for block in page if block.language == "json"]
    listed = {action for statement in policy["Statement"] for action in statement["Action"]}
    # The table's key decrypts its items; what a failed deletion asks did not happen here.
    asked = {PERMISSIONS.get(each, each) for each in used} - FREE | {"cloudformation:DescribeStackEvents", *OF_THE_KEY}
    assert listed == asked
