"""What travels between the line and the world: predictions out, feedback in, station events. Strict, versioned JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from assembly_line.documents import distinct_members
from assembly_line.errors import MalformedMessage
from assembly_line.instants import calendar_form
from assembly_line.refusals import describe, parts_of, wrong_fields
from assembly_line.request_fields import LARGEST_EXACT, Digest, Instant, Integer64, LineName, Text

PREDICTION_SCHEMA: Literal["assembly-line/prediction"] = "assembly-line/prediction"
PROBE_SCHEMA: Literal["assembly-line/probe"] = "assembly-line/probe"
BATCH_SCHEMA: Literal["assembly-line/batch"] = "assembly-line/batch"
FEEDBACK_SCHEMA: Literal["assembly-line/feedback"] = "assembly-line/feedback"
STATION_EVENT_SCHEMA: Literal["assembly-line/station-event"] = "assembly-line/station-event"

DecisionId = Annotated[str, Field(pattern=f"^d1-{calendar_form('')}-[0-9a-f]{{32}}$")]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=1, le=LARGEST_EXACT)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
# An action that was taken had a chance.
Propensity = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1)]


# Readers ignore what they do not know.
_OPEN = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class Message(BaseModel):
    # Built on first use: each function handles one or two of the kinds.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=(), defer_build=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read one message.

        Raises:
            MalformedMessage: it is not strict JSON, or a field is wrong; the message names it.
        """
        return cls.from_values(parse_json(text))

    @classmethod
    def from_values(cls, document: object) -> Self:
        """Read one message out of JSON values.

        Raises:
            MalformedMessage: a field is wrong; the message names it.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise MalformedMessage(
                f"{cls.__name__}: {describe(error, cls)}", wrong_fields(error, cls), **parts_of(error, cls)
            ) from error

    def to_json(self) -> str:
        text = json.dumps(self.to_values(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # SNS and SQS refuse these two characters, not their escapes.
        return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")

    def to_values(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


class Model(BaseModel):
    """Which model answered.

    `run_id`: the run that trained it.
    `digest`: the digest of the archive that was loaded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    run_id: Identifier
    digest: Digest


class AnyPrediction(Message):
    """What every version of a prediction says, in this order."""

    schema_: Literal["assembly-line/prediction"] = Field(default=PREDICTION_SCHEMA, alias="schema")
    version: int
    line: LineName
    decision_id: DecisionId
    revision: Count
    decision_time: Instant
    keys: dict[Text, int | Annotated[Text, Field(min_length=1)] | bool]
    score: Finite
    action: Identifier
    propensity: Propensity
    arm: Identifier
    policy_version: Count
    model: Model
    batch: Identifier
    issued_at: Instant
    expires_at: Instant


class Prediction(AnyPrediction):
    """A model's answer for one decision, and the action that the policy makes of it.

    `revision`: it only rises. The message with the highest revision holds for a decision.
    `decision_time`: the time of the decision.
    `keys`: key column -> value.
    `score`: the probability that the model gives.
    `action`: the action that the policy chose.
    `propensity`: the probability of that action before chance was asked.
    `arm`: the arm of an experiment. So far every decision is in one arm.
    `policy_version`: the version of the policy that chose the action.
    `model`: the model that answered.
    `batch`: the scoring run.
    `issued_at`: the instant of the run, by the line's business clock.
    `expires_at`: refuse the action from then on.
    """

    version: Literal[1] = 1
    score: Probability


class ClassProbabilities(BaseModel):
    """The whole answer for an outcome of several classes.

    `score_of`: the class whose probability is the score.
    `probabilities`: class -> probability. They add up to 1.
    """

    model_config = _OPEN

    kind: Literal["class_probabilities"]
    score_of: Text
    probabilities: dict[Text, Probability]


class QuantileValues(BaseModel):
    """The whole answer for a number that is predicted by its quantiles.

    `score_of`: the level whose quantile is the score.
    `quantiles`: level -> quantile. A higher level has no lower quantile.
    """

    model_config = _OPEN

    kind: Literal["quantiles"]
    score_of: Text
    quantiles: dict[Text, Finite]


class Rank(BaseModel):
    """The place of the decision among those that it is ranked against.

    `within`: the key columns that these have in common, beside the decision time.
    `rank`: 1 for the highest score. Equal scores share the better rank.
    `of`: how many decisions are ranked.
    """

    model_config = _OPEN

    kind: Literal["rank"]
    within: list[Text]
    rank: Count
    of: Count


class SurvivalCurve(BaseModel):
    """The whole answer for a time to an event.

    `score_of`: the days of the horizon. The score is the probability that the event comes within them.
    `survival`: days -> probability that the event has not come by then.
    """

    model_config = _OPEN

    kind: Literal["survival"]
    score_of: Text
    survival: dict[Text, Probability]


class ForecastSteps(BaseModel):
    """The whole answer for a number of several spans that follow one another.

    `score_of`: the step whose number is the score. The first one is 1.
    `step_seconds`: the length of a step. The first one begins at the decision, after the gap that the line declares.
    `steps`: step -> number.
    """

    model_config = _OPEN

    kind: Literal["forecast"]
    score_of: Text
    step_seconds: Finite
    steps: dict[Text, Finite]


class PredictionV2(AnyPrediction):
    """A model's answer for one decision of a line whose outcome is not present or absent, or is ranked.

    Later versions of the line may add fields. A consumer ignores those that it does not know.

    `revision`: it only rises. The message with the highest revision holds for a decision.
    `decision_time`: the time of the decision.
    `keys`: key column -> value.
    `score`: the number of the answer that the policy cuts. It lies between `lowest` and `highest`.
    `action`: the action that the policy chose.
    `propensity`: the probability of that action before chance was asked.
    `arm`: the arm of an experiment. So far every decision is in one arm.
    `policy_version`: the version of the policy that chose the action.
    `model`: the model that answered.
    `batch`: the scoring run.
    `issued_at`: the instant of the run, by the line's business clock.
    `expires_at`: refuse the action from then on.
    `outcome`: the name of the outcome that is predicted.
    `kind`: its kind.
    `lowest`: the lowest score that the line declares. Null where there is none.
    `highest`: the highest one. Null where there is none.
    `detail`: the whole answer where it is more than the score, else null.
    """

    model_config = ConfigDict(extra="ignore")

    version: Literal[2] = 2
    outcome: Identifier
    kind: Literal["multiclass", "count", "amount", "quantiles", "ranking", "forecasting", "survival"]
    lowest: Finite | None
    highest: Finite | None
    detail: (
        Annotated[
            ClassProbabilities | QuantileValues | Rank | ForecastSteps | SurvivalCurve, Field(discriminator="kind")
        ]
        | None
    )

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if (
            not (-math.inf if self.lowest is None else self.lowest)
            <= self.score
            <= (math.inf if self.highest is None else self.highest)
        ):
            raise ValueError(f"score {self.score} is outside {self.lowest} to {self.highest}")
        return self


class Probe(Message):
    """Shows that messages of a line arrive at a consumer. A consumer acknowledges it, and does nothing else.

    `consumer`: whom it is for.
    `probe_id`: unlike that of any other probe.
    `sent_at`: when it was sent, in real time.
    """

    model_config = ConfigDict(extra="ignore")

    schema_: Literal["assembly-line/probe"] = Field(default=PROBE_SCHEMA, alias="schema")
    version: Literal[1] = 1
    line: LineName
    consumer: Identifier
    probe_id: Identifier
    sent_at: Instant


class Batch(Message):
    """A batch of predictions is whole, and its files lie in the store.

    `batch`: the scoring run.
    `revision`: the revision of each prediction of the batch.
    `issued_at`: the instant of the run, by the line's business clock.
    `predictions`: how many predictions the files hold.
    `files`: how many files there are.
    `manifest_uri`: the manifest, which names every file with its size and its SHA-256.
    `manifest_digest`: the SHA-256 of the manifest.
    """

    model_config = ConfigDict(extra="ignore")

    schema_: Literal["assembly-line/batch"] = Field(default=BATCH_SCHEMA, alias="schema")
    version: Literal[1] = 1
    line: LineName
    batch: Identifier
    revision: Count
    issued_at: Instant
    predictions: Annotated[int, Field(ge=0, le=LARGEST_EXACT)]
    files: Annotated[int, Field(ge=0, le=LARGEST_EXACT)]
    manifest_uri: Annotated[str, Field(pattern=r"^s3://[a-z0-9.-]+/[!-~]+$")]
    manifest_digest: Digest


class _Feedback(Message):
    schema_: Literal["assembly-line/feedback"] = Field(alias="schema")
    version: Literal[1]
    event_id: Identifier
    line: LineName
    decision_id: DecisionId
    sequence: Annotated[int, Field(ge=0, le=LARGEST_EXACT)]
    at: Instant
    retracts: bool = False


class Override(_Feedback):
    """A person decided otherwise than recommended.

    `action`: the action that the person chose.
    `reason`: why.
    """

    kind: Literal["override"]
    action: Identifier
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


class OutcomeReport(_Feedback):
    """The outcome of a decision, told by an application rather than derived from a source.

    `value`: one of the two values that the line declares.
    """

    kind: Literal["outcome"]
    value: Integer64


class Receipt(_Feedback):
    """The use that a consuming application made of a prediction.

    `revision`: the revision of the prediction that the receipt is about.
    `status`: `applied`, `expired`, `superseded` by a higher revision, or `failed`.
    """

    kind: Literal["receipt"]
    revision: Count
    status: Literal["applied", "expired", "superseded", "failed"]


Feedback = Annotated[Override | OutcomeReport | Receipt, Field(discriminator="kind")]
_FEEDBACK: TypeAdapter[Override | OutcomeReport | Receipt] = TypeAdapter(Feedback, config=ConfigDict(defer_build=True))
_KINDS: dict[object, type[_Feedback]] = {"override": Override, "outcome": OutcomeReport, "receipt": Receipt}


def feedback_from_values(document: object) -> Override | OutcomeReport | Receipt:
    """Read one feedback event.

    Raises:
        MalformedMessage: a field is wrong; the message names it.
    """
    try:
        return _FEEDBACK.validate_python(document)
    except ValidationError as error:
        kind = document.get("kind") if isinstance(document, Mapping) else None
        model = _KINDS.get(kind, _Feedback) if isinstance(kind, str) else _Feedback
        raise MalformedMessage(
            f"feedback: {describe(error, model)}", wrong_fields(error, model), **parts_of(error, model)
        ) from error


def feedback_schema() -> dict[str, Any]:
    return _FEEDBACK.json_schema(by_alias=True, mode="validation")


class Cost(BaseModel):
    """The cost of a piece of work.

    `unit`: such as `USD` or `seconds`.
    `quantity`: how many of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    unit: Identifier
    quantity: Finite


class StationEvent(Message):
    """One station began, finished, failed or waited, for one work item.

    `id`: the name of the event. The same event may arrive twice.
    `environment`: the environment.
    `account`: the AWS account.
    `station`: the station.
    `item`: the work item: the id of its run.
    `kind`: what happened to the item.
    `attempt`: which attempt it is.
    `cause`: why, for a failure or an item that was sent back.
    `principal`: who caused it, if that is known.
    `cost`: the cost of the work, if that is known.
    """

    schema_: Literal["assembly-line/station-event"] = Field(default=STATION_EVENT_SCHEMA, alias="schema")
    version: Literal[1] = 1
    id: Identifier
    environment: Identifier
    account: Identifier
    line: Identifier
    station: Identifier
    item: Identifier
    kind: Literal["queued", "started", "finished", "failed", "waiting", "sent_back"]
    attempt: Count = 1
    at: Instant
    cause: Text | None = None
    principal: Text | None = None
    cost: Cost | None = None


def parse_json(text: str | bytes) -> object:
    """Strict JSON: no NaN or infinity, no repeated member, valid UTF-8, no half of a surrogate pair.

    Raises:
        MalformedMessage: says what is wrong.
    """
    try:
        content = text if isinstance(text, str) else text.decode("utf-8-sig")
        document: object = _STRICT_JSON.decode(content)
        # An escape can hide half of a surrogate pair, which fails wherever the value is written later.
        (json.dumps(document, ensure_ascii=False) if "\\u" in content else content).encode()
        return document
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"body is not strict JSON: {error}") from error


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


# Made once: `json.loads` makes one for every text that it reads with hooks.
_STRICT_JSON = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=distinct_members)
