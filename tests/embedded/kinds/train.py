"""Fits what `schema.json` asks for: a number, a count, quantiles, or one of several classes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

OBJECTIVES = {
    "amount": "reg:squarederror",
    "count": "count:poisson",
    "multiclass": "multi:softprob",
    "quantiles": "reg:quantileerror",
}


def main() -> None:
    channel, model_folder = Path(os.environ["SM_CHANNEL_TRAIN"]), Path(os.environ["SM_MODEL_DIR"])
    schema = json.loads((channel / "schema.json").read_text(encoding="utf-8"))
    names = [feature["name"] for feature in schema["features"]]
    table = np.genfromtxt(channel / "train.csv", delimiter=",").reshape(-1, len(names) + 1)
    settings: dict[str, Any] = {"objective": OBJECTIVES[schema["kind"]], "max_depth": 3, "learning_rate": 0.1}
    if "classes" in schema:
        settings["num_class"] = len(schema["classes"])
    if "quantiles" in schema:
        settings["quantile_alpha"] = schema["quantiles"]
    rows = xgboost.DMatrix(table[:, 1:], label=table[:, 0], feature_names=names)
    xgboost.train({**settings, "nthread": 1, "seed": 7}, rows, num_boost_round=60).save_model(
        model_folder / "model.json"
    )


if __name__ == "__main__":
    main()
