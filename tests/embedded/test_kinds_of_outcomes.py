"""Each kind of outcome, from raw tables to a delivered message and its judgement, in the embedded AWS.

The lines are those that `line new` writes.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from assembly_line.cli.application import run
from assembly_line.cli.exits import ExitCode
from assembly_line.embedded.supervisor import running
from assembly_line.names import LedgerKind, Parameter
from tests.embedded.deployed_line import Deployed
from tests.embedded.line_slice import REPOSITORY
from tests.lines_of_kinds import KINDS, write_tables
from tests.waiting import eventually

SCHEMA = Draft202012Validator(json.loads((REPOSITORY / "docs" / "schemas" / "prediction.v2.json").read_text()))
LEARNT, SCORED, LATER = "2026-05-25", "2026-05-26", "2026-06-29"


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
def spending(deployed: Deployed) -> Done:
    return all_the_way(deployed, "spending", "shop_desk")


@pytest.fixture(scope="module")
def triage(deployed: Deployed) -> Done:
    """Scored at the end of the day, when some tickets are closed already."""
    return all_the_way(deployed, "triage", "support_desk", at="2026-05-27")


@pytest.fixture(scope="module")
def mails(deployed: Deployed) -> Done:
    return all_the_way(deployed, "mails", "mail_desk")


@pytest.fixture(scope="module")
def demand(deployed: Deployed) -> Done:
    return all_the_way(deployed, "demand", "stock_desk")


@pytest.fixture(scope="module")
def orders(deployed: Deployed) -> Done:
    return all_the_way(deployed, "orders", "shop_desk")


def all_the_way(deployed: Deployed, line: str, subscriber: str, *, at: str = SCORED) -> Done:
    command, shown = deployed.line, {}
    tables = write_tables(deployed.lines / line, deployed.folder / f"of-{line}")
    assert command("sources", "load", line, "--from", str(tables)).code == ExitCode.OK
    trained = command("train", line, "--as-of", LEARNT, "--as", "scientist").document
    run_id = trained["run_id"]
    shown["review"] = as_a_person(deployed, "review", "show", line, run_id, "--as", "reviewer")
    judged = command("review", "approve", line, run_id, "--reason", "beats the constant", "--as", "reviewer")
    assert judged.code == ExitCode.OK, judged.err
    scored = command("score", line, "--date", SCORED, "--at", at).document
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


@pytest.mark.parametrize("line", KINDS)
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
        assert (body["kind"], body["lowest"], body["highest"], body["detail"]) == ("amount", -1000, 10000, None)
    invited = [body["score"] for body in spending.bodies if body["action"] == "invite"]
    assert len(invited) == len(spending.bodies) // 10
    # One in twenty is drawn by lot.
    assert sum(score >= sorted(invited)[1] for score in invited) >= 0.8 * len(invited)


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
    routed = [body["decision_id"] for body in triage.bodies if body["action"] == "page"]
    assert sorted(routed) == sorted(body["decision_id"] for body in ranked[: len(ranked) // 5])


def test_classes_are_judged_by_the_team_that_closed_the_ticket(triage: Done, deployed: Deployed) -> None:
    found = triage.performance

    outcomes = outcomes_of(deployed, "triage")
    assert set(outcomes.values()) == {"billing", "network", "sales"}
    assert 0 < found["rows"] == found["in_force"] < len(triage.bodies)
    assert found["log_loss"] < found["prior_log_loss"]


def test_an_order_is_judged_by_its_measures_and_beats_chance_and_the_rule(mails: Done) -> None:
    metrics = mails.packet["metrics"]

    assert metrics["kind"] == "ranking"
    assert metrics["ndcg_interval"][0] > metrics["baseline_ndcg"] > metrics["prior_ndcg"]
    assert metrics["ndcg_at_capacity_interval"][0] > metrics["prior_ndcg_at_capacity"]


def test_the_policy_acts_within_each_group_on_the_first_ones(mails: Done) -> None:
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for body in mails.bodies:
        groups[body["keys"]["customer_id"]].append(body)

    assert {len(bodies) for bodies in groups.values()} == {8}
    for bodies in groups.values():
        assert all(body["detail"]["within"] == ["customer_id"] and body["detail"]["of"] == 8 for body in bodies)
        bodies.sort(key=lambda body: body["detail"]["rank"])
        assert [body["score"] for body in bodies] == sorted((body["score"] for body in bodies), reverse=True)
        assert [body["action"] for body in bodies].count("show") == 2
        assert {body["detail"]["rank"] for body in bodies if body["action"] == "show"} <= {1, 2}


def test_an_order_is_judged_by_what_was_bought(mails: Done) -> None:
    found = mails.performance

    assert found["rows"] == found["in_force"] == len(mails.bodies)
    assert found["ndcg"] > found["prior_ndcg"]


def test_a_forecast_is_judged_by_its_measures_and_beats_the_median(demand: Done) -> None:
    metrics = demand.packet["metrics"]

    assert metrics["kind"] == "forecasting"
    assert 0 < metrics["mase_interval"][1] < metrics["prior_mase"]
    assert metrics["mae_interval"][1] < metrics["prior_mae"]


def test_the_score_of_a_forecast_is_the_number_of_the_step_that_is_cut(demand: Done) -> None:
    for body in demand.bodies:
        detail = body["detail"]
        assert (body["kind"], detail["score_of"], detail["step_seconds"]) == ("forecasting", "1", 86_400)
        assert list(detail["steps"]) == list("1234567")
        assert body["score"] == detail["steps"]["1"]


def test_every_step_of_a_forecast_is_judged_by_what_was_sold_on_its_day(demand: Done, deployed: Deployed) -> None:
    rows = {row["decision_id"]: row for row in deployed.target.ledger.read("demand", LedgerKind.OUTCOMES)}
    predicted = list(deployed.target.ledger.read("demand", LedgerKind.PREDICTIONS))

    errors, scaled = [], []
    for row in predicted:
        sold = [rows[row["decision_id"]]["value"], *rows[row["decision_id"]]["later"]]
        said = row["detail"]["steps"].values()
        errors.append(sum(abs(one - other) for one, other in zip(said, sold, strict=True)) / 7)
        scaled.append(errors[-1] / row["scale"])
    assert len(errors) == len(demand.bodies) == demand.performance["rows"] == 30
    assert demand.performance["mae"] == pytest.approx(sum(errors) / 30)
    assert demand.performance["mase"] == pytest.approx(sum(scaled) / 30)


def test_a_time_to_an_event_is_judged_by_its_measures_and_beats_the_curve_of_all(orders: Done) -> None:
    metrics = orders.packet["metrics"]

    assert metrics["kind"] == "survival"
    assert 0 < metrics["events"] < metrics["rows"]
    assert metrics["concordance_interval"][0] > metrics["baseline_concordance"]
    assert metrics["integrated_brier_interval"][1] < metrics["prior_integrated_brier"]


def test_the_score_is_the_probability_of_the_event_within_the_horizon(orders: Done) -> None:
    for body in orders.bodies:
        curve = list(body["detail"]["survival"].values())
        assert (body["kind"], body["detail"]["score_of"], body["lowest"], body["highest"]) == ("survival", "28", 0, 1)
        assert list(body["detail"]["survival"]) == ["7", "14", "21", "28"]
        assert curve == sorted(curve, reverse=True)
        assert body["score"] == pytest.approx(1 - curve[-1])


def test_times_to_an_event_are_judged_once_their_horizon_has_passed(orders: Done, deployed: Deployed) -> None:
    rows = list(deployed.target.ledger.read("orders", LedgerKind.OUTCOMES))

    assert {row["value"] for row in rows} == {0, 1}
    assert {row["days"] for row in rows if row["value"] == 0} == {28}
    assert all(0 < row["days"] <= 28 for row in rows)
    assert orders.performance["rows"] == orders.performance["in_force"] == len(rows) == len(orders.bodies)
    assert orders.performance["integrated_brier"] < orders.performance["prior_integrated_brier"]


def test_a_person_reads_the_measures_of_the_kind(
    spending: Done, triage: Done, mails: Done, demand: Done, orders: Done
) -> None:
    assert "of the training mean for everyone" in spending.shown["review"]
    assert "Gini correlation" in spending.shown["performance"]
    assert "RMSE" in spending.shown["champion"]
    assert "macro AUC" in triage.shown["review"]
    assert "log loss" in triage.shown["performance"]
    assert re.search(r"rule by product_bought_60d\s+NDCG [\d.]+, NDCG at capacity [\d.]+", mails.shown["review"])
    assert "MASE" in demand.shown["champion"]
    assert "of the training curve for everyone" in orders.shown["review"]
