"""A bad request is refused before anything starts: the field, its value, what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assembly_line.errors import RequestRefused
from assembly_line.requests import (
    DatasetRequest,
    Request,
    ReviewRequest,
    RollbackRequest,
    ScoringRequest,
    TrainingRequest,
)

SCORING = {"line": "restock", "from": "2017-07-12", "to": "2017-07-13"}


def test_dates_and_offsets_become_one_form_of_instant() -> None:
    request = ScoringRequest.parse({**SCORING, "as_of": "2017-07-12T20:00:00-04:00"})

    assert request.to_json() == {
        "line": "restock",
        "from": "2017-07-12T00:00:00.000000Z",
        "to": "2017-07-13T00:00:00.000000Z",
        "as_of": "2017-07-13T00:00:00.000000Z",
        "engine": "auto",
    }


REFUSED: list[tuple[type[Request], object, str]] = [
    (
        ScoringRequest,
        {**SCORING, "until": "2017-07-13"},
        "until: unknown field; there are line, from, to, as_of, engine",
    ),
    (ScoringRequest, {"line": "restock", "from": "2017-07-12"}, "to: is missing"),
    (ScoringRequest, {**SCORING, "from": "2017-02-30"}, "from: '2017-02-30'"),
    (ScoringRequest, {**SCORING, "from": "2017-07-12T06:00:00"}, "has no zone; write '2017-07-12T06:00:00Z'"),
    (ScoringRequest, {**SCORING, "from": 20170712}, "from: 20170712"),
    (
        ScoringRequest,
        {**SCORING, "to": "2017-07-12"},
        "ScoringRequest: from 2017-07-12T00:00:00.000000Z is not before to",
    ),
    (ScoringRequest, {**SCORING, "line": "Robert'); DROP TABLE"}, 'line: "Robert\'); DROP TABLE"'),
    (ScoringRequest, {**SCORING, "line": "../../etc"}, "line: '../../etc'"),
    (ScoringRequest, {**SCORING, "engine": "presto"}, "engine: 'presto'"),
    (ScoringRequest, ["restock"], "expected a JSON object, got list"),
    (DatasetRequest, {"line": "restock", "as_of": "2017-07-01"}, "purpose: is missing"),
    (DatasetRequest, {"line": "restock", "as_of": "2017-07-01", "purpose": "scoring"}, "needs from and to"),
    (DatasetRequest, {"line": "restock", "as_of": "2017-07-01", "purpose": "training", "features": []}, "features: []"),
    (
        DatasetRequest,
        {"line": "restock", "as_of": "2017-07-01", "purpose": "training", "release": "new"},
        "release: 'new'",
    ),
    (TrainingRequest, {"line": "restock", "as_of": "2017-07-01", "hyperparameters": {"a b": 1}}, "hyperparameters"),
    (
        TrainingRequest,
        {"line": "restock", "as_of": "2017-07-01", "hyperparameters": {"depth": None}},
        "hyperparameters",
    ),
    (ReviewRequest, {"decision": "maybe", "reason": "looks fine"}, "decision: 'maybe'"),
    (ReviewRequest, {"decision": "approve", "reason": ""}, "reason: ''"),
    (RollbackRequest, {"run_id": "../a", "replaces": "b", "reason": "worse"}, "run_id: '../a'"),
    (RollbackRequest, {"run_id": "a", "reason": "worse"}, "replaces"),
]


@pytest.mark.parametrize(("kind", "document", "message"), REFUSED, ids=[message[:40] for _, _, message in REFUSED])
def test_refuses_and_names_the_field(kind: type[Request], document: Any, message: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        kind.parse(document)

    assert kind.__name__ in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_hyperparameter_that_is_no_finite_number_is_refused_with_its_parts(text: str) -> None:
    document = json.loads(f'{{"line": "restock", "as_of": "2017-07-01", "hyperparameters": {{"eta": {text}}}}}')

    with pytest.raises(RequestRefused, match=r"hyperparameters.eta: (nan|-?inf): expected a finite number") as refused:
        TrainingRequest.parse(document)

    assert refused.value.where == "TrainingRequest: hyperparameters.eta"
    assert (refused.value.value, refused.value.expected) == (str(float(text)), "a finite number, such as 0.2")


def test_hyperparameters_of_every_kind_are_taken() -> None:
    given = {"booster": "gbtree", "depth": 3, "eta": 0.1, "huge": 1e308}

    found = TrainingRequest.parse({"line": "restock", "as_of": "2017-07-01", "hyperparameters": given})

    assert found.hyperparameters == given
