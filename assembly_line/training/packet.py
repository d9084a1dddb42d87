"""What a reviewer is shown: the run's measures, where its data comes from, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assembly_line.features import Manifest
    from assembly_line.training.champions import Champion


def review_packet(
    record: Mapping[str, Any],
    manifest: Manifest,
    *,
    champion: Champion | None,
    risk: str,
) -> dict[str, Any]:
    """The packet, from what the run wrote alone.

    Args:
        record: the run's record.
        manifest: of its dataset.
        champion: what decides for the line now, if anything does.
        risk: the line's risk tier.
    """
    context, metrics = record["context"], record["evaluation"]["metrics"]
    return {
        "line": context["line"],
        "run_id": context["run_id"],
        "as_of": context["as_of"],
        "release": record["release"],
        "dataset_id": record["dataset"]["dataset_id"],
        "rows": record["delivered"]["rows"],
        "judged_rows": record["judged"]["rows"],
        "holdout_rows": record["split"]["holdout_rows"],
        "purged_rows": record["split"]["purged_rows"],
        "holdout_from": record["split"]["holdout_from"],
        "features": record["features"],
        "hyperparameters": context["hyperparameters"],
        "metrics": metrics,
        "champion": None if champion is None else _champion(champion),
        "digest": record["delivered"]["archive"]["digest"],
        "model_package_arn": record["evaluation"]["model_package_arn"],
        "limitations": list(manifest.limitations),
        "warnings": list(manifest.warnings),
        "excluded": dict(manifest.excluded),
        "notes": [
            *_what_was_left_out(record["split"]),
            *_what_is_delivered(record),
            *notes(metrics, author_verified=context["author_verified"], risk=risk),
        ],
    }


def notes(metrics: Mapping[str, Any], *, author_verified: bool, risk: str) -> list[str]:
    """What a reviewer should not overlook, in words."""
    found = []
    interval, baseline = metrics["auc_interval"], metrics["baseline_auc"]
    if metrics["log_loss"] >= metrics["prior_log_loss"]:
        found.append("The log loss is no better than that of answering the training part's rate for every decision.")
    if metrics["auc"] is not None and baseline is not None and metrics["auc"] <= baseline:
        found.append(f"The AUC is no better than that of the rule by {metrics['baseline_feature']} alone.")
    elif interval is not None and baseline is not None and interval[0] <= baseline:
        found.append(f"The AUC's interval includes the AUC of the rule by {metrics['baseline_feature']} alone.")
    if not author_verified:
        found.append(
            "Who asked for this run is not verified: it was not started through the API."
            + ("" if risk == "low" else " It can be rejected, not approved.")
        )
    return found


def _what_was_left_out(split: Mapping[str, Any]) -> list[str]:
    if not split["purged_rows"]:
        return []
    return [
        f"{split['purged_rows']:,} earlier decisions taught the judged fit nothing: their outcomes were not known at "
        f"{split['holdout_from']}, when the first of the later ones was taken."
    ]


def _what_is_delivered(record: Mapping[str, Any]) -> list[str]:
    if not record["evaluation"]["refit"]:
        return []
    return [
        f"The figures are those of the recipe: it learnt from the {record['judged']['rows']} earlier decisions and was "
        f"judged on the {record['split']['holdout_rows']} later ones. What is delivered learnt by the same recipe from "
        f"all {record['delivered']['rows']}; no later decisions are left to judge that fit by."
    ]


def _champion(champion: Champion) -> dict[str, Any]:
    """The present champion by its own evaluation: another holdout, so its figures do not compare one to one."""
    return {"run_id": champion.run_id, "promoted_at": champion.promoted_at, "own_metrics": champion.metrics}
