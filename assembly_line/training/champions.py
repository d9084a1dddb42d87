"""What is kept of a run that was approved: all that scoring needs, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.training.states import EvaluatedModel, PackagedModel


def champion_of(
    record: Mapping[str, Any],
    packaged: PackagedModel,
    evaluated: EvaluatedModel,
    review: Mapping[str, Any],
    *,
    encoding_key: str,
) -> dict[str, Any]:
    """The champion's item in the control table; the same review always gives the same item.

    Args:
        record: the run's record.
        packaged: the archive that was judged.
        evaluated: its measures and package.
        review: the decided review.
        encoding_key: where the run's encoding is stored.
    """
    return {
        "run_id": record["context"]["run_id"],
        "line": record["context"]["line"],
        "release": record["release"],
        "dataset_id": record["dataset"]["dataset_id"],
        "model_name": packaged.model_name,
        "model_data_uri": packaged.model_data_uri,
        "digest": packaged.digest,
        "model_package_arn": evaluated.model_package_arn,
        "model_package_version": evaluated.model_package_version,
        "encoding_key": encoding_key,
        "features": record["features"],
        "prior": evaluated.metrics["prior"],
        "baseline_feature": evaluated.metrics["baseline_feature"],
        "metrics": evaluated.metrics,
        "author": review["author"],
        "reviewer": review["reviewer"],
        "promoted_at": review["decided_at"],
    }
