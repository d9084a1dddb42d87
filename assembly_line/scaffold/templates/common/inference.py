"""Answers rows of features with predictions. The functions are those that SageMaker's model server calls."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import xgboost

CSV = "text/csv"


def model_fn(model_dir: str) -> xgboost.Booster:
    model = xgboost.Booster()
    model.load_model(Path(model_dir) / "model.json")
    return model


def input_fn(body: str | bytes, content_type: str) -> np.ndarray:
    """Rows of numbers without a header; an empty field is a missing value, an empty line a row of nothing else."""
    if content_type.partition(";")[0].strip() != CSV:
        raise ValueError(f"content type {content_type!r}: expected {CSV}")
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    rows = [list(map(_number, row or [""])) for row in csv.reader(io.StringIO(text, newline=""))] or [[np.nan]]
    width = max(map(len, rows))
    for place, row in enumerate(rows):
        if len(row) == 1 and np.isnan(row[0]):
            rows[place] = row * width
        elif len(row) != width:
            raise ValueError(f"row {place + 1}: {len(row)} fields, expected {width}")
    return np.array(rows)


def _number(field: str) -> float:
    return float(field) if field.strip() else np.nan


def predict_fn(rows: np.ndarray, model: xgboost.Booster) -> np.ndarray:
    """Shape (rows, numbers of an answer): one number, or one for each class, quantile, or day of a time to an event."""
    answers = model.predict(xgboost.DMatrix(rows, feature_names=model.feature_names)).reshape(len(rows), -1)
    hazards = model.attr("cumulative_hazards")
    return answers if hazards is None else 1 - np.exp(-answers * np.array(json.loads(hazards)))


def output_fn(answers: np.ndarray, accept: str) -> tuple[str, str]:
    """One answer a line, in the order of the rows, and their type; nine digits say a 32-bit float exactly."""
    if accept.partition(";")[0].strip() not in (CSV, "*/*"):
        raise ValueError(f"accept {accept!r}: expected {CSV}")
    return "".join(",".join(f"{number:.9g}" for number in answer) + "\n" for answer in answers), CSV
