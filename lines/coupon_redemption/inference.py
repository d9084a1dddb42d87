"""Answers rows of features with probabilities. The functions are those that SageMaker's model server calls."""

from __future__ import annotations

import csv
import io
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
    return model.predict(xgboost.DMatrix(rows, feature_names=model.feature_names))


def output_fn(scores: np.ndarray, accept: str) -> tuple[str, str]:
    """One score a line, in the order of the rows, and their type; nine digits say a 32-bit float exactly."""
    if accept.partition(";")[0].strip() not in (CSV, "*/*"):
        raise ValueError(f"accept {accept!r}: expected {CSV}")
    return "".join(f"{score:.9g}\n" for score in scores), CSV
