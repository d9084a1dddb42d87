"""A composed batch accounts for every decision by id, and composing it again gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import column
from assembly_line.declarations.decisions import Policy
from assembly_line.delivery.answers import check_answers
from assembly_line.delivery.batch import ComposedBatch, SpineRow, compose, require_same_question
from assembly_line.delivery.channels import SNS
from assembly_line.delivery.context import DecidingModel, ScoringContext
from assembly_line.delivery.outbox import OutboundMessage, chunks, read_outbox, write_message, write_outbox
from assembly_line.errors import RequestRefused, ScoringFailed
from assembly_line.loader import load_line
from tests.champions import a_champion
from tests.lines_of_kinds import line_of
from tests.unit.features.flights_world import own_line

AT = datetime(2017, 8, 8, 4, tzinfo=UTC)
POLICY = Policy(version=3, act="remind", otherwise="leave", capacity=0.5, expires_after=timedelta(days=28))
SPENDING, MAILS, DEMAND = map(line_of, ("spending", "mails", "demand"))
SHIPPED = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
CONTEXT = ScoringContext(
    run_id="run-1",
    line="coupon_redemption",
    release="a" * 64,
    champion=DecidingModel(
        run_id="trained",
        release="b" * 64,
        digest="c" * 64,
        model_name="model",
        model_data_uri="s3://store/model",
        encoding_key="encoding.json",
        features=("spend", "visits"),
        prior=0.13,
        baseline_feature="visits",
    ),
    as_of=AT,
    since=AT,
    until=AT + timedelta(days=7),
    started_at=datetime(2026, 11, 22, tzinfo=UTC),
    principal="unverified",
    engine="auto",
    instant=AT,
    replayed=True,
    backfill={"earlier_instant": "run x scored the line at noon already"},
)


def row(number: int, **changes: Any) -> SpineRow:
    usual = SpineRow(number, f"d1-20170808-{number:032x}", AT, {"household_id": number}, number)
    return replace(usual, **changes)


def composed(rows: list[SpineRow], scores: list[str]) -> ComposedBatch:
    lines = [f"{one.decision_id},{score}" for one, score in zip(rows, scores, strict=True)]
    answers = check_answers([one.decision_id for one in rows], lines, kind=SHIPPED.predicts)
    return compose(CONTEXT, line=replace(SHIPPED, policy=POLICY), dataset_id="dataset", spine=rows, answers=answers)


def test_the_context_survives_the_state_machine() -> None:
    assert ScoringContext.from_json(CONTEXT.to_json()) == CONTEXT
    assert CONTEXT.revision == 1795305600000000
    assert CONTEXT.day == "20261122"


def test_a_row_knows_action_propensity_policy_release_and_model() -> None:
    batch = composed([row(1), row(2)], ["0.2", "0.9"])
    assert [one["action"] for one in batch.rows] == ["leave", "remind"]
    assert {
        name: batch.rows[1][name] for name in ("policy_version", "propensity", "arm", "release", "model_release")
    } == {
        "policy_version": 3,
        "propensity": 1.0,
        "arm": "champion",
        "release": "a" * 64,
        "model_release": "b" * 64,
    }
    assert batch.rows[1]["model"] == {"run_id": "trained", "digest": "c" * 64}
    assert batch.rows[1]["expires_at"] == "2017-09-05T04:00:00.000000Z"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"household_id": None}, "household_id is None"),
        ({"name": ""}, "name is empty"),
        ({"share": 0.5}, "share is 0.5"),
    ],
)
def test_a_key_that_cannot_be_sent_is_kept_aside_and_takes_no_place(keys: dict[str, Any], named: str) -> None:
    batch = composed([row(1, keys=keys), row(2), row(3)], ["0.99", "0.2", "0.9"])
    (kept,) = batch.quarantined
    assert (kept["reason"], named in kept["detail"], kept["offset"]) == ("message_invalid", True, 1)
    # Half of the two that remain: had the first kept its place, nobody would be reminded.
    assert [prediction.action for prediction in batch.predictions] == ["leave", "remind"]


def test_a_decision_that_expires_beyond_the_calendar_is_kept_aside_and_takes_no_place() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    batch = composed([replace(row(1), decision_time=last), row(2), row(3)], ["0.99", "0.2", "0.9"])
    (kept,) = batch.quarantined
    assert (kept["reason"], kept["offset"]) == ("message_invalid", 1)
    assert kept["detail"].startswith(
        "expires_at: 28 days, 0:00:00 after 9999-12-31T00:00:00.000000Z lies after the year"
    )
    assert [prediction.action for prediction in batch.predictions] == ["leave", "remind"]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (AT - timedelta(days=28), "action_expired"),
        (AT - timedelta(days=28) + timedelta(microseconds=1), None),
        (datetime(9999, 12, 31, tzinfo=UTC), "message_invalid"),
    ],
)
def test_an_action_that_nobody_could_take_is_kept_aside_and_takes_no_place(at: datetime, reason: str | None) -> None:
    batch = composed([row(1, decision_time=at), row(2), row(3)], ["0.99", "0.2", "0.9"])
    assert [kept["reason"] for kept in batch.quarantined] == ([reason] if reason else [])
    assert [one.action for one in batch.predictions][-2:] == (["leave", "remind"] if reason else ["leave", "leave"])


def test_a_field_that_the_schema_forbids_takes_no_place_either() -> None:
    batch = composed([row(1, decision_id="d1-2017"), row(2), row(3)], ["0.99", "0.2", "0.9"])
    assert [(kept["decision_id"], kept["reason"]) for kept in batch.quarantined] == [("d1-2017", "message_invalid")]
    assert "decision_id" in batch.quarantined[0]["detail"]
    assert [prediction.action for prediction in batch.predictions] == ["leave", "remind"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(3, 3), (0.5, 0.5), (True, 1), (None, None), (float("nan"), None), ("Type A", None), ("7", None)],
)
def test_the_one_feature_rules_value_is_kept_as_a_number(value: Any, kept: Any) -> None:
    batch = composed([row(1, baseline=value), row(2)], ["0.1", "0.2"])
    assert batch.rows[0]["baseline"] == kept


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["0.1", "0.7", "nan", "7"])), min_size=1, max_size=25))
def test_every_decision_is_sent_or_kept_aside_by_id(spine: list[tuple[int, str]]) -> None:
    rows = [replace(row(number), offset=place) for place, (number, _) in enumerate([(99, ""), *spine])]
    batch = composed(rows, ["0.5", *(score for _, score in spine)])

    assert batch == composed(rows, ["0.5", *(score for _, score in spine)])
    distinct = {one.decision_id for one in rows}
    assert {one.decision_id for one in batch.predictions} | {
        one["decision_id"] for one in batch.quarantined
    } == distinct
    assert batch.distinct == len(distinct) == len(batch.predictions) + len(batch.quarantined)


def test_an_outbox_is_read_back_as_it_was_written() -> None:
    messages = [
        OutboundMessage(f"d-{number}", number + 1, f'{{"text":"ä\u2028{number}"}}', {"line": "x"})
        for number in range(7)
    ]
    written = write_outbox(messages)
    assert list(read_outbox(written.split(b"\n")[:-1])) == messages
    assert [len(chunk) for chunk in chunks(messages, 3)] == [3, 3, 1]


def test_a_body_of_exactly_the_limit_travels_by_itself() -> None:
    (prediction,) = composed([row(1, keys={"name": "a"})], ["0.5"]).predictions
    spare = SNS.largest_body - len(prediction.to_json().encode())
    fits = prediction.model_copy(update={"keys": {"name": "a" * (spare + 1)}})
    over = prediction.model_copy(update={"keys": {"name": "a" * (spare + 2)}})
    assert isinstance(write_message(fits, SNS, store_prefix="p/", bucket="b"), OutboundMessage)
    assert not isinstance(write_message(over, SNS, store_prefix="p/", bucket="b"), OutboundMessage)


def test_a_batch_of_quantiles_is_cut_by_the_one_that_is_named_and_carries_all() -> None:
    training = replace(SPENDING.training, quantiles=(0.1, 0.9), score_range=None)
    policy = replace(SPENDING.policy, cuts=0.9, capacity=None, threshold=100, exploration=0.0)
    line = replace(SPENDING, training=training, policy=policy)
    rows = [row(1), row(2), row(3)]
    lines = [f"{rows[0].decision_id},10,150", f"{rows[1].decision_id},99,90", f"{rows[2].decision_id},1,nan"]
    answers = check_answers([one.decision_id for one in rows], lines, kind=line.predicts)
    batch = compose(CONTEXT, line=line, dataset_id="dataset", spine=rows, answers=answers)

    said = [json.loads(prediction.to_json()) for prediction in batch.predictions]
    assert [(one["version"], one["score"], one["action"]) for one in said] == [(2, 150.0, "invite"), (2, 99.0, "leave")]
    assert said[1]["detail"] == {"kind": "quantiles", "score_of": "0.9", "quantiles": {"0.1": 90.0, "0.9": 99.0}}
    assert [(kept["decision_id"], kept["reason"]) for kept in batch.quarantined] == [
        (rows[2].decision_id, "score_not_finite")
    ]
    assert [line.predicts.answer_of(one) for one in batch.rows] == [(10.0, 150.0), (90.0, 99.0)]
    assert {SNS.attributes(prediction)["version"] for prediction in batch.predictions} == {"2"}


def test_a_ranking_is_decided_group_by_group_and_says_each_rank() -> None:
    line = replace(MAILS, policy=replace(MAILS.policy, capacity=0.5))
    groups = (1, 1, 1, 2, 2, 2)
    rows = [row(place, keys={"customer_id": group, "product_id": place}) for place, group in enumerate(groups)]
    later = row(6, keys={"customer_id": 1, "product_id": 6}, decision_time=AT + timedelta(hours=1))
    alone = row(7, keys={"customer_id": 3, "product_id": 7})
    scores = [9, 8, 9, -3, -1, -2, 0.5, 7]
    lines = [f"{one.decision_id},{score}" for one, score in zip([*rows, later, alone], scores, strict=True)]
    answers = check_answers([one.partition(",")[0] for one in lines], lines, kind=line.predicts)

    batch = compose(CONTEXT, line=line, dataset_id="dataset", spine=[*rows, later, alone], answers=answers)

    said = [json.loads(prediction.to_json()) for prediction in batch.predictions]
    assert [one["detail"]["rank"] for one in said] == [1, 3, 1, 3, 1, 2, 1, 1]
    assert [one["detail"]["of"] for one in said] == [3, 3, 3, 3, 3, 3, 1, 1]
    # One of three in each group, and nobody of a group of one: half of it is no whole place.
    assert [one["action"] for one in said[3:]] == ["leave", "show", "leave", "leave", "leave"]
    assert [one["action"] for one in said[:3]].count("show") == 1 and said[1]["action"] == "leave"
    assert [one["detail"] for one in batch.rows] == [one["detail"] for one in said]


def test_a_forecast_keeps_the_scale_of_its_series_beside_the_prediction() -> None:
    rows = [row(place, keys={"product_id": place}) for place in range(2)]
    lines = [f"{one.decision_id},1,2,3,4,5,6,7" for one in rows]
    answers = check_answers([one.decision_id for one in rows], lines, kind=DEMAND.predicts)

    batch = compose(CONTEXT, line=DEMAND, dataset_id="d", spine=rows, answers=answers, scales={"[1]": 2.5})

    assert [one["scale"] for one in batch.rows] == [None, 2.5]
    assert "scale" not in json.loads(batch.predictions[0].to_json())


def test_a_champion_that_answers_something_else_than_the_line_declares_now_scores_nothing() -> None:
    require_same_question(SPENDING, a_champion("trained"), SPENDING)
    other = replace(SPENDING.policy, capacity=0.5)
    require_same_question(replace(SPENDING, policy=other), a_champion("trained"), SPENDING)
    with pytest.raises(ScoringFailed, match=r"answers binary .* declares amount .*line train spending"):
        require_same_question(SPENDING, a_champion("trained"), SHIPPED)


def test_a_champion_of_days_never_answers_for_weeks_and_a_season_is_no_part_of_an_answer() -> None:
    weekly = replace(DEMAND, outcome=replace(DEMAND.outcome, horizon=timedelta(days=7)))
    assert weekly.predicts.schema == DEMAND.predicts.schema
    with pytest.raises(ScoringFailed, match=r"'step_seconds': 86400.0.* declares .*'step_seconds': 604800.0"):
        require_same_question(weekly, a_champion("trained"), DEMAND)

    other = replace(DEMAND, training=replace(DEMAND.training, season=1))
    require_same_question(other, a_champion("trained"), DEMAND)


def test_a_champion_that_learnt_to_decide_about_other_keys_scores_nothing() -> None:
    flights = own_line(value=column("late") > 10)
    require_same_question(flights, a_champion("trained"), replace(flights, owner="somebody else"))
    with pytest.raises(RequestRefused, match=r"with keys household_id .* declares now, flight .*line train"):
        require_same_question(flights, a_champion("trained"), SHIPPED)
