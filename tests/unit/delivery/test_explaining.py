"""What a script answers before the score is kept for people, and changes nothing of what is delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from assembly_line.delivery import Explanations

COLUMNS: list[dict[str, Any]] = [
    {"name": "spend", "kind": "number"},
    {"name": "type=A", "kind": "number", "feature": "type"},
    {"name": "type=B", "kind": "number", "feature": "type"},
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * FROM (VALUES ('d2', 1.5, 'A', DATE '2017-08-08', TIMESTAMPTZ '2017-08-08 04:00:00+00', "
            "1.10::DECIMAL(9,2)), ('d1', 'nan'::DOUBLE, NULL, NULL, NULL, NULL), ('d3', 2.0, 'B', NULL, NULL, NULL), "
            "('d1', 'nan'::DOUBLE, NULL, NULL, NULL, NULL)) "
            'AS t(decision_id, spend, "type", "day", "at", price)) '
            f"TO '{path}' (FORMAT parquet)"
        )
    return path


def test_parts_are_kept_by_feature_and_the_score_goes_on_as_it_was_written(dataset: Path) -> None:
    answers = ["d2,0.5,-1,0.25,-2,0.10\nd1,1,2,3,4,x\n", "d3,0.9\r\nd4,1,2,0.5\n\nd5,nan,1,1,1,0.3"]
    with duckdb.connect() as connection:
        explanations = Explanations(connection, COLUMNS)

        scores = "".join(explanations.scores_of(answers))
        cases = list(explanations.cases(dataset, ["spend", "type", "day", "at", "price"]))

    assert scores == "d2,0.10\nd1,x\nd3,0.9\nd4,0.5\n\nd5,0.3"
    nothing = {"type": None, "day": None, "at": None, "price": None}
    assert cases == [
        {"decision_id": "d1", "known": {"spend": "nan", **nothing}, "added": {"spend": 1, "type": 5}, "base": 4},
        {
            "decision_id": "d2",
            "known": {
                "spend": 1.5,
                "type": "A",
                "day": "2017-08-08",
                "at": "2017-08-08T04:00:00.000000Z",
                "price": "1.10",
            },
            "added": {"spend": 0.5, "type": -0.75},
            "base": -2,
        },
        {"decision_id": "d3", "known": {"spend": 2.0, **nothing, "type": "B"}, "added": None, "base": None},
    ]


def test_a_script_that_explains_nothing_is_passed_on_untouched(dataset: Path) -> None:
    with duckdb.connect() as connection:
        explanations = Explanations(connection, None)

        assert list(explanations.scores_of(["d1,0.5,0.5\r\n", "d2,1"])) == ["d1,0.5,0.5\r\n", "d2,1"]
        assert [case["added"] for case in explanations.cases(dataset, ["spend"])] == [None, None, None]
