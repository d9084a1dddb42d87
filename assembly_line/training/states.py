"""What the states of the training machine hand to each other: small JSON values, one dataclass each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class State:
    """Base: the same fields in Python and in the machine's JSON."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


@dataclass(frozen=True, kw_only=True)
class RunContext(State):
    """What is fixed when a run begins. `hyperparameters` are JSON texts by name; `as_of` is an instant in UTC."""

    run_id: str
    line: str
    release: str
    as_of: str
    author: str
    author_verified: bool
    hyperparameters: dict[str, str]
    dataset_request: dict[str, Any]
    started_at: str


@dataclass(frozen=True, kw_only=True)
class PreparedJob(State):
    """What the training job and the scoring of the holdout need."""

    job_name: str
    role_arn: str
    image: str
    hyperparameters: dict[str, str]
    train_uri: str
    code_uri: str
    output_uri: str
    instance_type: str
    volume_gib: int
    timeout_seconds: int
    rows: int
    holdout_rows: int
    holdout_input_uri: str
    holdout_output_uri: str


@dataclass(frozen=True, kw_only=True)
class PackagedModel(State):
    """The final archive, inference code included, and how a container serves it."""

    model_name: str
    model_data_uri: str
    digest: str
    image: str
    role_arn: str
    environment: dict[str, str]
    transform_job_name: str


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel(State):
    """What the holdout said, and under which version the model is registered."""

    metrics: dict[str, Any]
    evaluation_uri: str
    model_package_arn: str
    model_package_version: int
