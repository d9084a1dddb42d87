"""What the demo found out, as `demo.json`: numbers, each taken from what the line itself wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assembly_line.feedback import Performance
from assembly_line.outcome_kinds import Binary
from assembly_line.throughput import LineBoard


@dataclass
class Figures:
    """Filled station by station; `to_json` is the content of `demo.json`."""

    line: str
    trained_at: str
    challenged_at: str
    observed_at: str
    total_seconds: float = 0.0
    deployment: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    review: dict[str, Any] = field(default_factory=dict)
    challenger: dict[str, Any] = field(default_factory=dict)
    scoring: dict[str, Any] = field(default_factory=dict)
    consumer: dict[str, Any] = field(default_factory=dict)
    feedback: dict[str, Any] = field(default_factory=dict)
    performance: list[dict[str, Any]] = field(default_factory=list)
    performance_pooled: dict[str, Any] = field(default_factory=dict)
    board: LineBoard | None = None
    stages: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "trained_at": self.trained_at,
            "challenged_at": self.challenged_at,
            "observed_at": self.observed_at,
            "total_seconds": self.total_seconds,
            "deploy_seconds": self.deployment["seconds"],
            "stacks": len(self.deployment["stack_names"]),
            "stack_names": self.deployment["stack_names"],
            "deployment": {name: self.deployment[name] for name in ("restored", "synth_seconds", "cdk_seconds")},
            "dataset": self.dataset,
            "training": self.training,
            "review": self.review,
            "challenger": self.challenger,
            "scoring": self.scoring,
            "consumer": self.consumer,
            "feedback": self.feedback,
            "performance": self.performance,
            "performance_pooled": self.performance_pooled,
            "stations": {} if self.board is None else stations(self.board),
            "throughput": {} if self.board is None else throughput(self.board),
            "stages": self.stages,
        }

    def write(self, path: Path) -> None:
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")


def dataset(output: Mapping[str, Any]) -> dict[str, Any]:
    """From the dataset machine's output."""
    features = output["features"]
    return {
        "id": output["dataset_id"],
        "spine_rows": output["spine_rows"],
        "rows": output["rows"],
        "positives": output["positives"],
        "features": features if isinstance(features, int) else len(features),
        "engine": output["engine"],
        "seconds": output["seconds"],
    }


def training(packet: Mapping[str, Any]) -> dict[str, Any]:
    """From the packet that the reviewer saw.

    The delivered model learnt from `rows`; the metrics are of its recipe: learnt from `judged_rows`, judged on the
    `holdout_rows` later ones. `purged_rows`: earlier ones whose outcomes were not known when these began.
    """
    metrics = packet["metrics"]
    return {
        "run_id": packet["run_id"],
        "rows": packet["rows"],
        "judged_rows": packet["judged_rows"],
        "purged_rows": packet["purged_rows"],
        "holdout_rows": metrics["rows"],
        "holdout_positives": metrics["positives"],
        "auc": metrics["auc"],
        "auc_interval": metrics["auc_interval"],
        "log_loss": metrics["log_loss"],
        "prior": metrics["prior"],
        "prior_log_loss": metrics["prior_log_loss"],
        "baseline_feature": metrics["baseline_feature"],
        "baseline_auc": metrics["baseline_auc"],
    }


def challenger(packet: Mapping[str, Any]) -> dict[str, Any]:
    """From the packet that the reviewer saw: the run beside the champion, on the decisions that both answered.

    `challenger` and `champion` are of the measure that decides, `difference` and its `interval` are paired by decision.
    `says`: whether that is better, worse, or noise.
    """
    compared = packet["metrics"]["champion"]
    measure = Binary.measures[0]
    one = compared["measures"][measure.name]
    return {
        "run_id": packet["run_id"],
        "rows": packet["rows"],
        "champion_run": compared["run_id"],
        "compared_rows": compared["rows"],
        "measure": measure.name,
        "words": measure.words,
        **one,
    }


def performance(found: Sequence[Performance]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """By campaign, and pooled: the last one."""
    in_order = sorted(found[:-1], key=lambda one: str(one.group).zfill(20))
    by_campaign = [{"campaign": one.group, **_without_group(one)} for one in in_order]
    return by_campaign, _without_group(found[-1])


def stations(board: LineBoard) -> dict[str, float]:
    """Seconds that work items spent in each station, from the station events."""
    return {station.station: round(station.seconds, 3) for station in board.stations}


def throughput(board: LineBoard) -> dict[str, Any]:
    return {
        "first_pass_yield": board.first_pass_yield,
        "rework_tax": board.rework_tax,
        "work_seconds": round(board.work_seconds, 3),
        "waiting_seconds": round(board.waiting_seconds, 3),
        "items": {kind.began_in: kind.items for kind in board.kinds},
        "lead_seconds_median": {kind.began_in: kind.lead_seconds_median for kind in board.kinds},
    }


def _without_group(one: Performance) -> dict[str, Any]:
    return {name: value for name, value in one.to_json().items() if name != "group"}
