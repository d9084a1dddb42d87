"""Messages are strict JSON of a published form; what is not is named, field by field."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assembly_line.errors import MalformedMessage
from assembly_line.messages import Prediction, feedback_from_values, parse_json
from assembly_line.names import FeedbackKind

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


@given(
    score=st.floats(min_value=0, max_value=1),
    keys=st.dictionaries(st.text(min_size=1), st.integers() | st.text(min_size=1)),
)
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


@pytest.mark.parametrize("name", ["event_id", "action", "reason", "kind", "line", "decision_id", "at", "colour"])
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(name: str) -> None:
    with pytest.raises(MalformedMessage):
        feedback_from_values({**OVERRIDE, name: "a\ud800"})
    with pytest.raises(MalformedMessage, match="not strict JSON"):
        parse_json(json.dumps({**OVERRIDE, name: "a\ud800"}))
    whole = parse_json(json.dumps({**OVERRIDE, name: "\N{GRINNING FACE}"}))
    assert whole == {**OVERRIDE, name: "\N{GRINNING FACE}"}


@pytest.mark.parametrize("keys", [{"name": "\ud800"}, {"\udfff": "name"}])
def test_a_prediction_that_has_no_form_in_utf_8_cannot_be_made(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Prediction.model_validate({**PREDICTION, "keys": keys})


@pytest.mark.parametrize("name", ["decision_time", "issued_at", "expires_at"])
def test_a_prediction_without_a_zone_cannot_be_made(name: str) -> None:
    with pytest.raises(ValidationError, match="has no zone"):
        Prediction.model_validate({**PREDICTION, name: datetime(2017, 7, 12)})  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(("name", "lowest"), [("sequence", 0), ("revision", 1)])
def test_what_only_rises_ends_where_json_readers_still_agree(name: str, lowest: int) -> None:
    receipt = {name: value for name, value in OVERRIDE.items() if name not in ("action", "reason")}
    receipt |= {"kind": "receipt", "revision": 1, "status": "applied"}
    for value in (lowest, 2**53 - 1):
        assert getattr(feedback_from_values({**receipt, name: value}), name) == value
    refused: list[Any] = [lowest - 1, 2**53, 2**63 - 1, 2**63, 2**70, -(2**70), True, 1.0, "1"]
    for value in refused:
        with pytest.raises(MalformedMessage, match=f"{name}: "):
            feedback_from_values({**receipt, name: value})


def test_a_body_holds_no_character_that_sns_and_sqs_refuse() -> None:
    sent = Prediction.model_validate({**PREDICTION, "keys": {"name": "a\ufffe\uffff\x00\x85\u2028b"}})
    # The characters of XML 1.0, which the two services take.
    assert not re.search("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", sent.to_json())
    assert Prediction.from_json(sent.to_json()) == sent


def test_every_kind_of_feedback_has_its_form() -> None:
    documents = {kind: {**OVERRIDE, "kind": kind} for kind in FeedbackKind}
    for kind, document in documents.items():
        with pytest.raises(MalformedMessage) as refused:
            feedback_from_values({**document, "more": 1})
        assert f"kind: '{kind}'" not in str(refused.value)


def test_a_refusal_names_the_wrong_fields_apart_from_what_was_sent() -> None:
    with pytest.raises(MalformedMessage) as refused:
        feedback_from_values({**OVERRIDE, "at": "2017-02-30", "sequence": -1, "Mrs Example": 1})
    assert refused.value.fields == ("at", "sequence")
