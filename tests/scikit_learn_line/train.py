"""Trains a gradient-boosted model with scikit-learn and saves it as ONNX. Runs in script mode, as any such script."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline


def main() -> None:
    arguments = parse_arguments()
    channel, model_folder = Path(os.environ["SM_CHANNEL_TRAIN"]), Path(os.environ["SM_MODEL_DIR"])
    model = fit(channel / "train.csv", rounds=arguments.rounds, max_depth=arguments.max_depth)
    # Arrays in place of a list of dictionaries. Numbers of 32 bits, as ONNX has trees.
    width = FloatTensorType([None, model.n_features_in_])
    saved = to_onnx(model, initial_types=[("rows", width)], options={"zipmap": False})
    (model_folder / "model.onnx").write_bytes(saved.SerializeToString())
    logging.info("features=%d", model.n_features_in_)


def fit(file: Path, *, rounds: int, max_depth: int) -> Pipeline:
    """The estimator, fitted on a file of rows whose first column is the label."""
    table = np.genfromtxt(file, delimiter=",", dtype=np.float32)
    boosted = GradientBoostingClassifier(n_estimators=rounds, max_depth=max_depth, random_state=7)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), boosted).fit(
        table[:, 1:], table[:, 0]
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--max_depth", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    main()
