"""The published JSON Schemas are those of the code, and what the line writes and reads follows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from assembly_line.delivery.outbox import PredictionPointer
from assembly_line.errors import AssemblyError
from assembly_line.messages import Prediction, StationEvent, feedback_from_values
from assembly_line.requests import DatasetRequest, OutcomesRequest, ReviewRequest, ScoringRequest, TrainingRequest
from tools.write_schemas import FOLDER, render, schemas

DECISION = "d1-20170808-" + "0" * 32
FEEDBACK = {
    "schema": "assembly-line/feedback",
    "version": 1,
    "event_id": "e1",
    "line": "coupon_redemption",
    "decision_id": DECISION,
    "sequence": 1,
    "at": "2017-08-09",
}
PREDICTION: dict[str, Any] = {
    "line": "coupon_redemption",
    "decision_id": DECISION,
    "revision": 1,
    "decision_time": "2017-08-08T04:00:00Z",
    "keys": {"household_id": 7, "name": "ä\u2028", "new": True},
    "score": 0.1,
    "action": "leave",
    "propensity": 1.0,
    "arm": "champion",
    "policy_version": 1,
    "model": {"run_id": "run", "digest": "0" * 64},
    "batch": "batch",
    "issued_at": "2026-11-22T00:00:00Z",
    "expires_at": "2017-09-05T00:00:00Z",
}


def errors(file: str, document: object) -> list[str]:
    schema = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


def test_the_files_are_those_that_the_code_gives() -> None:
    current = {name: render(schema) for name, schema in schemas().items()}
    found = {path.name: path.read_text(encoding="utf-8") for path in Path(FOLDER).glob("*.json")}
    assert found == current, "run `python -m tools.write_schemas`"


def test_a_prediction_as_it_is_sent_follows_its_schema() -> None:
    document = json.loads(Prediction.model_validate(PREDICTION).to_json())
    assert errors("prediction.v1.json", document) == []
    for name in document:
        assert errors("prediction.v1.json", {key: value for key, value in document.items() if key != name})
    for changes in (
        {"score": 1.5},
        {"version": 2},
        {"more": 1},
        {"decision_time": "2017-08-08"},
        {"keys": {"a": None}},
    ):
        assert errors("prediction.v1.json", {**document, **changes})


def test_a_pointer_and_a_station_event_follow_their_schemas() -> None:
    pointer = PredictionPointer(
        line="coupon_redemption", decision_id=DECISION, revision=1, uri="s3://b/k", digest="0" * 64, size=1
    )
    assert errors("prediction-pointer.v1.json", json.loads(pointer.to_json())) == []
    event = StationEvent.model_validate(
        {
            "id": "e",
            "environment": "embedded",
            "account": "000000000000",
            "line": "coupon_redemption",
            "station": "delivery",
            "item": "run",
            "kind": "started",
            "at": "2026-11-22T00:00:00Z",
        }
    )
    assert errors("station-event.v1.json", json.loads(event.to_json())) == []


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "override", "action": "leave", "reason": "on holiday"},
        {"kind": "outcome", "value": 1},
        {"kind": "receipt", "revision": 1, "status": "applied"},
        {"kind": "override", "action": "leave"},
        {"kind": "override", "action": "", "reason": "none"},
        {"kind": "outcome", "value": 1.5},
        {"kind": "receipt", "revision": 1, "status": "eaten"},
        {"kind": "guess"},
        {"kind": "outcome", "value": 1, "more": 1},
    ],
)
def test_schema_and_reader_agree_on_feedback(content: dict[str, Any]) -> None:
    document = {**FEEDBACK, **content}
    try:
        feedback_from_values(document)
    except AssemblyError:
        assert errors("feedback.v1.json", document)
    else:
        assert errors("feedback.v1.json", document) == []


@pytest.mark.parametrize(
    ("file", "request_class", "document"),
    [
        (
            "dataset-request.v1.json",
            DatasetRequest,
            {"line": "a_line", "purpose": "scoring", "as_of": "2017-07-01", "from": "2017-06-01", "to": "2017-07-01"},
        ),
        (
            "training-request.v1.json",
            TrainingRequest,
            {"line": "a_line", "as_of": "2017-07-01T00:00:00Z", "hyperparameters": {"rounds": 3}},
        ),
        ("scoring-request.v1.json", ScoringRequest, {"line": "a_line", "from": "2017-06-01", "to": "2017-07-01"}),
        ("outcomes-request.v1.json", OutcomesRequest, {"line": "a_line", "as_of": "2017-07-01"}),
        ("review-request.v1.json", ReviewRequest, {"decision": "approve", "reason": "good"}),
    ],
)
def test_schema_and_reader_agree_on_requests(file: str, request_class: Any, document: dict[str, Any]) -> None:
    request_class.parse(document)
    assert errors(file, document) == []
    for broken in ({**document, "more": 1}, *({**document, name: []} for name in document), {}):
        assert errors(file, broken)
        with pytest.raises(AssemblyError):
            request_class.parse(broken)
