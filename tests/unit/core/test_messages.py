"""Messages are strict JSON of a published form; what is not is named, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.errors import MalformedMessage
from assembly_line.messages import Prediction, feedback_from_values, parse_json

DECISION = "d1-20170712-" + "0" * 32
PREDICTION: dict[str, Any] = {
    "schema": "assembly-line/prediction",
    "version": 1,
    "line": "restock",
    "decision_id": DECISION,
    "revision": 1,
    "decision_time": "2017-07-12T04:00:00.000000Z",
    "keys": {"shop_id": 7},
    "score": 0.25,
    "action": "wait",
    "propensity": 1.0,
    "arm": "champion",
    "policy_version": 1,
    "model": {"run_id": "restock-1", "digest": "a" * 64},
    "batch": "restock-score-1",
    "issued_at": "2017-07-12T05:00:00.000000Z",
    "expires_at": "2017-07-19T04:00:00.000000Z",
}
OVERRIDE: dict[str, Any] = {
    "schema": "assembly-line/feedback",
    "version": 1,
    "kind": "override",
    "event_id": "desk-1",
    "line": "restock",
    "decision_id": DECISION,
    "sequence": 1,
    "at": "2017-07-12T06:00:00Z",
    "action": "restock",
    "reason": "a festival next week",
}


@given(score=st.floats(min_value=0, max_value=1), keys=st.dictionaries(st.text(min_size=1), st.integers() | st.text()))
def test_a_prediction_arrives_exactly_as_it_was_sent(score: float, keys: dict[str, int | str]) -> None:
    sent = Prediction.model_validate({**PREDICTION, "score": score, "keys": keys})

    assert Prediction.from_json(sent.to_json()) == sent


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 1.5}, "score: 1.5"),
        ({"score": "0.5"}, "score: '0.5'"),
        ({"decision_id": "7"}, "decision_id: '7'"),
        ({"issued_at": "2017-07-12T05:00:00"}, "issued_at"),
        ({"version": 2}, "version: 2"),
        ({"note": "hello"}, "note: unknown field"),
    ],
)
def test_a_prediction_that_is_not_of_the_form_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        Prediction.from_json(json.dumps({**PREDICTION, **change}))

    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text", ['{"score": NaN}', '{"score": Infinity}', "{", b"\xff", '{"a": 1, "a": 2}', "[" * 100_000]
)
def test_what_is_not_strict_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(MalformedMessage, match="not strict JSON"):
        parse_json(text)


def test_an_override_needs_a_reason() -> None:
    assert feedback_from_values(OVERRIDE).kind == "override"
    with pytest.raises(MalformedMessage, match="reason"):
        feedback_from_values({**OVERRIDE, "reason": ""})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**OVERRIDE, "kind": "gossip"}, "kind: 'gossip': expected one of 'override', 'outcome', 'receipt'"),
        ({name: value for name, value in OVERRIDE.items() if name != "kind"}, "kind: is missing"),
        ({**OVERRIDE, "colour": "red"}, "colour: unknown field; there are .*, at, retracts, kind, action, reason$"),
        (["an event"], "expected a JSON object, got list"),
    ],
)
def test_refused_feedback_is_told_what_there_is(document: object, message: str) -> None:
    with pytest.raises(MalformedMessage, match=message):
        feedback_from_values(document)


def test_a_refusal_repeats_no_more_of_the_feedback_than_the_wrong_value() -> None:
    with pytest.raises(MalformedMessage) as refused:
        feedback_from_values({**OVERRIDE, "kind": "gossip", "reason": "Mrs Example moved away"})
    assert "Example" not in str(refused.value)

    with pytest.raises(MalformedMessage) as long:
        feedback_from_values({**OVERRIDE, "reason": "x" * 3000})
    assert len(str(long.value)) < 250
