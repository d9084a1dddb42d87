"""Trains a gradient-boosted model of the outcome. Runs in script mode; reads its paths from SM_ variables."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

# A yes or no has no kind in schema.json.
OBJECTIVES = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "count": "count:poisson",
    "amount": "reg:squarederror",
    "quantiles": "reg:quantileerror",
    "ranking": "rank:ndcg",
    "forecasting": "reg:squarederror",
    "survival": "survival:cox",
}


def main() -> None:
    arguments = parse_arguments()
    channel, model_folder = Path(os.environ["SM_CHANNEL_TRAIN"]), Path(os.environ["SM_MODEL_DIR"])
    schema = json.loads((channel / "schema.json").read_text(encoding="utf-8"))
    names = [feature["name"] for feature in schema["features"]]
    # The label alone; for a ranking the group too, for a forecast a label a step, for a time to an event its days and
    # whether it came.
    width = len(schema.get("targets", ["label"]))
    table = np.genfromtxt(channel / "train.csv", delimiter=",").reshape(-1, width + len(names))
    targets, features = table[:, :width], table[:, width:]
    rows = xgboost.DMatrix(features, label=targets[:, 0], feature_names=names)
    if "within" in schema:
        rows.set_info(qid=targets[:, 1].astype(np.uint32))
    if "steps" in schema:
        rows.set_info(label=targets)
    if "days" in schema:
        # Cox's model takes days that end without the event as negative.
        rows.set_info(label=np.where(targets[:, 1] == 1, targets[:, 0], -targets[:, 0]))
    settings = {
        "tree_method": "hist",
        "max_depth": arguments.max_depth,
        "learning_rate": arguments.learning_rate,
        "seed": arguments.seed,
        "nthread": int(os.environ.get("SM_NUM_CPUS", "1")),
    }

    model = xgboost.train(settings | of_outcome(schema), rows, num_boost_round=arguments.rounds)

    if "days" in schema:
        hazards = cumulative_hazards(targets, model.predict(rows), schema["days"])
        model.set_attr(cumulative_hazards=json.dumps(hazards))

    logging.info("rows=%d features=%d", rows.num_row(), rows.num_col())
    logging.info(model.eval(rows, name="train", iteration=arguments.rounds))
    model.save_model(model_folder / "model.json")


def of_outcome(schema: dict[str, Any]) -> dict[str, Any]:
    """What the kind of the outcome asks of the model."""
    found: dict[str, Any] = {"objective": OBJECTIVES[schema.get("kind", "binary")]}
    if "classes" in schema:
        found["num_class"] = len(schema["classes"])
    if "quantiles" in schema:
        found["quantile_alpha"] = schema["quantiles"]
    if "within" in schema:
        found["ndcg_exp_gain"] = False
    return found


def cumulative_hazards(targets: np.ndarray, hazards: np.ndarray, days: list[float]) -> list[float]:
    """Of a row with hazard 1, until each of these days: Breslow (1972)."""
    order = np.argsort(-targets[:, 0], kind="stable")
    days_seen, events = targets[order].T
    at_risk = np.cumsum(hazards[order])[np.searchsorted(-days_seen, -days_seen, side="right") - 1]
    return [float(np.sum((events / at_risk)[days_seen <= day])) for day in days]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--learning_rate", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    main()
