"""Answers each row with as many numbers as the model gives, separated by commas."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import xgboost


def model_fn(model_dir: str) -> xgboost.Booster:
    model = xgboost.Booster()
    model.load_model(Path(model_dir) / "model.json")
    return model


def input_fn(body: str | bytes, _content_type: str) -> np.ndarray:
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    return np.genfromtxt(io.StringIO(text), delimiter=",", ndmin=2)


def predict_fn(rows: np.ndarray, model: xgboost.Booster) -> np.ndarray:
    return model.predict(xgboost.DMatrix(rows, feature_names=model.feature_names)).reshape(len(rows), -1)


def output_fn(answers: np.ndarray, _accept: str) -> tuple[str, str]:
    return "".join(",".join(f"{number:.9g}" for number in row) + "\n" for row in answers), "text/csv"
