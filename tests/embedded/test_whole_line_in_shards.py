"""A batch of several shards and two channels in the embedded AWS: killed, failed and redriven, it is delivered once.

Goes on where `test_whole_line_faults.py` ended; alone it does so too. Some of its days are a backfill by then.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.embedded import processes
from assembly_line.embedded.supervisor import running
from assembly_line.instants import format_day
from assembly_line.names import LedgerKind, delivered_prefix, ledger_prefix, scoring_prefix
from assembly_line.storage.services.machines import Execution
from tests.embedded.deployed_line import LINE, Deployed, told_of
from tests.embedded.line_slice import REPOSITORY, mailed, variant
from tests.waiting import eventually

# Campaigns and day of each run.
KILLED, FAILED, TOLERATED = ((17,), "2017-10-18"), ((20,), "2017-11-27"), ((21, 22), "2017-12-06")
# Two calls of the topic.
SHARD = 12
DELIVER = "lambdas.scoring.handler.deliver"
PUBLISH = "lambdas.scoring.handler.publish"


@dataclass(frozen=True)
class Sent:
    """How a run went, and what its subscriber received."""

    first: Execution
    report: dict[str, Any]
    received: list[dict[str, Any]]
    asked: int
    map_runs: list[dict[str, Any]]
    told: dict[str, Any]


@pytest.fixture(scope="module")
def by_shards(deployed: Deployed) -> Iterator[Deployed]:
    """The shipped line with files beside its subscriber; afterwards it is released as it was."""
    deployed.champion()
    old = 'delivery=Delivery(subscribers=("campaign_desk",))'
    new = 'delivery=Delivery(subscribers=("campaign_desk",), files=("jsonl", "csv"))'
    deployed.release(variant(deployed.folder / "with-files", script="line.py", old=old, new=new))
    yield deployed
    deployed.release(REPOSITORY / "lines")


@contextmanager
def configured(deployed: Deployed, handler: str, **variables: str) -> Iterator[str]:
    """Another setting for one function while a run lasts, as a deployment would make it. Its name."""
    functions = deployed.target.client("lambda")
    (found,) = [one for one in functions.list_functions(MaxItems=1000)["Functions"] if one["Handler"] == handler]
    name, before = found["FunctionName"], found["Environment"]["Variables"]
    assert set(variables) <= set(before)
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
    try:
        yield name
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def received(deployed: Deployed) -> list[dict[str, Any]]:
    """Everything in the subscriber's queue, which is empty afterwards."""
    target, found = deployed.target, []
    url, sqs = target.queue_url(target.parameters.subscriber_queue(LINE, "campaign_desk")), target.client("sqs")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def waiting(deployed: Deployed) -> int:
    target = deployed.target
    url = target.queue_url(target.parameters.subscriber_queue(LINE, "campaign_desk"))
    told = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


def start(deployed: Deployed, day: str) -> str:
    how = ("--scored-by", "function", "--deliver-backfill", "--no-wait")
    return str(deployed.line("score", LINE, "--date", day, "--at", day, *how).document["execution_arn"])


def report_of(deployed: Deployed, run: str) -> dict[str, Any]:
    found: dict[str, Any] = deployed.target.store.read_json(f"{scoring_prefix(LINE, run)}report.json")
    return found


def map_runs(deployed: Deployed, arn: str) -> list[dict[str, Any]]:
    states = deployed.target.client("stepfunctions")
    found = states.list_map_runs(executionArn=arn)["mapRuns"]
    return [states.describe_map_run(mapRunArn=one["mapRunArn"]) for one in found]


def sent(deployed: Deployed, arn: str, campaigns: tuple[int, ...], *, first: Execution, told: dict[str, Any]) -> Sent:
    end = deployed.end(arn)
    assert end.status == "SUCCEEDED", end.reason
    asked, runs = sum(mailed(deployed.raw, campaign) for campaign in campaigns), map_runs(deployed, arn)
    return Sent(first, report_of(deployed, end.name), told["before"] + received(deployed), asked, runs, told)


@pytest.fixture(scope="module")
def killed(by_shards: Deployed) -> Sent:
    """Every function that sends is killed once ten messages of a shard of twelve have left."""
    received(by_shards)
    with (
        configured(by_shards, PUBLISH, OUTBOX_SHARD_MESSAGES=str(SHARD)),
        configured(by_shards, DELIVER, TOPIC_MESSAGES_PER_SECOND="8", PUBLISHERS="2") as function,
    ):
        arn = start(by_shards, KILLED[1])
        eventually(lambda: waiting(by_shards) >= 10, "the first messages")
        workers = [one.pid for one in processes.descendants(_emulator(by_shards)) if _works_for(one.pid, function)]
        assert workers, "no function was there to kill"
        first = by_shards.target.machines.describe(arn)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: not any(_works_for(worker, function) for worker in workers), "the end of the functions")
        before = received(by_shards)
        return sent(by_shards, arn, KILLED[0], first=first, told={"before": before, "killed": len(workers)})


def _emulator(deployed: Deployed) -> processes.ProcessIdentity:
    return running(deployed.line.state).processes["emulator"]


def _works_for(pid: int, function: str) -> bool:
    return f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in told_of(pid, "environ").split(b"\0")


@pytest.fixture(scope="module")
def failed(by_shards: Deployed) -> Sent:
    """A setting that no function survives; the run is redriven under a good one."""
    received(by_shards)
    with configured(by_shards, PUBLISH, OUTBOX_SHARD_MESSAGES=str(SHARD)):
        with configured(by_shards, DELIVER, PUBLISHERS="0"):
            arn = start(by_shards, FAILED[1])
            first = by_shards.end(arn)
        told = {"before": received(by_shards)}
        assert by_shards.line("redrive", first.name).document["status"] == "RUNNING"
        return sent(by_shards, arn, FAILED[0], first=first, told=told)


@pytest.fixture(scope="module")
def tolerated(by_shards: Deployed) -> Sent:
    """One shard of many cannot be recorded, because its record is damaged; it is mended, and the run redriven."""
    received(by_shards)
    target = by_shards.target
    with configured(by_shards, PUBLISH, OUTBOX_SHARD_MESSAGES="3"):
        arn = start(by_shards, TOLERATED[1])
        run, day = target.machines.describe(arn).name, format_day(target.machines.describe(arn).started)
        damaged = f"{ledger_prefix(LINE, LedgerKind.DELIVERIES, day)}{run}.sns.000003.000000.jsonl"
        target.ledger_objects.write(damaged, b'{"no": "record"}\n')
        first = by_shards.end(arn)
        told = {"before": received(by_shards), "report": report_of(by_shards, run)}
        target.ledger_objects.delete(damaged)
        assert by_shards.line("redrive", run).document["status"] == "RUNNING"
        return sent(by_shards, arn, TOLERATED[0], first=first, told=told)


def require_everything_once(found: Sent) -> Counter[str]:
    """Everybody who was asked about is accounted for, and nothing left under one id with two bodies."""
    report = found.report
    assert found.asked > SHARD
    assert report["offered"] == found.asked
    assert (report["delivered"], report["quarantined"], report["dead_lettered"]) == (found.asked, 0, 0)
    whole = {"delivered": found.asked, "dead_lettered": 0}
    assert report["channels"] == {"files": whole, "sns": whole}
    times = Counter(message["decision_id"] for message in found.received)
    assert len(times) == found.asked
    assert len({json.dumps(message, sort_keys=True) for message in found.received}) == found.asked
    return times


def test_functions_that_are_killed_in_the_middle_of_their_shards_are_called_again(killed: Sent) -> None:
    times = require_everything_once(killed)
    # They were killed while the run went on: some messages had left without a record, and left again as they were.
    assert killed.first.status == "RUNNING"
    assert killed.told["killed"] >= 1
    assert 10 <= sum(count > 1 for count in times.values()) <= 2 * SHARD
    (run,) = killed.map_runs
    shards = -(-killed.asked // SHARD)
    assert (run["status"], run["maxConcurrency"]) == ("SUCCEEDED", 2)
    assert (run["itemCounts"]["succeeded"], run["itemCounts"]["failed"]) == (2 * shards, 0)


def test_a_map_whose_items_fail_is_redriven_and_sends_nothing_twice(failed: Sent) -> None:
    times = require_everything_once(failed)
    assert (failed.first.status, failed.first.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert failed.told["before"] == []
    assert set(times.values()) == {1}
    # The setting is about the topic: the files were written at the first attempt.
    statuses = {run["status"]: run["itemCounts"]["failed"] for run in failed.map_runs}
    assert statuses == {"FAILED": -(-failed.asked // SHARD), "SUCCEEDED": 0}


def test_a_few_items_may_fail_and_are_listed_one_by_one(tolerated: Sent) -> None:
    report, asked = tolerated.told["report"], tolerated.asked
    assert (tolerated.first.status, tolerated.first.error) == ("FAILED", "ScoringFailed")
    assert "1 shards of the outbox were not sent (3 messages), first shard 3 of channel sns" in tolerated.first.reason
    (run,) = tolerated.map_runs
    assert (run["status"], run["itemCounts"]["failed"]) == ("SUCCEEDED", 1)
    assert [(one["channel"], one["shard"], one["messages"]) for one in report["unsent_shards"]] == [("sns", 3, 3)]
    assert (report["offered"], report["delivered"], report["unsent"]) == (asked, asked - 3, 3)
    assert len(tolerated.told["before"]) == asked - 3

    assert set(require_everything_once(tolerated).values()) == {1}


def test_the_files_of_a_batch_hold_what_the_queue_got(by_shards: Deployed, killed: Sent) -> None:
    store = by_shards.target.store
    folder = delivered_prefix(LINE, "20171018", killed.report["run_id"])
    names = [stored.key.removeprefix(folder) for stored in store.list(folder)]
    shards = -(-killed.asked // SHARD)
    parts = [f"part-{number:06d}-000000.{form}" for number in range(shards) for form in ("csv", "jsonl")]
    assert names == sorted(["_SUCCESS", "manifest.json", *parts])
    manifest = store.read_json(f"{folder}manifest.json")
    assert [one["name"] for one in manifest["files"]] == parts
    for one in manifest["files"]:
        assert digest_bytes(store.read(f"{folder}{one['name']}")) == one["digest"]
    lines = [
        json.loads(line) for part in parts if part.endswith("jsonl") for line in store.read(folder + part).splitlines()
    ]
    by_queue = {message["decision_id"]: message for message in killed.received}
    assert {line["decision_id"]: line for line in lines} == by_queue
    assert len(lines) == killed.asked
