"""The record of a run: everything that is needed to repeat it elsewhere and to compare."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from assembly_line.canonical import digest_bytes
from assembly_line.declarations.sagemaker.images import Image
from assembly_line.instants import format_instant, from_micros
from assembly_line.release import Release
from assembly_line.training.evaluation import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED
from assembly_line.training.inputs import TrainingInputs
from assembly_line.training.states import EvaluatedModel, PackagedModel, PreparedJob, RunContext

if TYPE_CHECKING:
    from assembly_line.requests import TrainingRequest

SCHEMA = "assembly-line/run"
VERSION = 1
MEASURED_WITH = ("numpy", "duckdb")
# What `preparation` says of the run; the rest is of the fit.
_OF_THE_RUN = ("context", "dataset", "split", "features", "image")


@dataclass(frozen=True, slots=True)
class FittedModel:
    """One fit after its jobs: the document of `preparation`, and the archive."""

    prepared: Mapping[str, Any]
    packaged: PackagedModel


def preparation(
    context: RunContext, dataset: Mapping[str, Any], inputs: TrainingInputs, image: Image, job: PreparedJob
) -> dict[str, Any]:
    """What `prepare` decided for a fit: how the dataset was split and encoded, and the job that trains on it.

    Args:
        context: of the run.
        dataset: the dataset machine's output.
        inputs: what was written.
        image: that trains, and that serves.
        job: the training job's inputs.
    """
    return {
        "context": context.to_json(),
        "dataset": dict(dataset),
        "split": {
            "holdout_from": format_instant(from_micros(inputs.boundary)),
            "holdout_to": format_instant(from_micros(inputs.until)),
            "holdout_rows": len(inputs.truth.decision_id),
            "purged_rows": inputs.purged,
        },
        "features": inputs.encoding.features,
        "image": image.to_json(),
        "rows": inputs.rows,
        "prior": inputs.prior,
        "encoding": inputs.encoding.digest,
        "files": {
            "train": digest_bytes(inputs.train),
            "holdout": digest_bytes(inputs.batch),
            "again": digest_bytes(inputs.again),
        },
        "job": job.to_json(),
    }


def run_record(
    release: Release,
    evaluated: EvaluatedModel,
    *,
    judged: FittedModel,
    delivered: FittedModel | None,
    further: Mapping[str, FittedModel] | None = None,
    validation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole record, written when the model is registered, or when the run ends because it did not pass.

    Args:
        release: that the run used.
        evaluated: measures and package.
        judged: the fit that the measures are of.
        delivered: the fit that is registered; the same one if the line does not refit; None if the run did not pass.
        further: the fits that looked into the recipe, by name.
        validation: as `validated` found it.
    """
    last = delivered or judged
    job = PreparedJob.from_json(last.prepared["job"])
    return {
        "schema": SCHEMA,
        "version": VERSION,
        **{name: last.prepared[name] for name in _OF_THE_RUN},
        "release": release.digest,
        "scripts": {name: digest_bytes(content) for name, content in sorted(release.scripts.items())},
        "hyperparameters": job.hyperparameters,
        "seeds": {"bootstrap": BOOTSTRAP_SEED} | _training_seed(job.hyperparameters),
        "bootstrap_draws": BOOTSTRAP_DRAWS,
        "instance": {
            "type": job.instance_type,
            "count": job.instance_count,
            "spot": job.spot,
            "volume_gib": job.volume_gib,
            "timeout_seconds": job.timeout_seconds,
            "transform_type": release.line.training.scores_on,
        },
        "judged": _fit(judged),
        "delivered": None if delivered is None else _fit(delivered),
        **({"further": {name: _fit(one) for name, one in further.items()}} if further else {}),
        "evaluation": evaluated.to_json(),
        "validation": validation,
        "measured_with": {"python": platform.python_version()} | {name: version(name) for name in MEASURED_WITH},
    }


def request_of(record: Mapping[str, Any]) -> TrainingRequest:
    """The request that repeats a run."""
    from assembly_line.requests import TrainingRequest  # with pydantic, which most readers of records do without

    context = record["context"]
    return TrainingRequest.parse(
        {
            "line": context["line"],
            "as_of": context["as_of"],
            "release": record["release"],
            "hyperparameters": {name: json.loads(text) for name, text in context["hyperparameters"].items()},
            "engine": context["dataset_request"].get("engine", "auto"),
            "replicates": context["run_id"],
        }
    )


def _fit(fit: FittedModel) -> dict[str, Any]:
    """What two fits of one run differ in: rows, encoding, files by SHA-256, jobs, and the archive."""
    job, packaged = PreparedJob.from_json(fit.prepared["job"]), fit.packaged
    digests = fit.prepared["files"]
    return {
        "rows": fit.prepared["rows"],
        "prior": fit.prepared["prior"],
        "encoding": fit.prepared["encoding"],
        "files": {
            "train": {"uri": f"{job.train_uri}train.csv", "digest": digests["train"]},
            "holdout": {"uri": f"{job.holdout_input_uri}batch.csv", "digest": digests["holdout"]},
            # Rows behind the holdout, in the same file. Earlier versions asked nothing twice.
            **({"again": {"digest": digests["again"]}} if "again" in digests else {}),
        },
        "scored_by": {"by": job.scored_by, "because": job.scored_by_because},
        "jobs": {"training": job.job_name, "holdout": packaged.transform_job_name, "model": packaged.model_name},
        "archive": {"uri": packaged.model_data_uri, "digest": packaged.digest, "environment": packaged.environment},
    }


def _training_seed(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    return {"training": hyperparameters["seed"]} if "seed" in hyperparameters else {}
