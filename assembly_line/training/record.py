"""The record of a run: everything that is needed to repeat it elsewhere and to compare."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from assembly_line.canonical import digest_bytes
from assembly_line.instants import format_instant, from_micros
from assembly_line.release import Release
from assembly_line.training.evaluation import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED
from assembly_line.training.images import Image
from assembly_line.training.inputs import TrainingInputs
from assembly_line.training.states import EvaluatedModel, PackagedModel, PreparedJob, RunContext

SCHEMA = "assembly-line/run"
VERSION = 1
MEASURED_WITH = ("numpy", "duckdb")


def preparation(
    context: RunContext, dataset: Mapping[str, Any], inputs: TrainingInputs, image: Image, files: Mapping[str, str]
) -> dict[str, Any]:
    """What `prepare` decided: how the dataset was split and encoded, and which image trains on it.

    Args:
        context: of the run.
        dataset: the dataset machine's output.
        inputs: what was written.
        image: that trains and serves.
        files: file of the run -> SHA-256 of its content.
    """
    return {
        "context": context.to_json(),
        "dataset": dict(dataset),
        "split": {
            "holdout_from": format_instant(from_micros(inputs.boundary)),
            "rows": inputs.rows,
            "holdout_rows": len(inputs.truth.decision_id),
            "prior": inputs.prior,
        },
        "encoding": inputs.encoding.digest,
        "features": inputs.encoding.features,
        "image": asdict(image),
        "files": dict(files),
    }


def run_record(
    release: Release,
    prepared: Mapping[str, Any],
    job: PreparedJob,
    packaged: PackagedModel,
    evaluated: EvaluatedModel,
) -> dict[str, Any]:
    """The whole record, written when the model is registered.

    Args:
        release: that the run used.
        prepared: the document of `preparation`.
        job: the training job's inputs.
        packaged: the final archive.
        evaluated: measures and package.
    """
    return {
        "schema": SCHEMA,
        "version": VERSION,
        **prepared,
        "release": release.digest,
        "scripts": {name: digest_bytes(content) for name, content in sorted(release.scripts.items())},
        "hyperparameters": job.hyperparameters,
        "seeds": {"bootstrap": BOOTSTRAP_SEED} | _training_seed(job.hyperparameters),
        "bootstrap_draws": BOOTSTRAP_DRAWS,
        "jobs": {"training": job.job_name, "holdout": packaged.transform_job_name, "model": packaged.model_name},
        "instance": {"type": job.instance_type, "volume_gib": job.volume_gib, "timeout_seconds": job.timeout_seconds},
        "archive": {"uri": packaged.model_data_uri, "digest": packaged.digest, "environment": packaged.environment},
        "evaluation": evaluated.to_json(),
        "measured_with": {"python": platform.python_version()} | {name: version(name) for name in MEASURED_WITH},
    }


def _training_seed(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    return {"training": hyperparameters["seed"]} if "seed" in hyperparameters else {}
