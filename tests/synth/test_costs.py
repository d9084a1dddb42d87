"""What the line costs: idle as the README says, without files that nobody needs, and within a small account."""

from __future__ import annotations

import re

import pytest

from assembly_line.doctor.costs import ALARM, FREE_DASHBOARDS, KEY
from assembly_line.errors import DeclarationError
from stacks.settings import load_settings
from tests.synth.cloud_assembly import ROOT, Assembly, Resource

README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NEW_ACCOUNT_CONCURRENCY = 10
# Each is billed by the hour or the month, used or not.
BILLED_IDLE = (
    "AWS::EC2::NatGateway",
    "AWS::EC2::VPCEndpoint",
    "AWS::SageMaker::Endpoint",
    "AWS::SecretsManager::Secret",
    "AWS::Kinesis::Stream",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Lambda::Alias",
    "AWS::WAFv2::WebACL",
)


def test_an_idle_environment_costs_what_the_readme_says(each_assembly: Assembly) -> None:
    said = re.search(r"costs (\w+) KMS keys and (\w+) alarms, about (\d+)\.(\d\d) USD a month", README)
    assert said
    keys = each_assembly.of_type("AWS::KMS::Key")
    # An account records runs in MLflow by a setting; the embedded AWS, where nothing costs, always.
    alarms = [each for each in each_assembly.of_type("AWS::CloudWatch::Alarm") if not each.id.startswith("Tracked")]
    assert (NUMBERS.index(said[1]), int(said[2])) == (len(keys), len(alarms))
    # An alarm on an expression is billed by each metric in it; these have one each, at the standard resolution.
    assert [str(alarm) for alarm in alarms if "Metrics" in alarm.properties or alarm.properties["Period"] < 60] == []
    assert int(said[3] + said[4]) == round(100 * (KEY * len(keys) + ALARM * len(alarms)))
    assert len(each_assembly.of_type("AWS::CloudWatch::Dashboard")) <= FREE_DASHBOARDS


def test_nothing_else_is_billed_while_it_is_idle(each_assembly: Assembly) -> None:
    assert [str(each) for each in each_assembly.resources if each.type in BILLED_IDLE] == []
    for table in each_assembly.of_type("AWS::DynamoDB::Table"):
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"
    for function in each_assembly.of_type("AWS::Lambda::Function"):
        assert "SnapStart" not in function.properties


def test_what_can_be_made_again_leaves_no_hidden_versions_for_good(each_assembly: Assembly) -> None:
    (tables,) = _rules(each_assembly, "tables/")
    assert tables["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    # Or the markers that hid the objects stay; and no table in use ends.
    assert tables["ExpiredObjectDeleteMarker"] is True
    assert "ExpirationInDays" not in tables


def test_results_of_queries_end(each_assembly: Assembly) -> None:
    (workgroup,) = each_assembly.of_type("AWS::Athena::WorkGroup")
    location = workgroup.properties["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"]
    assert location["Fn::Join"][1][-1] == "/queries/"
    (results,) = _rules(each_assembly, "queries/")
    assert results["ExpirationInDays"] == 30
    assert results["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_nothing_that_something_refers_to_expires(each_assembly: Assembly) -> None:
    for bucket in _data_buckets(each_assembly):
        for rule in bucket.properties["LifecycleConfiguration"]["Rules"]:
            ends = {key for key in rule if "Expiration" in key or "Transition" in key}
            assert not ends or rule["Prefix"] in ("tables/", "queries/"), str(bucket)
            assert rule["Status"] == "Enabled"


def test_every_bucket_ends_what_was_not_uploaded_to_the_end(each_assembly: Assembly) -> None:
    for bucket in _data_buckets(each_assembly):
        rules = bucket.properties["LifecycleConfiguration"]["Rules"]
        assert {"DaysAfterInitiation": 7} in [rule.get("AbortIncompleteMultipartUpload") for rule in rules], str(bucket)


def test_queues_leave_room_for_other_functions_of_a_new_account(each_assembly: Assembly) -> None:
    mappings = each_assembly.of_type("AWS::Lambda::EventSourceMapping")
    most = [mapping.properties["ScalingConfig"]["MaximumConcurrency"] for mapping in mappings]
    assert most == [2] * len(mappings)
    assert NEW_ACCOUNT_CONCURRENCY - sum(most) >= 4


@pytest.mark.parametrize("number", [1, 1001])
def test_a_queue_has_no_fewer_or_more_consumers_than_aws_takes(
    number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    text = (ROOT / "settings" / "dev.toml").read_text(encoding="utf-8")
    (folder / "dev.toml").write_text(f"queue_consumers = {number}\n{text}", encoding="utf-8")
    with pytest.raises(DeclarationError, match=f"queue_consumers {number}: expected 2 to 1000"):
        load_settings(folder, "dev")


def _data_buckets(assembly: Assembly) -> list[Resource]:
    return [bucket for bucket in assembly.of_type("AWS::S3::Bucket") if not bucket.id.startswith("AccessLogs")]


def _rules(assembly: Assembly, prefix: str) -> list[dict[str, object]]:
    """The rules of the store for a prefix."""
    (store,) = [bucket for bucket in _data_buckets(assembly) if bucket.id.startswith("Store")]
    return [rule for rule in store.properties["LifecycleConfiguration"]["Rules"] if rule.get("Prefix") == prefix]
