"""A composed batch accounts for every decision by id, and composing it again gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import column
from assembly_line.declarations.decisions import Policy
from assembly_line.delivery.channels import SNS
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.outbox import OutboundMessage, chunks, read_outbox, write_outbox
from assembly_line.delivery.question import require_same_question
from assembly_line.errors import RequestRefused, ScoringFailed
from tests.champions import a_champion
from tests.lines_of_kinds import line_of
from tests.unit.delivery.batches import AT, CONTEXT, SHIPPED, Row, Spine, Told, told
from tests.unit.features.flights_world import own_line

POLICY = Policy(version=3, act="remind", otherwise="leave", capacity=0.5, expires_after=timedelta(days=28))
SPENDING, MAILS, DEMAND = map(line_of, ("spending", "mails", "demand"))
KEYS = {"household_id": "BIGINT", "campaign_id": "BIGINT"}


def row(number: int, **changes: Any) -> Row:
    return Row(f"d1-20170808-{number:032x}", AT, (number, 18), number)._replace(**changes)


def composed(rows: list[Row], scores: list[str], *, keys: Mapping[str, str] = KEYS, baseline: str = "BIGINT") -> Told:
    lines = [f"{one.decision_id},{score}" for one, score in zip(rows, scores, strict=True)]
    return told(replace(SHIPPED, policy=POLICY), Spine(keys, baseline, rows, lines))


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


@pytest.mark.parametrize(("kind", "value"), [("BIGINT", None), ("VARCHAR", ""), ("VARCHAR", None)])
def test_a_key_that_cannot_be_sent_is_kept_aside_and_takes_no_place(kind: str, value: Any) -> None:
    keys = {**KEYS, "household_id": kind}
    batch = composed([row(1, keys=(value, 18)), row(2), row(3)], ["0.99", "0.2", "0.9"], keys=keys)
    (kept,) = batch.quarantined
    named = "key household_id is empty" if value == "" else "key household_id is None, expected an integer"
    assert (kept["reason"], kept["offset"]) == ("message_invalid", 0)
    assert kept["detail"].startswith(named)
    # Half of the two that remain: had the first kept its place, nobody would be reminded.
    assert [prediction.action for prediction in batch.predictions] == ["leave", "remind"]


def test_a_key_of_a_type_that_cannot_be_sent_keeps_every_decision_aside() -> None:
    batch = composed([row(1, keys=(0.5, 18)), row(2)], ["0.2", "0.9"], keys={**KEYS, "household_id": "DOUBLE"})
    assert not batch.predictions
    assert [kept["detail"].partition(",")[0] for kept in batch.quarantined] == [
        "key household_id is 0.5",
        "key household_id is 2.0",
    ]


def test_a_decision_that_expires_beyond_the_calendar_is_kept_aside_and_takes_no_place() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    batch = composed([row(1, decision_time=last), row(2), row(3)], ["0.99", "0.2", "0.9"])
    (kept,) = batch.quarantined
    assert (kept["reason"], kept["offset"]) == ("message_invalid", 0)
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
    ("kind", "value", "kept"),
    [
        ("BIGINT", 3, 3),
        ("DOUBLE", 0.5, 0.5),
        ("DOUBLE", float("inf"), 1.7976931348623157e308),
        ("DECIMAL(18,3)", "0.100", 0.1),
        ("BOOLEAN", True, 1),
        ("BIGINT", None, None),
        ("DOUBLE", float("nan"), None),
        ("VARCHAR", "Type A", None),
        ("VARCHAR", "7", None),
        ("DATE", "1970-01-03", 2),
    ],
)
def test_the_one_feature_rules_value_is_kept_as_a_number(kind: str, value: Any, kept: Any) -> None:
    batch = composed([row(1, baseline=value), row(2, baseline=None)], ["0.1", "0.2"], baseline=kind)
    assert [one["baseline"] for one in batch.rows] == [kept, None]
    assert type(batch.rows[0]["baseline"]) is type(kept)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["0.1", "0.7", "nan", "7"])), min_size=1, max_size=25))
def test_every_decision_is_sent_or_kept_aside_by_id(spine: list[tuple[int, str]]) -> None:
    rows = [row(number) for number, _ in [(99, ""), *spine]]
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


def test_a_batch_of_quantiles_is_cut_by_the_one_that_is_named_and_carries_all() -> None:
    training = replace(SPENDING.training, quantiles=(0.1, 0.9), score_range=None)
    policy = replace(SPENDING.policy, cuts=0.9, capacity=None, threshold=100, exploration=0.0)
    line = replace(SPENDING, training=training, policy=policy)
    rows = [row(number, keys=(number,)) for number in (1, 2, 3)]
    lines = [f"{rows[0].decision_id},10,150", f"{rows[1].decision_id},99,90", f"{rows[2].decision_id},1,nan"]
    batch = told(line, Spine(dict.fromkeys(line.decision.keys, "BIGINT"), "BIGINT", rows, lines))

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
    rows = [row(place, keys=(group, place)) for place, group in enumerate(groups)]
    later = row(6, keys=(1, 6), decision_time=AT + timedelta(hours=1))
    alone = row(7, keys=(3, 7))
    scores = [9, 8, 9, -3, -1, -2, 0.5, 7]
    lines = [f"{one.decision_id},{score}" for one, score in zip([*rows, later, alone], scores, strict=True)]

    batch = told(line, Spine(dict.fromkeys(line.decision.keys, "BIGINT"), "BIGINT", [*rows, later, alone], lines))

    said = [json.loads(prediction.to_json()) for prediction in batch.predictions]
    assert [one["detail"]["rank"] for one in said] == [1, 3, 1, 3, 1, 2, 1, 1]
    assert [one["detail"]["of"] for one in said] == [3, 3, 3, 3, 3, 3, 1, 1]
    # One of three in each group, and nobody of a group of one: half of it is no whole place.
    assert [one["action"] for one in said[3:]] == ["leave", "show", "leave", "leave", "leave"]
    assert [one["action"] for one in said[:3]].count("show") == 1 and said[1]["action"] == "leave"
    assert [one["detail"] for one in batch.rows] == [one["detail"] for one in said]


def test_a_forecast_keeps_the_scale_of_its_series_beside_the_prediction() -> None:
    rows = [row(place, keys=(place,)) for place in range(2)]
    lines = [f"{one.decision_id},1,2,3,4,5,6,7" for one in rows]

    batch = told(DEMAND, Spine({"product_id": "BIGINT"}, "BIGINT", rows, lines), scales={"[1]": 2.5})

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
