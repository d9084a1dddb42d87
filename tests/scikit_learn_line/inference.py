"""Answers rows of features with probabilities, by the ONNX that train.py saved."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnxruntime

CSV = "text/csv"


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(Path(model_dir) / "model.onnx", providers=["CPUExecutionProvider"])


def input_fn(body: str | bytes, content_type: str) -> np.ndarray:
    """Rows of numbers without a header; an empty field is a missing value."""
    if content_type.partition(";")[0].strip() != CSV:
        raise ValueError(f"content type {content_type!r}: expected {CSV}")
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    return np.genfromtxt(io.StringIO(text), delimiter=",", dtype=np.float32, ndmin=2)


def predict_fn(rows: np.ndarray, model: onnxruntime.InferenceSession) -> np.ndarray:
    _, probabilities = model.run(None, {"rows": rows})
    return np.asarray(probabilities[:, 1])


def output_fn(scores: np.ndarray, accept: str) -> tuple[str, str]:
    if accept.partition(";")[0].strip() not in (CSV, "*/*"):
        raise ValueError(f"accept {accept!r}: expected {CSV}")
    return "".join(f"{score:.9g}\n" for score in scores), CSV
