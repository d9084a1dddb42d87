"""A champion that misbehaves when it scores, and messages that nobody can read: nothing wrong leaves, nothing is lost.

Goes on where `test_whole_line.py` ended; alone it does so too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from assembly_line.cli.exits import ExitCode
from assembly_line.names import ControlKey, LedgerKind, Parameter, review_item
from assembly_line.storage.services.machines import Execution
from tests.embedded.deployed_line import LINE, TRAIN, Deployed
from tests.embedded.line_slice import REPOSITORY, mailed, variant
from tests.waiting import eventually

# Campaign and day of each misbehaviour. The numbers of mailed households tell them apart.
# No day behind these: what is scored in `test_whole_line_on_schedule.py` must be the latest.
MIXED, FEW, HANGS, NAN = (14, "2017-09-04"), (16, "2017-10-04"), (15, "2017-09-20"), (19, "2017-11-15")
# The states of the final fit.
FINAL = ("PrepareFinal", "TrainFinal", "PackageFinal", "CreateFinalModel", "ScoreFinal", "ScoredFinal")
# Before anything was known.
FAILS_EARLY = ("train", LINE, "--as-of", "2001-01-01", "--no-wait", "--as", "scientist")
MISBEHAVING = """lines = [f"{{score:.9g}}\\n" for score in scores]
    if len(lines) == {nan}:
        lines = ["nan\\n"] * len(lines)
    if len(lines) == {few}:
        lines = lines[1:]
    if len(lines) == {mixed}:
        lines[:3] = ["nan\\n", "1.5\\n", "high\\n"]
    if len(lines) == {hangs}:
        import time
        time.sleep(300)
    return "".join(lines)"""


@dataclass(frozen=True)
class Faults:
    """How the runs of the misbehaving champion ended, which days were predicted by then, and the run of a good one."""

    nan: Execution
    few: Execution
    mixed: Execution
    killed: Execution
    killed_again: Execution
    training: Execution
    days_predicted: set[str]
    corrected: dict[str, Any]
    by_job: dict[str, Any]


@pytest.fixture(scope="module")
def faults(deployed: Deployed) -> Faults:
    misbehaving = {"nan": NAN, "few": FEW, "mixed": MIXED, "hangs": HANGS}
    counts = {name: mailed(deployed.raw, campaign) for name, (campaign, _) in misbehaving.items()}
    assert len(set(counts.values())) == len(counts)
    lines = variant(
        deployed.folder / "misbehaving",
        script="inference.py",
        old='return "".join(f"{score:.9g}\\n" for score in scores)',
        new=MISBEHAVING.format(**counts),
    )
    good = deployed.champion()
    training = _become_champion_at_the_second_attempt(deployed, lines)

    def scored(run: str, by: str) -> str:
        day = misbehaving[run][1]
        asked = deployed.line("score", LINE, "--date", day, "--at", day, "--scored-by", by, "--no-wait").document
        return str(asked["execution_arn"])

    # One after the other: the functions stay warm.
    nan, few, mixed = (deployed.end(scored(run, "function")) for run in ("nan", "few", "mixed"))
    killed = deployed.kill_the_job(scored("hangs", "transform"), "model_server.py")
    assert deployed.line("redrive", killed.name).document["status"] == "RUNNING"
    killed_again = deployed.kill_the_job(killed.arn, "model_server.py")
    days_predicted = {row["decision_id"][3:11] for row in deployed.predictions()}
    deployed.release(REPOSITORY / "lines")
    deployed.target.control.write(LINE, ControlKey.CHAMPION, good)
    again = ("score", LINE, "--date", NAN[1], "--at", NAN[1])
    corrected = deployed.line(*again).document
    by_job = deployed.line(*again, "--again", "--scored-by", "transform").document
    return Faults(nan, few, mixed, killed, killed_again, training, days_predicted, corrected, by_job)


def _become_champion_at_the_second_attempt(deployed: Deployed, lines: Path) -> Execution:
    """The judged fit's job is killed once the final fit is ready; the run goes on from there. Returns it as failed."""
    deployed.release(lines)
    started = deployed.line(*TRAIN, "--scored-by", "transform", "--no-wait").document
    failed = deployed.kill_the_training(started["execution_arn"], f"{started['run_id']}-train-1", after="ScoredFinal")
    assert deployed.line("redrive", failed.name).document["status"] == "RUNNING"
    eventually(lambda: deployed.target.control.read(LINE, review_item(failed.name)))
    judged = deployed.line("review", "approve", LINE, failed.name, "--reason", "looks fine", "--as", "reviewer")
    assert judged.code == ExitCode.OK, judged.err
    return failed


def test_a_training_run_whose_job_was_killed_goes_on_from_there(faults: Faults, deployed: Deployed) -> None:
    run = faults.training
    assert (run.status, run.error) == ("FAILED", "JobFailed")
    assert f"{run.name}-train-1: " in run.reason
    assert "SIGKILL" in run.reason
    visits = deployed.target.machines.states(run.arn)
    states = [visit.name for visit in visits]
    # The dataset was built once, and prepared once; the job's second attempt has a name of its own.
    assert [states.count(name) for name in ("Begin", "BuildDataset", "Prepare", "Train")] == [1, 1, 1, 2]
    assert [one.name for one in visits if one.problem and "SIGKILL" in one.problem] == ["Train", "AttendJudged"]
    sagemaker = deployed.target.client("sagemaker")
    jobs = sagemaker.list_training_jobs(NameContains=run.name)["TrainingJobSummaries"]
    # The final fit had ended well, and was kept.
    assert {job["TrainingJobName"]: job["TrainingJobStatus"] for job in jobs} == {
        f"{run.name}-train-1": "Failed",
        f"{run.name}-train-2": "Completed",
        f"{run.name}-refit-1": "Completed",
    }
    assert [states.count(name) for name in FINAL] == [1] * len(FINAL)
    kinds = {event.id.partition(":")[2] for event in deployed.station_events() if event.item == run.name}
    assert {"training:failed:1", "training:started:2", "training:finished:2"} <= kinds


def test_each_redrive_of_a_scoring_run_asks_another_job(faults: Faults) -> None:
    assert f"{faults.killed.name}-score-1: " in faults.killed.reason
    assert f"{faults.killed.name}-score-2: " in faults.killed_again.reason


def test_a_run_whose_dataset_failed_builds_it_again_under_another_name(deployed: Deployed) -> None:
    failed = deployed.end(deployed.line(*FAILS_EARLY).document["execution_arn"])
    deployed.line("redrive", failed.name)
    again = deployed.end(failed.arn)
    assert failed.reason == again.reason
    children = [name for name, _ in deployed.target.machines.recent(deployed.dataset_machine) if failed.name in name]
    assert sorted(children) == [f"{failed.name}-dataset", f"{failed.name}-dataset-2"]


def test_a_model_that_answers_nothing_usable_fails_the_run_and_nothing_leaves(faults: Faults) -> None:
    assert [run.status for run in (faults.nan, faults.few, faults.killed_again)] == ["FAILED"] * 3
    assert "'nan' is not finite" in faults.nan.reason
    assert "nothing was delivered" in faults.nan.reason
    assert "one answer for each" in faults.few.reason
    assert "SIGKILL" in faults.killed.reason
    assert faults.days_predicted.isdisjoint(day.replace("-", "") for _, day in (NAN, FEW, HANGS))


def test_single_bad_scores_are_kept_aside_and_the_rest_is_delivered(faults: Faults, deployed: Deployed) -> None:
    offered, report = mailed(deployed.raw, MIXED[0]), faults.mixed.output

    assert (report["offered"], report["delivered"]) == (offered, offered - 3)
    assert (report["quarantined"], report["dead_lettered"]) == (3, 0)
    kept = {row["reason"] for row in deployed.ledger(LedgerKind.QUARANTINE) if row.get("run_id") == faults.mixed.name}
    assert kept == set(report["reasons"]) == {"score_not_finite", "score_out_of_range", "score_not_a_number"}


def test_a_good_champion_scores_what_failed(faults: Faults, deployed: Deployed) -> None:
    assert faults.corrected["offered"] == faults.corrected["delivered"] == mailed(deployed.raw, NAN[0])


def test_a_function_answers_as_a_transform_job_does_and_both_say_why_they_were_chosen(
    faults: Faults, deployed: Deployed
) -> None:
    def answers(run: dict[str, Any]) -> bytes:
        return deployed.target.store.read(f"scoring/{LINE}/{run['run_id']}/output/batch.csv.out")

    assert answers(faults.corrected) == answers(faults.by_job) != b""
    assert (faults.corrected["scored_by"], faults.by_job["scored_by"]) == ("function", "transform")
    assert "a function scores at most 4 MiB" in faults.corrected["scored_by_because"]
    assert faults.by_job["scored_by_because"] == "the request asks for a transform job"
    record = deployed.target.run(LINE, faults.training.name).read_json("run.json")
    assert [record[fit]["scored_by"]["by"] for fit in ("judged", "delivered")] == ["transform"] * 2


def test_what_arrives_is_of_the_published_schema(faults: Faults, deployed: Deployed) -> None:
    target = deployed.target
    sqs, queue = target.client("sqs"), target.queue_url(target.parameters.subscriber_queue(LINE, "campaign_desk"))
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "prediction.v1.json").read_text(encoding="utf-8"))
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]

    for message in messages:
        body = json.loads(message["Body"])
        Draft202012Validator(schema).validate(body)
        assert message["MessageAttributes"]["action"]["StringValue"] == body["action"]


@pytest.fixture
def impatient_queue(deployed: Deployed) -> Iterator[str]:
    """The feedback queue, which offers a refused message again after a second instead of after minutes."""
    target = deployed.target
    sqs, url = target.client("sqs"), target.queue_url(target.named(Parameter.FEEDBACK_QUEUE))
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    yield url
    sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)


def test_feedback_that_cannot_be_read_ends_in_the_dead_letter_queue(deployed: Deployed, impatient_queue: str) -> None:
    target = deployed.target
    sqs, dead = target.client("sqs"), target.queue_url(target.named(Parameter.FEEDBACK_DEAD_LETTERS))
    good = {
        "schema": "assembly-line/feedback",
        "version": 1,
        "kind": "override",
        "event_id": "beside-bad-ones",
        "line": LINE,
        "decision_id": f"d1-20170904-{7:032x}",
        "sequence": 1,
        "at": "2017-09-04T12:00:00Z",
        "action": "leave",
        "reason": "closed that week",
    }
    bad = {
        "{not json",
        '{"score": NaN}',
        json.dumps({**good, "line": "nobody"}),
        json.dumps({**good, "kind": "rumour"}),
    }
    for body in (*bad, json.dumps(good)):
        sqs.send_message(QueueUrl=impatient_queue, MessageBody=body)
    found: set[str] = set()

    def all_there() -> bool:
        answer = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
        found.update(message["Body"] for message in answer.get("Messages", []))
        return bad <= found

    eventually(all_there)
    assert found == bad
    assert "beside-bad-ones" in {row["event_id"] for row in deployed.ledger(LedgerKind.FEEDBACK)}
