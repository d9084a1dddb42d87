"""A second consumer: one command adds it, a probe proves it, and one command takes it away."""

from __future__ import annotations

from assembly_line.cli.exits import ExitCode
from tests.embedded.deployed_line import LINE, Deployed

ADD = ("consumers", "add", LINE, "crm", "--where", "action=remind", "--freshness", "15m", "--owner", "CRM team")


def test_a_consumer_is_added_by_one_command_proves_itself_live_and_goes(deployed: Deployed) -> None:
    added = deployed.line(*ADD)

    assert added.code == ExitCode.OK, added.err
    assert added.document["live"]
    sqs = deployed.target.client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=added.document["queue_url"], AttributeNames=["All"])["Attributes"]
    assert told["KmsMasterKeyId"]
    assert told["RedrivePolicy"]
    assert told["ApproximateNumberOfMessages"] == "0"
    listed = {one["consumer"]: one for one in deployed.line("consumers", "list", LINE).document}
    assert listed["crm"]["live_since"] == added.document["live_since"]
    assert listed["crm"]["filter"] == added.document["filter"]
    assert listed["crm"]["filter"]["action"] == [{"exists": False}, "remind"]
    assert listed["campaign_desk"]["live_since"] is None

    assert deployed.line("consumers", "probe", LINE, "campaign_desk").document["live"]

    again = deployed.line("consumers", "add", LINE, "CRM")
    assert again.code != ExitCode.OK
    assert "there is crm" in again.err
    assert deployed.line("consumers", "remove", LINE, "crm").code == ExitCode.OK
    assert [one["consumer"] for one in deployed.line("consumers", "list", LINE).document] == ["campaign_desk"]
