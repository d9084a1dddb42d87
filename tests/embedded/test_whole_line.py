"""The whole line in one embedded AWS, on a small slice of the public data: what works, and what must fail in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.embedded.runtime import ACCOUNT
from assembly_line.embedded.supervisor import running
from assembly_line.ledger import joined
from assembly_line.line_metrics import NAMESPACE, dimensions, metrics_of_a_line
from assembly_line.names import LedgerKind, Parameter
from assembly_line.stations import DATASET
from demo.overrides import simulated_overrides
from tests.embedded.deployed_line import LINE, TRAIN, Deployed
from tests.embedded.line_command import Answer
from tests.embedded.line_slice import REPOSITORY, mailed, variant
from tests.waiting import eventually

SCORE = ("score", LINE, "--date", "2017-08-08", "--at", "2017-08-08")
CAMPAIGN = 13


@pytest.fixture(scope="module")
def refused(deployed: Deployed) -> Iterator[dict[str, Answer]]:
    """Everything that must fail while there is no champion yet; afterwards the shipped line is released again."""
    found = {"score": deployed.line(*SCORE)}
    failing = {
        "script": {
            "script": "train.py",
            "old": "table = np.",
            "new": "raise ValueError(\"bad column 'age'\")\n    table = np.",
        },
        "nan": {"script": "inference.py", "old": "{score:.9g}", "new": "nan"},
        "few": {"script": "inference.py", "old": "for score in scores", "new": "for score in scores[1:]"},
    }
    for name, change in failing.items():
        deployed.release(variant(deployed.folder / name, **change))
        found[name] = deployed.line(*TRAIN)
    found["killed"] = _kill_a_job(deployed)
    found["delivered"] = Answer(0, str(len(deployed.predictions())), "")
    deployed.release(REPOSITORY / "lines")
    yield found


def _kill_a_job(deployed: Deployed) -> Answer:
    sleeping = {"script": "train.py", "old": "table = np.", "new": "import time; time.sleep(300)\n    table = np."}
    deployed.release(variant(deployed.folder / "sleeping", **sleeping))
    run = deployed.line(*TRAIN, "--no-wait").document
    ended = deployed.kill_the_job(run["execution_arn"], "-m\0train")
    return Answer(int(ended.status != "SUCCEEDED"), "", ended.reason)


@dataclass(frozen=True)
class Story:
    """What each command of the good run answered."""

    dataset: dict[str, Any]
    review: dict[str, Any]
    by_author: Answer
    stopped: dict[str, Any]
    decided: dict[str, Any]
    scored: dict[str, Any]
    consumed: dict[str, int]
    consumed_again: dict[str, int]
    overridden: int
    outcomes: dict[str, Any]
    outcomes_again: dict[str, Any]
    performance: dict[str, Any]


@pytest.fixture(scope="module")
def story(deployed: Deployed, refused: dict[str, Answer]) -> Story:
    line = deployed.line
    dataset = line("dataset", "build", LINE, "--as-of", "2017-07-01").document
    review = line(*TRAIN).document
    judge = ("review", "approve", LINE, review["run_id"], "--reason", "better than the prior rate")
    by_author = line(*judge, "--as", "scientist")
    stopped = line("down").document
    assert line("up").code == ExitCode.OK
    decided = line(*judge, "--as", "reviewer").document
    scored = line(*SCORE).document
    consumed, consumed_again = _consume(deployed), _consume(deployed)
    overrides = deployed.folder / "overrides.json"
    events = simulated_overrides(deployed.predictions(), ("remind", "leave"))
    stranger = {**events[0], "event_id": "stranger", "decision_id": f"d1-20170808-{0:032x}"}
    overrides.write_text(json.dumps([*events, stranger]), encoding="utf-8")
    accepted = line("feedback", "send", str(overrides), "--as", "decider").document["accepted"]
    assert len(accepted) == len(events) + 1
    outcomes, outcomes_again = (line("outcomes", LINE, "--as-of", "2018-01-02").document for _ in range(2))

    def judged() -> dict[str, Any] | None:
        found: dict[str, Any] = line("performance", LINE, "--by", "campaign_id").document
        arrived = found["history"]["parked"] == 1 and found["history"]["receipts"] == scored["delivered"]
        return found if arrived else None

    performance = eventually(judged)
    return Story(
        dataset=dataset,
        review=review,
        by_author=by_author,
        stopped=stopped,
        decided=decided,
        scored=scored,
        consumed=consumed,
        consumed_again=consumed_again,
        overridden=len(events),
        outcomes=outcomes,
        outcomes_again=outcomes_again,
        performance=performance,
    )


def _consume(deployed: Deployed) -> dict[str, int]:
    """Run the sample application until its queue is empty; its counts."""
    target, parameters = deployed.target, deployed.target.parameters
    program = REPOSITORY / "examples" / "consumer" / "consume.py"
    command = [
        *(sys.executable, str(program), "--until-empty", "--now", "2017-08-08T22:00:00Z"),
        *("--queue-url", target.queue_url(parameters.subscriber_queue(LINE, "campaign_desk"))),
        *("--feedback-queue-url", target.queue_url(parameters.value(Parameter.FEEDBACK_QUEUE))),
        *("--database", str(deployed.folder / "desk.sqlite")),
    ]
    environment = running(deployed.line.state).client_environment()
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    counts: dict[str, int] = json.loads(answer.stdout.splitlines()[-1])
    return counts


def test_scoring_without_a_champion_says_how_to_get_one(refused: dict[str, Answer]) -> None:
    assert refused["score"].code == ExitCode.REFUSED
    assert "no champion yet; run `line train coupon_redemption`" in refused["score"].err


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("script", "ValueError: bad column"),
        ("nan", "is not finite, expected [0, 1]"),
        ("few", "one answer for each"),
        ("killed", "SIGKILL"),
    ],
)
def test_a_training_that_fails_says_why(refused: dict[str, Answer], case: str, reason: str) -> None:
    assert refused[case].code == ExitCode.RUN_FAILED
    assert reason in refused[case].err


def test_nothing_of_a_failed_training_is_left_to_decide_with(deployed: Deployed, refused: dict[str, Answer]) -> None:
    reviews = deployed.line("review", "list", LINE).document

    assert [one for one in reviews if one["state"] == "waiting"] == []
    assert refused["delivered"].out == "0"


def test_the_dataset_holds_mature_decisions_and_training_reuses_it(story: Story) -> None:
    assert story.dataset["spine_rows"] > story.dataset["rows"] > 100
    assert len(story.dataset["features"]) == 19
    assert story.review["packet"]["dataset_id"] == story.dataset["dataset_id"]


def test_another_than_the_author_makes_the_champion(story: Story) -> None:
    assert story.by_author.code == ExitCode.REFUSED
    assert "is the author" in story.by_author.err
    assert story.decided["author"].endswith("/scientist")
    assert story.decided["reviewer"].endswith("/reviewer")


def test_every_offered_decision_is_delivered_and_applied_once(story: Story, deployed: Deployed) -> None:
    expected = mailed(deployed.raw, CAMPAIGN)

    assert story.scored["offered"] == story.scored["delivered"] == expected
    assert (story.scored["quarantined"], story.scored["dead_lettered"]) == (0, 0)
    assert (story.scored["backfill"], story.scored["instant"]) == ([], "2017-08-08T04:00:00.000000Z")
    assert (story.consumed["received"], story.consumed["applied"]) == (expected, expected)
    assert story.consumed_again["received"] == 0


def test_feedback_and_outcomes_join_what_was_delivered(story: Story) -> None:
    history = story.performance["history"]

    assert history["overrides"] == story.overridden
    assert history["parked"] == 1
    assert history["outcomes"] == story.outcomes["derived"] == story.scored["delivered"]
    assert story.outcomes_again["derived"] == 0


def test_feedback_by_the_api_is_its_callers_and_feedback_by_the_queue_its_senders(
    story: Story, deployed: Deployed
) -> None:
    said = deployed.ledger(LedgerKind.FEEDBACK)

    by_people = [row for row in said if row["kind"] == "override"]
    assert len(by_people) == story.overridden + 1
    assert {row["principal"].rpartition("/")[2] for row in by_people} == {"decider"}
    assert {row["sender"].partition(":")[0][:4] for row in by_people} == {"AROA"}
    # The sample application runs under the keys of the account.
    assert {row["principal"] for row in said if row["kind"] == "receipt"} == {ACCOUNT}


def test_the_same_day_is_not_delivered_again_by_itself(story: Story, deployed: Deployed) -> None:
    again = deployed.line(*SCORE)

    assert again.code == ExitCode.REFUSED
    assert f"delivered before, by run {story.scored['run_id']}" in again.err


def test_performance_judges_mature_decisions_beside_the_prior_and_the_rule(story: Story) -> None:
    by_campaign, pooled = story.performance["performance"]

    assert (by_campaign["group"], pooled["group"]) == (CAMPAIGN, None)
    assert pooled["rows"] == pooled["in_force"] == story.scored["delivered"]
    assert 0 < pooled["auc"] < 1
    assert pooled["auc_interval"][0] <= pooled["auc"] <= pooled["auc_interval"][1]
    assert pooled["prior_log_loss"] > 0


def test_the_board_counts_failures_as_rework_and_ends_every_item(story: Story, deployed: Deployed) -> None:
    def settled() -> dict[str, Any] | None:
        (board,) = [one for one in deployed.line("board").document if one["line"] == LINE]
        return None if board["open_items"] else board

    board = eventually(settled)
    kinds = {kind["began_in"]: kind for kind in board["kinds"]}

    assert {station["station"] for station in board["stations"]} == {"features", "training", "delivery", "feedback"}
    assert (kinds["training"]["failed"], kinds["training"]["finished"]) == (4, 1)
    assert board["rework_tax"] > 0
    assert 0 < board["first_pass_yield"] < 1


def test_logs_tell_what_a_failed_run_and_its_job_said(refused: dict[str, Answer], deployed: Deployed) -> None:
    run = next(
        word.strip("`.") for word in refused["script"].err.split() if word.startswith("coupon-redemption-20170701-")
    )

    told = deployed.line("logs", run).document
    # Whichever of the two fits was the first to fail; the other was stopped.
    (job,) = [name for name in told["jobs"] if name in told["reason"]]

    assert told["status"] == "FAILED"
    assert "ValueError: bad column" in told["reason"]
    failed = {state["name"] for state in told["states"] if "bad column" in (state["problem"] or "")}
    assert failed & {"Train", "TrainFinal"}
    assert any("ValueError: bad column" in text for text in deployed.line("logs", job).document["log"])
    assert "training.begin" in deployed.line("logs").document["functions"]
    assert deployed.line("logs", "training.begin").document["log"]
    assert deployed.line("logs", f"{run}-nobody").code == ExitCode.REFUSED


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"line": "nonsense", "purpose": "training", "as_of": "2017-07-01"}, "nonsense"),
        ({"line": LINE, "purpose": "training", "as_of": "soon"}, "as_of"),
        ({"line": LINE, "purpose": "training", "as_of": "2017-07-01", "features": ["shoe_size"]}, "shoe_size"),
        ({"line": LINE, "purpose": "training", "as_of": "2017-07-01", "colour": "red"}, "colour"),
    ],
)
def test_an_execution_started_by_hand_with_a_wrong_input_fails_and_names_it(
    deployed: Deployed, request_: dict[str, Any], reason: str
) -> None:
    target = deployed.target
    name = f"by-hand-{reason.replace('_', '-')}"
    arn = target.machines.start(target.named(DATASET.parameter), name, request_)

    ended = deployed.end(arn)

    assert ended.status == "FAILED"
    assert reason in ended.reason


def test_a_source_that_cannot_be_read_leaves_the_old_one(deployed: Deployed) -> None:
    broken = deployed.folder / "broken"
    broken.mkdir()
    before = deployed.target.lake_objects.read_json("snapshots/campaign_descriptions.json")
    missing = deployed.line("sources", "load", LINE, "--from", str(broken))
    (broken / "campaign_descriptions.parquet").write_bytes(b"")
    empty = deployed.line("sources", "load", LINE, "--from", str(broken))
    (broken / "campaign_descriptions.parquet").write_text("campaign_id\n1\n")
    text = deployed.line("sources", "load", LINE, "--from", str(broken))

    for answer in (missing, empty, text):
        assert answer.code == ExitCode.REFUSED
        assert "campaign_descriptions.parquet" in answer.err
    assert deployed.target.lake_objects.read_json("snapshots/campaign_descriptions.json") == before


def test_a_run_waits_for_its_review_while_the_embedded_aws_is_stopped(story: Story, deployed: Deployed) -> None:
    assert (story.stopped["clean"], story.stopped["interrupted"]) == (True, 0)
    assert story.decided["decision"] == "approve"
    runs = deployed.line("logs", story.review["run_id"]).document
    assert runs["status"] == "SUCCEEDED"


def test_everything_is_there_again_after_down_and_up(story: Story, deployed: Deployed) -> None:
    assert deployed.line("down").document["clean"]
    assert deployed.line("board").code == ExitCode.UNREACHABLE
    assert deployed.line("up").code == ExitCode.OK

    assert deployed.line("performance", LINE, "--by", "campaign_id").document == story.performance
    (line,) = [one for one in deployed.line("status").document["lines"] if one["line"] == LINE]
    assert line["champion"] == story.review["run_id"]


@pytest.mark.usefixtures("story")
def test_the_ledger_becomes_tables_that_answer_in_athena_as_the_command_does(deployed: Deployed) -> None:
    before, compacted, after, shown = (
        json.loads(deployed.line(*words, LINE).out)
        for words in (("performance",), ("ledger", "compact"), ("performance",), ("ledger", "show"))
    )

    assert compacted["files"] > 0
    assert after == before
    tables = {one["table"]: one for one in shown["tables"]}
    assert {one["tail_files"] for one in tables.values()} == {0}
    assert tables["decisions"]["rows"] == before["history"]["decisions"]

    queries = deployed.target.queries
    wanted = ("decision_id", "action", "in_force", "overridden", "outcome", "flags")
    kept = queries.select(
        f"SELECT {', '.join(wanted)} FROM {tables['decisions']['catalog']} ORDER BY decision_id", rows=1000
    )
    # The very text that made the table, over the tables of the catalog.
    given = {name: tables[name]["catalog"] for name in ("predictions", "deliveries", "feedback", "outcomes")}
    nobody = "(SELECT CAST(NULL AS VARCHAR) AS name WHERE FALSE)"
    joined_there = queries.select(
        f"SELECT {', '.join(wanted)} FROM ({joined({**given, 'ambiguous': nobody})}) ORDER BY decision_id", rows=1000
    )
    assert kept.rows == joined_there.rows
    assert kept.complete
    # The views for BI tools, of which one reads the other.
    table = tables["decisions"]["catalog"]
    counted = queries.select(f"SELECT count(*), count(CASE WHEN overridden THEN 1 END) FROM {table}", rows=1)
    by_day = queries.select(
        f"SELECT sum(decisions), sum(overridden) FROM {table.removesuffix('decisions')}report_by_day", rows=1
    )
    assert [[float(each or "nan") for each in row] for row in by_day.rows] == [
        [float(each or "nan") for each in row] for row in counted.rows
    ]


def test_pages_for_people_say_what_the_commands_and_cloudwatch_say(story: Story, deployed: Deployed) -> None:
    pages = {name: deployed.folder / f"{name}.html" for name in ("report", "dashboard")}
    told = {name: deployed.line(name, LINE, "--to", str(page)).document for name, page in pages.items()}
    deployed.line("ledger", "compact", LINE)

    for name, page in pages.items():
        assert told[name]["decisions"] == told[name]["outcomes"] == story.scored["delivered"]
        assert f"Which mailed households redeem a coupon of the campaign: {name}" in page.read_text(encoding="utf-8")
    assert told["report"]["overridden"] == story.overridden
    assert told["report"]["missing_datasets"] == []

    cloudwatch = deployed.target.client("cloudwatch")
    named = dimensions(deployed.target.environment, LINE)["line"]
    found = {
        (metric["MetricName"], by.get("action"))
        for metric in cloudwatch.list_metrics(Namespace=NAMESPACE)["Metrics"]
        if (by := {one["Name"]: one["Value"] for one in metric["Dimensions"]})["line"] == named
    }
    assert found == {(metric.name, action) for metric, action in metrics_of_a_line(("remind", "leave"), due=False)}
