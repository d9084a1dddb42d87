"""What the states of the training machine hand to each other: small JSON values, one dataclass each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from assembly_line.errors import NotFound
from assembly_line.outcome_kinds import ID_AND_LAST
from assembly_line.training.serving.places import Asked, Place

# Seconds. Runs of earlier versions wait so long.
TWO_WEEKS = 14 * 24 * 3600


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
    """What is fixed when a run begins. `hyperparameters` are JSON texts by name; `as_of` is an instant in UTC.

    Args:
        refit: whether a final fit runs beside the judged one. The machine of an earlier version did not ask for it.
        replicate: whether a third fit repeats the judged one.
        further: names of the fits that look into the recipe, see `phases.Fit.name`.
        replicates: the run whose judged fit this one repeats; nothing of this one is registered then.
        margin: how much better than the champion the run must be; None if it need not.
        scored_by: what the request wishes: `auto`, `function` or `transform`.
        search: the hyperparameters whose values a search finds before the fits.
        tuned: what the search found; None before it, and without one.
        review_waits: how long the run waits for its review, in seconds: before each announcement, and before its end.
        review_announces: what is announced after each of these waits but the last: `reminder` or `escalation`.
    """

    run_id: str
    line: str
    release: str
    as_of: str
    author: str
    author_verified: bool
    hyperparameters: dict[str, str]
    dataset_request: dict[str, Any]
    started_at: str
    refit: bool = False
    replicate: bool = False
    further: list[str] = field(default_factory=list)
    replicates: str | None = None
    margin: float | None = None
    scored_by: Asked = "auto"
    search: list[str] = field(default_factory=list)
    tuned: dict[str, Any] | None = None
    review_waits: list[int] = field(default_factory=lambda: [TWO_WEEKS])
    review_announces: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class PreparedJob(State):
    """What a fit's training job and its scoring of the holdout need; `rows` are those that it learns from.

    The fields with a default are missing where an earlier version of the product prepared the job.
    """

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
    local_storage: bool = False
    transform_instance_type: str | None = None
    transform_local_storage: bool = False
    output_filter: str = ID_AND_LAST
    scored_by: Place = "transform"
    scored_by_because: str = ""
    instance_count: int = 1
    spot: bool = False
    checkpoint_uri: str = ""
    stopping: dict[str, int] = field(default_factory=dict)
    longest_seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class PreparedSearch(State):
    """What a tuning job needs.

    Args:
        config: how it searches, as `HyperParameterTuningJobConfig`.
        algorithm: image, and how the objective is found in what a trial prints, as `AlgorithmSpecification`.
        hyperparameters: those that every trial has alike.
        stopping: time limits of a trial, as `StoppingCondition`.
        fold: what the trials learn from and report on.
        longest_seconds: by when all trials have ended, if each takes as long as it may.
    """

    job_name: str
    role_arn: str
    algorithm: dict[str, Any]
    config: dict[str, Any]
    hyperparameters: dict[str, str]
    train_uri: str
    validation_uri: str
    code_uri: str
    output_uri: str
    instance_type: str
    instance_count: int
    volume_gib: int
    local_storage: bool
    spot: bool
    stopping: dict[str, int]
    fold: dict[str, Any]
    longest_seconds: int


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
    """What the holdout said of the recipe, and under which version the delivered model is registered.

    Args:
        refit: whether a final fit follows. Until that one is registered, the package's ARN and version are None.
        blocked: the limits that the recipe misses, in words. If there are any, nothing follows.
    """

    metrics: dict[str, Any]
    evaluation_uri: str
    refit: bool
    model_package_arn: str | None
    model_package_version: int | None
    blocked: list[str] = field(default_factory=list)

    @property
    def package_arn(self) -> str:
        """ARN of the registered package.

        Raises:
            NotFound: nothing is registered yet: the final fit is still to come.
        """
        if self.model_package_arn is None:
            raise NotFound("evaluated.model_package_arn: is null; the final fit must be registered before its review")
        return self.model_package_arn
