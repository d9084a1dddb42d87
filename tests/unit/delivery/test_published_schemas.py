"""The published JSON Schemas are those of the code, and what the line writes and reads follows them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from assembly_line.delivery.outbox import PredictionPointer
from assembly_line.errors import AssemblyError
from assembly_line.messages import Prediction, PredictionV2, StationEvent, feedback_from_values
from assembly_line.requests import (
    DatasetRequest,
    OutcomesRequest,
    ReviewRequest,
    RollbackRequest,
    ScoringRequest,
    TrainingRequest,
)
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


@cache
def validator(file: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def errors(file: str, document: object) -> list[str]:
    return [error.message for error in validator(file).iter_errors(document)]


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


DETAILS: list[dict[str, Any]] = [
    {"kind": "multiclass", "lowest": 0.0, "highest": 1.0, "detail": {
        "kind": "class_probabilities", "score_of": "b", "probabilities": {"a": 0.9, "b": 0.1}}},
    {"kind": "quantiles", "lowest": None, "highest": None, "detail": {
        "kind": "quantiles", "score_of": "0.1", "quantiles": {"0.1": 0.1, "0.9": 2.5}}},
    {"kind": "amount", "lowest": -5.0, "highest": None, "detail": None},
    {"kind": "count", "lowest": 0.0, "highest": 7.0, "detail": None},
]  # fmt: skip


@pytest.mark.parametrize("said", DETAILS, ids=lambda said: said["kind"])
def test_a_prediction_of_a_number_or_a_class_follows_its_schema_and_is_open(said: dict[str, Any]) -> None:
    prediction = PredictionV2.model_validate({**PREDICTION, "outcome": "spends", **said})
    document = json.loads(prediction.to_json())

    assert errors("prediction.v2.json", document) == []
    assert errors("prediction.v1.json", document)
    for name in document:
        assert errors("prediction.v2.json", {key: value for key, value in document.items() if key != name})
    # A field of a later version is no error: neither for the schema nor for the line's own reader.
    later = {**document, "horizon_step": 3}
    assert errors("prediction.v2.json", later) == []
    assert PredictionV2.from_values(later) == prediction
    for changes in (
        {"version": 1},
        {"kind": "binary"},
        {"score": "1"},
        {"detail": {"kind": "shares"}},
        {"lowest": "0"},
    ):
        assert errors("prediction.v2.json", {**document, **changes})
        with pytest.raises(AssemblyError):
            PredictionV2.from_values({**document, **changes})


@pytest.mark.parametrize(("low", "high"), [(0.2, None), (None, 0.05), (0.2, 0.3)])
def test_a_score_outside_of_the_declared_range_is_never_sent(low: float | None, high: float | None) -> None:
    said = {"outcome": "spends", "kind": "amount", "lowest": low, "highest": high, "detail": None}
    with pytest.raises(ValidationError, match=r"score 0\.1 is outside"):
        PredictionV2.model_validate({**PREDICTION, **said})


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
        ("rollback-request.v1.json", RollbackRequest, {"run_id": "a", "replaces": "b", "reason": "worse"}),
    ],
)
def test_schema_and_reader_agree_on_requests(file: str, request_class: Any, document: dict[str, Any]) -> None:
    request_class.parse(document)
    assert errors(file, document) == []
    for broken in ({**document, "more": 1}, *({**document, name: []} for name in document), {}):
        assert errors(file, broken)
        with pytest.raises(AssemblyError):
            request_class.parse(broken)


NODE = Path(__file__).parents[3] / ".tools" / "bin" / "node"
MATCHING = """
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map(([pattern, text]) => new RegExp(pattern, "u").test(text))));
"""
MESSAGES = (
    "prediction.v1.json",
    "prediction.v2.json",
    "prediction-pointer.v1.json",
    "feedback.v1.json",
    "station-event.v1.json",
)
# Each is no instant, or none in the form that is written.
NO_INSTANTS = (
    "2017-13-08T04:00:00.000000Z",
    "2017-00-08T04:00:00.000000Z",
    "2017-08-32T04:00:00.000000Z",
    "2017-08-00T04:00:00.000000Z",
    "2017-02-29T04:00:00.000000Z",
    "1900-02-29T04:00:00.000000Z",
    "2025-02-30T04:00:00.000000Z",
    "2025-04-31T04:00:00.000000Z",
    "0000-01-01T04:00:00.000000Z",
    "2017-08-08T24:00:00.000000Z",
    "2017-08-08T04:60:00.000000Z",
    "2017-08-08T04:00:60.000000Z",
    "2017-08-08T04:00:00.000000Z\n",
    "2017-08-08T04:00:00.000000Z ",
    "\n2017-08-08T04:00:00.000000Z",
    "2017-08-08T04:00:00.000000",
    "--------08T04:00:00.000000Z",
    "2017-08-08T::::::::.000000Z",
    "٢017-08-08T04:00:00.000000Z",
    "２017-08-08T04:00:00.000000Z",
)
NO_DECISION_IDS = (
    f"{DECISION}\n",
    f" {DECISION}",
    DECISION.upper(),
    "d1-20171308-" + "0" * 32,
    "d1-20170832-" + "0" * 32,
    "d1-20170229-" + "0" * 32,
    "d1-20250931-" + "0" * 32,
    "d1-00000101-" + "0" * 32,
    "d1-٢٠١٧٠٨٠٨-" + "0" * 32,
    "d1-20170808-" + "٠" * 32,
    f"{DECISION}\u2028",
)
TOO_LARGE = (2**53, 2**63, 2**70, -(2**63), 0.5)


def rules(schema: Any, named: str) -> Iterator[dict[str, Any]]:
    """Every part of a schema that has a rule of that name."""
    if isinstance(schema, dict):
        if named in schema and not isinstance(schema[named], dict):
            yield schema
        for part in schema.values():
            yield from rules(part, named)
    if isinstance(schema, list):
        for part in schema:
            yield from rules(part, named)


def patterns() -> list[dict[str, Any]]:
    return [rule for schema in schemas().values() for rule in rules(schema, "pattern") if rule["pattern"] != "[^ -~]"]


def matches(pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether JavaScript finds each pattern in its text."""
    ended = subprocess.run(
        [NODE, "-e", MATCHING], input=json.dumps(pairs), capture_output=True, text=True, check=True, timeout=60
    )
    found: list[bool] = json.loads(ended.stdout)
    return found


def test_patterns_mean_the_same_in_every_language() -> None:
    for rule in patterns():
        assert re.fullmatch(r"\^[ -~]*\$", rule["pattern"])
        assert not re.search(r"\\[dDwWsSbBpPAZz]|\(\?", rule["pattern"]), rule["pattern"]
        # In Python and Java `$` alone leaves room for a line break.
        assert rule["not"] == {"pattern": "[^ -~]"}


def test_javascript_and_python_refuse_the_same_texts() -> None:
    texts = [
        "2017-08-08T04:00:00.000000Z",
        *NO_INSTANTS,
        DECISION,
        *NO_DECISION_IDS,
        "a_line",
        "a_line\n",
        "a" * 64,
        "",
    ]
    rules = {rule["pattern"] for rule in patterns()}
    pairs = [(pattern, text) for pattern in sorted(rules) for text in texts]
    refused = matches([("[^ -~]", text) for _, text in pairs])
    taken = [found and not bad for found, bad in zip(matches(pairs), refused, strict=True)]
    expected = [
        Draft202012Validator({"pattern": pattern, "not": {"pattern": "[^ -~]"}}).is_valid(text)
        for pattern, text in pairs
    ]
    assert taken == expected
    assert 0 < sum(taken) < len(texts)


def test_integers_of_messages_are_bounded() -> None:
    for file in MESSAGES:
        schema = schemas()[file]
        for rule in rules(schema, "type"):
            if rule["type"] == "integer" and "const" not in rule and set(rule) != {"type"}:  # not a key, which is exact
                assert {"minimum", "maximum"} <= set(rule), rule
                assert -(2**63) <= rule["minimum"] < rule["maximum"] < 2**63


@pytest.mark.parametrize("name", ["decision_time", "issued_at", "expires_at"])
def test_a_prediction_names_instants_that_a_clock_has(name: str) -> None:
    document = json.loads(Prediction.model_validate(PREDICTION).to_json())
    for text in NO_INSTANTS:
        assert errors("prediction.v1.json", {**document, name: text}), text


def test_ids_and_numbers_of_messages_end_where_the_schema_says() -> None:
    prediction = json.loads(Prediction.model_validate(PREDICTION).to_json())
    receipt = {**FEEDBACK, "kind": "receipt", "revision": 1, "status": "applied"}
    for file, document in (("prediction.v1.json", prediction), ("feedback.v1.json", receipt)):
        assert errors(file, document) == []
        for identifier in NO_DECISION_IDS:
            assert errors(file, {**document, "decision_id": identifier})
        for line in ("a_line\n", "á_line", "a_line٢"):
            assert errors(file, {**document, "line": line})
        for number in TOO_LARGE:
            assert errors(file, {**document, "revision": number})


INSTANTS = st.sampled_from(
    [
        *NO_INSTANTS,
        "2017-02-29",
        "2017-08-09",
        "2017-08-09T06:00:00+02:00",
        "2017-08-09T06:00Z",
        "2017-08-09T06:00:00.5Z",
    ]
)
INTEGERS = st.sampled_from([-1, 0, 1, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**70, True, 0.5, None, "1"])
TEXTS = st.sampled_from(["", "leave", "a" * 200, "a" * 201, "\N{GRINNING FACE}" * 200, "a\n", None, 7]) | st.text(
    max_size=9
)
EVENTS = st.fixed_dictionaries(
    {
        "schema": st.just("assembly-line/feedback"),
        "version": st.just(1),
        "kind": st.sampled_from(["override", "outcome", "receipt", "gossip"]),
        "event_id": TEXTS,
        "line": st.sampled_from(["a_line", "a_line\n", "A", "a"]),
        "decision_id": st.sampled_from([DECISION, *NO_DECISION_IDS]),
        "sequence": INTEGERS,
        "at": INSTANTS,
    },
    optional={
        "retracts": st.sampled_from([True, False, 1, None]),
        "action": TEXTS,
        "reason": TEXTS,
        "value": INTEGERS,
        "revision": INTEGERS,
        "status": st.sampled_from(["applied", "eaten"]),
        "more": st.none(),
    },
)
HEALTHY: dict[str, dict[str, Any]] = {
    "override": {"action": "leave", "reason": "on holiday"},
    "outcome": {"value": 1},
    "receipt": {"revision": 1, "status": "applied"},
}
CHANGED = ("event_id", "line", "decision_id", "sequence", "at", "action", "reason", "value", "revision", "retracts")
# One or two wrong fields at most, so that documents of both sorts are many.
NEARLY = st.builds(
    lambda kind, drawn, names: {
        **FEEDBACK,
        **HEALTHY[kind],
        "kind": kind,
        **{name: drawn[name] for name in names if name in drawn},
    },
    st.sampled_from(sorted(HEALTHY)),
    EVENTS,
    st.sets(st.sampled_from(CHANGED), max_size=2),
)


@settings(max_examples=500)
@given(EVENTS | NEARLY)
def test_schema_and_reader_take_the_same_feedback_and_what_is_written_follows_the_schema(
    document: dict[str, Any],
) -> None:
    wrong = errors("feedback.v1.json", document)
    try:
        event = feedback_from_values(document)
    except AssemblyError:
        # The one thing that a pattern cannot know: which days a month has.
        assert wrong or document["at"] == "2017-02-29"
    else:
        assert wrong == []
        assert errors("feedback.v1.json", json.loads(event.to_json())) == []


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "decision_id": st.sampled_from([DECISION, *NO_DECISION_IDS]),
            "revision": INTEGERS,
            "keys": st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none() | st.floats()),
            "score": st.floats(),
            "propensity": st.floats(0, 1),
            "action": TEXTS,
            "arm": TEXTS,
            "policy_version": INTEGERS,
            "batch": TEXTS,
            "expires_at": st.datetimes(timezones=st.just(UTC)) | st.datetimes(),
        },
    )
)
def test_a_prediction_that_the_schema_forbids_cannot_be_made(changes: dict[str, Any]) -> None:
    try:
        made = Prediction.model_validate({**PREDICTION, **changes})
    except ValidationError:
        return
    assert errors("prediction.v1.json", json.loads(made.to_json())) == []


@pytest.mark.parametrize(("propensity", "taken"), [(0, False), (0.0, False), (-0.1, False), (1.1, False), (1e-9, True)])
def test_an_action_that_was_taken_had_a_chance(propensity: float, taken: bool) -> None:
    made = Prediction.model_validate(PREDICTION).to_values()

    assert (errors("prediction.v1.json", {**made, "propensity": propensity}) == []) == taken
    if not taken:
        with pytest.raises(ValidationError, match="propensity"):
            Prediction.model_validate({**PREDICTION, "propensity": propensity})
