"""The scoring steps in a simulated AWS: what goes out is what was checked, and every decision is accounted for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assembly_line.errors import NotFound, RequestRefused, ScoringFailed
from assembly_line.instants import format_instant
from assembly_line.line_metrics import BY_SCORING
from assembly_line.messages import Prediction
from assembly_line.names import LedgerKind, job_name, run_item, scoring_prefix
from assembly_line.release import Release
from assembly_line.storage.models.releases import ReleaseStore
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import DAY, LINE, Context, Household, Scoring, answers
from tests.emitted import emitted


def households(count: int) -> list[Household]:
    return [Household(number, spend=float(number)) for number in range(1, count + 1)]


def report(scoring: Scoring) -> dict[str, Any]:
    found: dict[str, Any] = scoring.store.read_json(f"{scoring_prefix(LINE, scoring.run_id)}report.json")
    return found


def everything_sent(scoring: Scoring) -> dict[str, bytes]:
    """Every file of the outbox."""
    prefix = f"{scoring_prefix(LINE, scoring.run_id)}outbox/"
    return {stored.key: scoring.store.read(stored.key) for stored in scoring.store.list(prefix)}


def test_begin_settles_release_champion_and_period(scoring: Scoring, champion: dict[str, Any]) -> None:
    context = scoring.begin(at="2017-08-15")

    assert context["release"] == champion["release"]
    assert context["champion"]["run_id"] == champion["run_id"]
    assert context["as_of"] == "2017-08-15T00:00:00.000000Z"
    assert context["principal"] == "unverified"
    assert context["dataset_request"] == {
        "line": LINE,
        "purpose": "scoring",
        "as_of": "2017-08-15T00:00:00.000000Z",
        "from": "2017-08-08T00:00:00.000000Z",
        "to": "2017-08-15T00:00:00.000000Z",
        "features": champion["features"],
        "engine": "auto",
        "release": champion["release"],
    }


def test_begin_knows_who_asked_only_where_the_api_recorded_it(scoring: Scoring) -> None:
    scoring.control.write(LINE, run_item(scoring.run_id), {"author": "arn:aws:iam::1:user/anna"})
    assert scoring.begin()["principal"] == "arn:aws:iam::1:user/anna"


def test_begin_without_a_champion_says_what_to_do(scoring: Scoring, champion_table: Any) -> None:
    champion_table.delete_item(Key={"line": LINE, "item": "champion#current"})
    with pytest.raises(NotFound, match=r"coupon_redemption.*no champion yet; run `line train coupon_redemption`"):
        scoring.begin()


def test_begin_refuses_a_champion_that_learnt_to_decide_about_other_keys(scoring: Scoring, shipped: Release) -> None:
    """Otherwise the whole run is made, and its last step finds a column missing."""
    decision = replace(shipped.line.decision, entities=shipped.line.decision.entities[::-1])
    released = replace(shipped, line=replace(shipped.line, decision=decision))
    scoring.control.set_current_release(LINE, ReleaseStore(scoring.store).publish(released))
    with pytest.raises(RequestRefused) as refused:
        scoring.begin()
    said = str(refused.value)
    assert f"learnt release {shipped.digest[:12]} with keys household_id (int64), campaign_id (int64)" in said
    assert "declares now, campaign_id (int64), household_id (int64)" in said
    assert "`line train coupon_redemption`, and approve it" in said


def test_begin_refuses_an_unknown_line_and_an_unknown_field(scoring: Scoring) -> None:
    with pytest.raises(NotFound, match=r"'no_such_line' has no release here; released lines: coupon_redemption"):
        scoring.begin(line="no_such_line")
    with pytest.raises(RequestRefused, match="until: unknown field"):
        scoring.begin(until="2017-08-15")


def test_prepare_writes_the_batch_in_the_order_of_the_spine(scoring: Scoring) -> None:
    context = scoring.begin()
    rows = [Household(2, spend=None), Household(1, spend=12.5, redemptions=3, kind="Type B"), Household(3, kind="New")]

    prepared = handler.prepare({"context": context, "dataset": scoring.dataset(rows)}, Context())  # type: ignore[arg-type]

    batch = scoring.store.read(f"{scoring_prefix(LINE, scoring.run_id)}input/batch.csv").decode().splitlines()
    assert batch == [f"{rows[0].decision_id},,0,0", f"{rows[1].decision_id},12.5,3,1", f"{rows[2].decision_id},10.0,0,"]
    assert prepared["rows"] == 3
    assert prepared["model_name"] == "coupon-redemption-model"
    assert prepared["job_name"] == job_name(LINE, scoring.run_id, "score", 1)
    assert prepared["input_uri"].endswith("/input/")
    assert prepared["output_uri"].endswith("/output")


def test_prepare_refuses_a_model_that_was_altered_after_its_approval(scoring: Scoring) -> None:
    context = scoring.begin()
    scoring.store.write("runs/model.tar.gz", b"another archive")
    with pytest.raises(ScoringFailed, match="altered after the review"):
        handler.prepare({"context": context, "dataset": scoring.dataset(households(1))}, Context())  # type: ignore[arg-type]


def test_a_batch_goes_to_the_subscriber_whole_and_each_message_follows_the_schema(scoring: Scoring) -> None:
    rows = households(25)

    published, delivered = scoring.score(rows, list(reversed(answers(rows))))

    assert published["to_deliver"] == 25
    assert (delivered["offered"], delivered["delivered"], delivered["reasons"]) == (25, 25, {})
    received = {message["body"]["decision_id"]: message for message in scoring.received()}
    assert set(received) == {row.decision_id for row in rows}
    for row in rows:
        message = received[row.decision_id]
        prediction = Prediction.model_validate(message["body"])
        assert prediction.score == row.household / 1000
        assert prediction.keys == {"household_id": row.household, "campaign_id": 18}
        assert prediction.decision_time == DAY
        assert prediction.expires_at == DAY + timedelta(days=28)
        assert prediction.revision == 1795341600123456
        attributes = {name: value["StringValue"] for name, value in message["attributes"].items()}
        assert set(attributes) == {"schema", "version", "line", "action", "arm", "model", "score"}
        assert (message["attributes"]["score"]["DataType"], float(attributes["score"])) == ("Number", prediction.score)
        assert attributes["action"] == prediction.action


def test_the_ledger_knows_what_the_message_says_and_what_it_rests_on(
    scoring: Scoring, champion: dict[str, Any]
) -> None:
    rows = [*households(3), Household(4, redemptions=2, at=DAY + timedelta(days=1))]
    scoring.score(rows, answers(rows))

    predictions = list(scoring.ledger.read(LINE, LedgerKind.PREDICTIONS))
    assert [row["decision_id"] for row in predictions] == [row.decision_id for row in rows]
    last = predictions[-1]
    assert last["offset"] == 3
    assert last["baseline"] == 2
    assert last["prior"] == 0.13
    assert (last["release"], last["model_release"], last["dataset_id"]) == (champion["release"],) * 2 + ("abc",)
    assert (last["arm"], last["explored"], last["principal"]) == ("champion", False, "unverified")
    days = list(scoring.ledger.read(LINE, LedgerKind.PREDICTIONS, since_day="20170809"))
    assert [row["decision_id"] for row in days] == [rows[3].decision_id]
    deliveries = list(scoring.ledger.read(LINE, LedgerKind.DELIVERIES))
    assert [(row["decision_id"], row["status"]) for row in deliveries] == [
        (row.decision_id, "delivered") for row in rows
    ]


def test_bad_scores_are_named_in_the_report_and_the_rest_is_delivered(scoring: Scoring) -> None:
    rows = households(6)
    lines = answers(rows)
    lines[1] = f"{rows[1].decision_id},nan"
    lines[4] = f"{rows[4].decision_id},1.5"

    published, delivered = scoring.score(rows, lines)

    assert (published["offered"], published["quarantined"], published["to_deliver"]) == (6, 2, 4)
    assert {name: delivered[name] for name in ("offered", "delivered", "quarantined", "dead_lettered")} == {
        "offered": 6,
        "delivered": 4,
        "quarantined": 2,
        "dead_lettered": 0,
    }
    assert report(scoring)["undelivered"] == [
        {"decision_id": rows[1].decision_id, "reason": "score_not_finite"},
        {"decision_id": rows[4].decision_id, "reason": "score_out_of_range"},
    ]
    kept = list(scoring.ledger.read(LINE, LedgerKind.QUARANTINE))
    assert [(row["decision_id"], row["offset"]) for row in kept] == [(rows[1].decision_id, 1), (rows[4].decision_id, 4)]
    assert {message["body"]["decision_id"] for message in scoring.received()} == {
        rows[place].decision_id for place in (0, 2, 3, 5)
    }


def test_one_decision_twice_in_the_spine_is_sent_once(scoring: Scoring) -> None:
    first, second = households(2)
    rows = [first, second, replace(first)]

    published, delivered = scoring.score(rows, answers(rows))

    assert (published["offered"], published["repeated"]) == (2, 1)
    assert delivered["delivered"] == 2
    assert len(scoring.received()) == 2


def test_too_few_answers_fail_the_run_and_nothing_leaves(scoring: Scoring) -> None:
    rows = households(5)
    scoring.begin()
    dataset = scoring.dataset(rows)
    for some in (answers(rows)[:4], []):
        scoring.answer(some)
        with pytest.raises(ScoringFailed, match="asked about 5 rows"):
            scoring.publish(dataset)
        assert not list(scoring.ledger.read(LINE, LedgerKind.PREDICTIONS))

    scoring.answer(answers(rows))
    assert scoring.deliver(scoring.publish(dataset))["delivered"] == 5


def test_a_job_that_left_no_output_fails_the_run(scoring: Scoring) -> None:
    scoring.begin()
    with pytest.raises(ScoringFailed, match=r"left no s3://store/scoring/.*batch.csv.out"):
        scoring.publish(scoring.dataset(households(1)))


def test_publishing_again_changes_nothing(scoring: Scoring) -> None:
    rows = households(8)
    scoring.begin()
    dataset = scoring.dataset(rows)
    scoring.answer(answers(rows))

    first = scoring.publish(dataset)
    outbox = everything_sent(scoring)

    assert scoring.publish(dataset) == first
    scoring.answer([f"{row.decision_id},0.999" for row in rows])
    scoring.publish(dataset)
    assert everything_sent(scoring) == outbox  # something of it may have left already
    assert len(list(scoring.ledger.read(LINE, LedgerKind.PREDICTIONS))) == 8


def test_scoring_the_same_decisions_again_is_a_higher_revision_of_the_same_ids(scoring: Scoring) -> None:
    rows = households(2)
    scoring.score(rows, answers(rows))
    first = {message["body"]["decision_id"]: message["body"]["revision"] for message in scoring.received()}

    scoring.run_id, scoring.started_at = "coupon-redemption-20170808-bbbb", format_instant(DAY.replace(year=2027))
    scoring.score(rows, answers(rows), again=True)
    second = {message["body"]["decision_id"]: message["body"]["revision"] for message in scoring.received()}

    assert set(first) == set(second)
    assert all(second[key] > first[key] for key in first)


def test_a_batch_emits_what_was_decided_and_what_became_of_it(
    scoring: Scoring, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = households(10)
    answered = answers(rows)
    answered[3] = f"{rows[3].decision_id},nan"
    scoring.score(rows, answered)

    found = emitted(capsys.readouterr().out, line="assembly-line-embedded-coupon-redemption")
    assert {name for name, _ in found} == {metric.name for metric in BY_SCORING}
    # One of ten is kept aside; a fifth of nine is acted on.
    assert (found["Decisions", "remind"], found["Decisions", "leave"]) == ([1.0], [8.0])
    assert (found["Quarantined", None], found["DeadLettered", None]) == ([1.0], [0.0])
    assert found["DeliverySeconds", None][0] >= 0
