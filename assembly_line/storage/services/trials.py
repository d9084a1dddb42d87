"""The trials of a tuning job, as SageMaker lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.training import Trial

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient


def trials_of(sagemaker: SageMakerClient, job: str) -> list[Trial]:
    """Every training job of a tuning job, with what it reported."""
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    return [
        Trial(
            name=one["TrainingJobName"],
            status=one["TrainingJobStatus"],
            value=one.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
            hyperparameters=one["TunedHyperParameters"],
            reason=one.get("FailureReason", ""),
        )
        for page in pages.paginate(HyperParameterTuningJobName=job)
        for one in page["TrainingJobSummaries"]
    ]
