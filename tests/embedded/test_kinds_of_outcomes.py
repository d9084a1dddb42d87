"""An amount and one of three classes, from raw tables to a delivered message and its judgement, in the embedded AWS."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from assembly_line.cli.application import run
from assembly_line.cli.exits import ExitCode
from assembly_line.embedded.supervisor import running
from assembly_line.names import LedgerKind, Parameter
from tests.embedded.deployed_line import Deployed
from tests.embedded.line_slice import REPOSITORY
from tests.embedded.lines_of_kinds import write_tables_of_kinds
from tests.waiting import eventually

SCHEMA = Draft202012Validator(json.loads((REPOSITORY / "docs" / "schemas" / "prediction.v2.json").read_text()))
LEARNT, LATER = "2026-05-04", "2026-05-25"


@dataclass(frozen=True)
class Done:
    """A line that went all the way: its review, the scoring run, and what came of it."""

    packet: dict[str, Any]
    scored: dict[str, Any]
    messages: list[dict[str, Any]]
    consumed: dict[str, int]
    performance: dict[str, Any]
    shown: dict[str, str]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(message["Body"]) for message in self.messages]


@pytest.fixture(scope="module")
def tables(deployed: Deployed) -> Path:
    return write_tables_of_kinds(deployed.folder / "of-kinds")


@pytest.fixture(scope="module")
def spending(deployed: Deployed, tables: Path) -> Done:
    """Scored on a Monday, at that Monday's begin."""
    return all_the_way(deployed, tables, "spending", "callers", day="2026-05-11", at="2026-05-11")


@pytest.fixture(scope="module")
def triage(deployed: Deployed, tables: Path) -> Done:
    """Scored at the end of the day, when some tickets are closed already."""
    return all_the_way(deployed, tables, "triage", "desk", day="2026-05-11", at="2026-05-12")


def all_the_way(deployed: Deployed, tables: Path, line: str, subscriber: str, *, day: str, at: str) -> Done:
    command, shown = deployed.line, {}
    assert command("sources", "load", line, "--from", str(tables)).code == ExitCode.OK
    trained = command("train", line, "--as-of", LEARNT, "--as", "scientist").document
    run_id = trained["run_id"]
    shown["review"] = as_a_person(deployed, "review", "show", line, run_id, "--as", "reviewer")
    judged = command("review", "approve", line, run_id, "--reason", "beats the constant", "--as", "reviewer")
    assert judged.code == ExitCode.OK, judged.err
    scored = command("score", line, "--date", day, "--at", at).document
    queue = deployed.target.queue_url(deployed.target.parameters.subscriber_queue(line, subscriber))
    messages = waiting(deployed, queue, scored["delivered"])
    consumed = consume(deployed, queue, now=f"{at}T00:00:01Z")
    assert command("outcomes", line, "--as-of", LATER).code == ExitCode.OK
    performance = command("performance", line).document["performance"][-1]
    for words in (("performance", line), ("champion", "show", line)):
        shown[words[0]] = as_a_person(deployed, *words)
    return Done(trained["packet"], scored, messages, consumed, performance, shown)


def as_a_person(deployed: Deployed, *arguments: str) -> str:
    """What the command draws, in place of JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        run(["--state", str(deployed.line.state), *arguments])
    return out.getvalue()


def waiting(deployed: Deployed, queue: str, count: int) -> list[dict[str, Any]]:
    """The messages in a queue, with their attributes; they stay in it."""
    sqs = deployed.target.client("sqs")
    found: dict[str, dict[str, Any]] = {}

    def all_of_them() -> bool:
        answer = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60, MessageAttributeNames=["All"]
        )
        found.update({one["MessageId"]: cast("dict[str, Any]", one) for one in answer.get("Messages", [])})
        return len(found) == count

    eventually(all_of_them)
    for one in found.values():
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0)
    return list(found.values())


def consume(deployed: Deployed, queue: str, *, now: str) -> dict[str, int]:
    target = deployed.target
    command = [
        *(sys.executable, str(REPOSITORY / "examples" / "consumer" / "consume.py"), "--until-empty", "--now", now),
        *("--queue-url", queue, "--database", str(deployed.folder / f"{now}.sqlite")),
        *("--feedback-queue-url", target.queue_url(target.parameters.value(Parameter.FEEDBACK_QUEUE))),
    ]
    environment = running(deployed.line.state).client_environment()
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    counts: dict[str, int] = json.loads(answer.stdout.splitlines()[-1])
    return counts


def outcomes_of(deployed: Deployed, line: str) -> dict[str, Any]:
    return {row["decision_id"]: row["value"] for row in deployed.target.ledger.read(line, LedgerKind.OUTCOMES)}


@pytest.mark.parametrize("line", ["spending", "triage"])
def test_every_prediction_arrives_once_as_version_2_says(line: str, request: pytest.FixtureRequest) -> None:
    done: Done = request.getfixturevalue(line)

    assert done.scored["offered"] == done.scored["delivered"] == len(done.messages) >= 10
    assert {(*done.consumed.values(),)} == {(len(done.messages), len(done.messages), 0, 0, 0, 0, len(done.messages))}
    assert [list(SCHEMA.iter_errors(body)) for body in done.bodies] == [[]] * len(done.bodies)
    for message in done.messages:
        attributes = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
        assert (attributes["schema"], attributes["version"]) == ("assembly-line/prediction", "2")


def test_an_amount_is_judged_by_its_measures_and_beats_the_mean(spending: Done) -> None:
    metrics = spending.packet["metrics"]

    assert metrics["kind"] == "amount"
    assert not [note for note in spending.packet["notes"] if "no better" in note]
    assert metrics["rmse_interval"][0] < metrics["rmse"] < metrics["rmse_interval"][1]
    assert metrics["rmse_interval"][1] < metrics["prior_rmse"]
    assert metrics["mae"] < metrics["prior_mae"]
    assert 0.5 < metrics["gini"] <= 1


def test_the_policy_cuts_the_expected_amount(spending: Done) -> None:
    for body in spending.bodies:
        assert (body["kind"], body["lowest"], body["highest"], body["detail"]) == ("amount", -100, 5000, None)
        assert body["action"] == ("call" if body["score"] >= 100 else "leave")
    assert {body["action"] for body in spending.bodies} == {"call", "leave"}


def test_amounts_are_judged_by_what_was_spent(spending: Done, deployed: Deployed) -> None:
    found = spending.performance

    outcomes = outcomes_of(deployed, "spending")
    errors = [(body["score"] - outcomes[body["decision_id"]]) ** 2 for body in spending.bodies]
    assert found["in_force"] == found["rows"] == len(errors)
    assert found["rmse"] == pytest.approx((sum(errors) / len(errors)) ** 0.5)
    assert found["rmse"] < found["prior_rmse"]


def test_a_class_is_judged_by_its_measures_and_beats_the_rates(triage: Done) -> None:
    metrics = triage.packet["metrics"]

    assert metrics["kind"] == "multiclass"
    assert not [note for note in triage.packet["notes"] if "no better" in note]
    assert metrics["macro_auc_interval"][0] > 0.8
    assert metrics["log_loss_interval"][1] < metrics["prior_log_loss"]


def test_the_policy_cuts_the_probability_of_the_class_that_it_names(triage: Done) -> None:
    for body in triage.bodies:
        detail = body["detail"]
        assert (body["kind"], detail["score_of"], body["lowest"], body["highest"]) == ("multiclass", "network", 0, 1)
        assert body["score"] == detail["probabilities"]["network"]
        assert sum(detail["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    ranked = sorted(triage.bodies, key=lambda body: -body["score"])
    routed = [body["decision_id"] for body in triage.bodies if body["action"] == "route"]
    assert sorted(routed) == sorted(body["decision_id"] for body in ranked[: len(ranked) // 2])


def test_classes_are_judged_by_the_team_that_closed_the_ticket(triage: Done, deployed: Deployed) -> None:
    found = triage.performance

    outcomes = outcomes_of(deployed, "triage")
    assert set(outcomes.values()) == {"billing", "network", "other"}
    assert 0 < found["rows"] == found["in_force"] < len(triage.bodies)
    assert found["log_loss"] < found["prior_log_loss"]


def test_a_person_reads_the_measures_of_the_kind(spending: Done, triage: Done) -> None:
    assert "of the training mean for everyone" in spending.shown["review"]
    assert "Gini correlation" in spending.shown["performance"]
    assert "RMSE" in spending.shown["champion"]
    assert "macro AUC" in triage.shown["review"]
    assert "log loss" in triage.shown["performance"]
