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
        packaged: the archive that is delivered.
        evaluated: the recipe's measures, and the archive's package.
        review: the decided review.
        encoding_key: where the delivered fit's encoding is stored.
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
        # What answering without features would be for this model, whatever the judged fit learnt from.
        "prior": record["delivered"]["prior"],
        "baseline_feature": evaluated.metrics["baseline_feature"],
        "metrics": evaluated.metrics,
        "author": review["author"],
        "reviewer": review["reviewer"],
        "promoted_at": review["decided_at"],
    }
