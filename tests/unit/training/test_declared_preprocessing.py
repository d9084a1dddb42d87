"""A line that declares its preprocessing: fitted on what is learnt from, applied the same to holdout and scoring."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from assembly_line import Preprocessing
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.encoding import Encoding
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.features.model_inputs.encoded_inputs import PreparedInputs, inputs_from_json
from assembly_line.features.model_inputs.preprocessing import fit
from assembly_line.features.values.columns import column_of
from assembly_line.names import Phase
from assembly_line.training.inputs import training_inputs
from tests.unit.training.test_inputs import LINE, line, table

LINEAR = Preprocessing(encoding="one_hot", imputation="mean", scaling="standard", unknown=True)


def fields(content: bytes) -> list[list[str]]:
    return [row.split(",") for row in content.decode().splitlines()]


def content() -> dict[str, list[Any]]:
    columns = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])
    columns["spend_30d"] = [1.0, 2.0, None, 6.0, 100.0, None]
    columns["campaign_type"] = ["A", "B", "A", "A", "C", "A"]
    return columns


def test_the_job_reads_prepared_numbers_and_the_holdout_has_no_say() -> None:
    inputs = training_inputs(content(), line(holdout=0.34, preprocessing=LINEAR), phase=Phase.JUDGED)

    train, batch = fields(inputs.train), fields(inputs.batch)
    names = [feature["name"] for feature in inputs.schema["features"]]
    assert len(train[0]) == len(batch[0]) == len(names) + 1
    assert [row[0] for row in train + batch] == ["1", "0", "0", "0", "d4", "d5"]
    of = {name: [float(row[place]) for row in train + batch] for place, name in enumerate(names, start=1)}
    learnt = [1.0, 2.0, 3.0, 6.0]
    center, scale = statistics.fmean(learnt), statistics.pstdev(learnt)
    wanted = [(value - center) / scale for value in (*learnt, 100.0, 3.0)]
    assert all(math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) for a, b in zip(of["spend_30d"], wanted, strict=True))
    assert of["spend_30d.missing"] == [0, 0, 1, 0, 0, 1]
    assert [of[f"campaign_type.{end}"] for end in ("0", "1", "unknown")] == [
        [1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0],
    ]  # fmt: skip
    assert inputs.encoding.features == list(LINE.features)


def test_scoring_applies_what_was_fitted_and_nothing_else() -> None:
    inputs = training_inputs(content(), line(holdout=0.34, preprocessing=LINEAR), phase=Phase.JUDGED)
    stored = json.loads(json.dumps(inputs.encoding.to_json()))
    rows = {name: values[4:] for name, values in content().items()}

    again = inputs_from_json(stored)

    assert again.digest == inputs.encoding.digest
    assert again.csv(rows, first=rows["decision_id"]) == inputs.batch
    with pytest.raises(ValueError, match="feature spend_30d: absent, expected 2 rows"):
        again.csv({}, first=["a", "b"])
    with pytest.raises(RequestRefused, match="expected assembly-line/preprocessing version 1"):
        inputs_from_json({**stored, "version": 2})


def test_a_line_that_declares_none_is_encoded_as_ever() -> None:
    columns = content()
    inputs = training_inputs(columns, line(holdout=0.34), phase=Phase.FINAL)

    plain = Encoding.fit(LINE.features, columns)
    assert inputs.encoding == inputs_from_json(plain.to_json()) == plain
    assert inputs.train == plain.csv(columns, first=[str(value) for value in columns["redeemed"]])


def test_trees_read_the_same_fields_by_either_way() -> None:
    columns = content()
    plain, prepared = (
        training_inputs(columns, line(holdout=0.34, preprocessing=how), phase=Phase.JUDGED)
        for how in (None, Preprocessing())
    )

    def numbers(of: bytes) -> list[list[float | None]]:
        return [[float(field) if field else None for field in row[1:]] for row in fields(of)]

    assert numbers(plain.train) == numbers(prepared.train)
    assert numbers(plain.batch) == numbers(prepared.batch)
    assert plain.truth == prepared.truth


def test_values_of_every_kind_are_read_as_a_dataset_gives_them() -> None:
    moment = datetime(2017, 7, 1, 12, tzinfo=UTC)
    columns = {
        "day": column_of("date", [17348]),
        "at": column_of("timestamp", [0]),
        "price": column_of("decimal(9,2)", [0]),
        "b": column_of("boolean", [True]),
    }
    inputs = PreparedInputs(fit(columns, Preprocessing()))
    values: dict[str, list[Any]] = {
        "day": [date(2017, 7, 1), None],
        "at": [moment, 1_498_910_400_000_000],
        "price": [Decimal("1.10"), 3],
        "b": [False, None],
    }

    assert fields(inputs.csv(values, first=["x", "y"])) == [
        ["x", "17348.0", "17348.5", "1.1", "0.0"],
        ["y", "", "17348.5", "3.0", ""],
    ]


def test_a_release_carries_the_preprocessing_and_a_wrong_one_is_refused() -> None:
    declared = replace(LINE, training=replace(LINE.training, preprocessing=LINEAR))

    assert line_from_json(json.loads(json.dumps(line_to_json(declared)))) == declared
    with pytest.raises(DeclarationError, match="encoding is 'target'; expected one of 'ordinal', 'one_hot'"):
        Preprocessing(encoding="target")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="unknown=True needs encoding='one_hot'"):
        Preprocessing(unknown=True)
