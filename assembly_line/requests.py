"""The inputs of the state machines: small, strict JSON, refused with the field named before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant
from assembly_line.model_types import ModelType
from assembly_line.names import RUN_ID
from assembly_line.refusals import describe, parts_of
from assembly_line.request_fields import Digest, Engine, Hyperparameter, Instant, LineName, Name, ScoredBy, Strict


class Request(Strict):
    """Base: unknown fields are refused, values are not coerced between types."""

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a request.

        Raises:
            RequestRefused: names every field that is wrong, its value, and what was expected.
        """
        if not isinstance(document, Mapping):
            found = type(document).__name__
            text = f"{cls.__name__}: expected a JSON object, got {found}"
            raise RequestRefused(text, where=cls.__name__, value=found, expected="a JSON object")
        try:
            return cls.model_validate(dict(document))
        except ValidationError as error:
            raise RequestRefused(f"{cls.__name__}: {describe(error, cls)}", **parts_of(error, cls)) from error

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values, without fields that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SamplingRequest(Request):
    """Which decisions of a training dataset are kept, instead of what the line declares. Give exactly one of the first
    three fields.

    `keep_negatives`: the share of the negatives that is kept. Every positive is kept.
    `negatives_per_positive`: how many negatives are kept for each positive.
    `share`: the share of all decisions that is kept. `{"share": 1}` keeps all of them.
    `seed`: another seed keeps others.
    """

    keep_negatives: float | None = Field(default=None, gt=0, le=1)
    negatives_per_positive: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    share: float | None = Field(default=None, gt=0, le=1)
    seed: int = Field(default=0, ge=0, lt=1 << 63)

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        given = [self.keep_negatives, self.negatives_per_positive, self.share]
        if sum(value is not None for value in given) != 1:
            raise ValueError("expected exactly one of keep_negatives, negatives_per_positive, share")
        return self


class DatasetRequest(Request):
    """A dataset of one line.

    `purpose`: `training` gives every decision with `from` <= decision time < `to` whose outcome is mature at `as_of`,
    with the outcome. `scoring` gives every decision with `from` <= decision time < `to`, none later than `as_of`,
    without outcome.
    `as_of`: the instant of what is known. Nothing later enters the dataset.
    `from`: the first decision time. A scoring dataset needs it.
    `to`: the first decision time that is left out. A scoring dataset needs it.
    `features`: names of features. `features` and `groups` add up. Without either, the dataset has all of the line's
    features.
    `groups`: names of groups of features that the line declares.
    `sampling`: which decisions of a training dataset are kept.
    `model`: the type of model that a training dataset is for. The dataset is then also written in the shape that this
    type needs.
    `explain`: return what would be read and built, with an estimate of time and cost, and build nothing.
    """

    line: LineName
    purpose: Literal["training", "scoring"]
    as_of: Instant
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = Field(default=None, alias="to")
    features: list[Name] | None = Field(default=None, min_length=1, max_length=1000)
    groups: list[Name] | None = Field(default=None, min_length=1, max_length=100)
    engine: Engine = "auto"
    release: Digest | None = None
    sampling: SamplingRequest | None = None
    model: ModelType | None = None
    explain: bool = Field(default=False, exclude_if=lambda asked: not asked)

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if self.model is not None and self.purpose != "training":
            raise ValueError("model: a scoring dataset has no outcome, so no model inputs; ask for purpose training")
        return self

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.purpose == "scoring" and self.sampling is not None:
            raise ValueError("sampling is for training; every decision of a scoring dataset is scored")
        if self.purpose == "scoring" and (self.since is None or self.until is None):
            raise ValueError("a scoring dataset needs from and to")
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"from {format_instant(self.since)} is not before to {format_instant(self.until)}")
        return self


class TrainingRequest(Request):
    """A training run on the data known at `as_of`.

    `as_of`: the instant of what is known when the model is trained.
    `hyperparameters`: values that replace declared ones of the same name.
    `margin`: how much better than the champion the run must be to come before a reviewer. The first measure of the
    outcome's kind decides, on the same decisions.
    `replicates`: a run of the same line, release, `as_of` and hyperparameters that this one repeats. It ends with the
    comparison, and registers nothing.
    `scored_by`: who asks the fitted models: a `function` within seconds, or a `transform` job. `auto` decides by the
    size of the batch and the framework.
    """

    line: LineName
    as_of: Instant
    hyperparameters: dict[Name, Hyperparameter] = Field(default_factory=dict, max_length=90)
    margin: float | None = Field(default=None, allow_inf_nan=False)
    replicates: str | None = Field(default=None, pattern=f"^{RUN_ID}$")
    engine: Engine = "auto"
    release: Digest | None = None
    scored_by: ScoredBy = Field(default="auto", exclude_if=lambda asked: asked == "auto")


class ScoringRequest(Request):
    """Let the champion score the decisions with `from` <= decision time < `to`, with what is known at `as_of`.

    `from`: the first decision time.
    `to`: the first decision time that is left out.
    `as_of`: the instant of what is known. The default is `to`, in a replay `at` if that is earlier.
    `at`: the instant of the line's business clock that a replay declares for the run. Without it, real time.
    `again`: deliver although decisions of this period were delivered before.
    `deliver_backfill`: deliver although the run is a backfill. Its model or its data know more than its
    instant, or the line was scored at a later instant already.
    `backfill`: the run fills in the past, whatever its instant is: nothing of it decides.
    `scored_by`: who asks the champion: a `function` within seconds, or a `transform` job. `auto` decides by the size of
    the batch and the framework.
    """

    line: LineName
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")
    as_of: Instant | None = None
    engine: Engine = "auto"
    at: Instant | None = None
    again: bool = Field(default=False, exclude_if=lambda asked: not asked)
    deliver_backfill: bool = Field(default=False, exclude_if=lambda asked: not asked)
    backfill: bool = Field(default=False, exclude_if=lambda asked: not asked)
    scored_by: ScoredBy = Field(default="auto", exclude_if=lambda asked: asked == "auto")

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.since >= self.until:
            raise ValueError(f"from {format_instant(self.since)} is not before to {format_instant(self.until)}")
        return self


class OutcomesRequest(Request):
    """Derive the outcome of every scored decision, delivered or not, that is mature at `as_of` and has none yet.

    `as_of`: the instant of what is known.
    """

    line: LineName
    as_of: Instant


class OnlineRequest(Request):
    """Publish the features of the line's current release from the snapshots in force, for instants from `from` on.

    `from`: the first instant that can be asked for. The default is two days before the newest event.
    """

    line: LineName
    served_from: Instant | None = Field(default=None, alias="from")


class FeaturesRequest(Request):
    """Features of one entity at an instant, by default now: what a decision about it would know then.

    `keys`: the keys of the decision, at least those that the features need.
    `at`: the instant of the decision.
    `features`: names of features. The default is all features of the line.
    """

    keys: dict[Name, int | str | bool | None] = Field(min_length=1, max_length=32)
    at: Instant | None = None
    features: list[Name] | None = Field(default=None, min_length=1, max_length=1000)


class DecisionRequest(Request):
    """Decide about one entity now, and keep the decision in the ledger.

    `keys`: every key of the decision.
    `at`: the instant of the decision by the line's business clock, for a replay of the past. The default is now.
    """

    keys: dict[Name, int | str | bool] = Field(min_length=1, max_length=32)
    at: Instant | None = None


Reason = Annotated[str, Field(min_length=3, max_length=2000)]
RunId = Annotated[str, Field(pattern=f"^{RUN_ID}$")]


class ReviewRequest(Request):
    """A reviewer's judgement of a run.

    `decision`: the judgement.
    `reason`: why, in 3 to 2,000 characters. It is kept with the review.
    `packet`: the digest of the packet that was judged. If the stored packet is another one, the request is refused.
    Without it, the stored packet is judged.
    """

    decision: Literal["approve", "reject"]
    reason: Reason
    packet: Digest | None = None


class RollbackRequest(Request):
    """Let a run that was approved before decide again, in place of the run that decides now.

    `run_id`: the run that shall decide.
    `replaces`: the run that decides now. If another one does, the request is refused.
    `reason`: why, in 3 to 2,000 characters. It is kept with the champion.
    """

    run_id: RunId
    replaces: RunId
    reason: Reason
