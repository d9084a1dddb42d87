"""What a dataset is for: the types of model with their parameters, as a request names them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from assembly_line.request_fields import Instant, Name, Strict

Format = Literal["csv", "parquet"]
HOLDOUT = 0.25
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Columns = Annotated[list[Name], Field(min_length=1, max_length=10)]


class Split(Strict):
    """Parts by decision time: a model is judged on decisions later than all it learns from.

    An instant is never split. A row of a part is used only if its outcome was known by the first decision of the part
    that it is judged on.

    `holdout`: share of the rows, the latest, that stand in a test part; 0.25, or n/(n+1) with n folds.
    `boundary`: the first instant of the (first) test part, in place of `holdout`.
    `validation`: share of the rows before a test part, the latest of them, that become its validation part.
    `folds`: that many test parts one after the other; each has all rows before it for training (`expanding`), or those
    of a span as long as the first fold's (`sliding`).
    `embargo_days`: outcomes must have been known, and decisions taken, so many days before the part they are judged on.
    `keep_together`: key columns; rows with the same values never stand in two parts of one fold. Those of the earlier
    part are left out (`out_of_training`), or those of the later one (`out_of_test`).
    """

    holdout: Share | None = None
    boundary: Instant | None = None
    validation: Share | None = None
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    window: Literal["expanding", "sliding"] = "expanding"
    embargo_days: Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)] = 0.0
    keep_together: list[Name] = Field(default_factory=list, max_length=10)
    shared_groups: Literal["out_of_training", "out_of_test"] = "out_of_training"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.holdout is not None and self.boundary is not None:
            raise ValueError("give holdout or boundary, not both")
        if self.window == "sliding" and self.folds is None:
            raise ValueError("window 'sliding' needs folds; without them there is one training part")
        return self

    def resolved(self) -> Self:
        """With the share that is held out where neither it nor a boundary was given."""
        if self.holdout is not None or self.boundary is not None:
            return self
        return self.model_copy(update={"holdout": HOLDOUT if self.folds is None else self.folds / (self.folds + 1)})


class ModelSpecBase(Strict):
    """What every type has: the split, and the format of its files (CSV without a header, or Parquet)."""

    split: Split = Split()

    def resolved(self) -> Self:
        """The same with every default in its place, so that equal model specs are equal."""
        return self.model_copy(update={"split": self.split.resolved()})

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON values, without fields that are null."""
        return self.model_dump(mode="json", exclude_none=True)


class Balanced(ModelSpecBase):
    """For outcomes that are there or not.

    `balance`: `weights` gives each row of the rarer outcome of a training part the weight commoner/rarer, all others 1;
    `downsample` keeps of the commoner outcome `majority` rows for each of the rarer, drawn by a hash of `seed` and the
    decision. Parts that judge stay as they are.
    """

    balance: Literal["none", "weights", "downsample"] = "none"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    majority: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = 1.0


class GradientBoosting(Balanced):
    """Label first, then features; missing values stay missing."""

    type: Literal["gradient_boosting"]
    format: Format = "csv"
    encoding: Literal["ordinal", "one_hot"] = "ordinal"


class Linear(Balanced):
    """Label first, then features without a missing value: imputed, scaled, categories as one column each."""

    type: Literal["linear"]
    format: Format = "parquet"
    imputation: Literal["mean", "median", "zero"] = "mean"
    scaling: Literal["standard", "robust", "none"] = "standard"


class Ranking(ModelSpecBase):
    """Rows in groups that are ranked within themselves, such as all households of a campaign.

    `group`: key columns, or `decision_time`. A group stands in one part: that of its latest decision.
    `qid`: a column with the number of the group after the label, beside the file of group sizes.
    """

    type: Literal["ranking"]
    format: Format = "csv"
    encoding: Literal["ordinal", "one_hot"] = "ordinal"
    group: Annotated[Columns, Field(description="key columns of the decision, or decision_time")]
    qid: bool = False


class Forecasting(ModelSpecBase):
    """One row for each series and origin, with the outcomes of the steps after it.

    `series`: key columns; all keys of the decision if left out.
    `horizon`: how many steps are forecast; `gap`: steps between the origin's own and the first of them.
    `incomplete`: what becomes of origins whose steps are not all there: left out, or kept with nulls.
    """

    type: Literal["forecasting"]
    format: Format = "parquet"
    encoding: Literal["ordinal", "one_hot"] = "ordinal"
    imputation: Literal["none", "mean", "median", "zero"] = "none"
    scaling: Literal["none", "standard", "robust"] = "none"
    series: Columns | None = None
    horizon: Annotated[int, Field(ge=1, le=500, description="how many steps are forecast, 1 to 500")]
    gap: Annotated[int, Field(ge=0, le=500)] = 0
    incomplete: Literal["drop", "null"] = "drop"


class Survival(ModelSpecBase):
    """The time until the outcome, or until observation ended without it.

    `target`: `duration` (days, and 1 where it happened), `aft` (lower and upper bound of the days, the upper infinite
    where it did not happen), or `cox` (days, negative where it did not happen).
    """

    type: Literal["survival"]
    format: Format = "csv"
    encoding: Literal["ordinal", "one_hot"] = "ordinal"
    imputation: Literal["none", "mean", "median", "zero"] = "none"
    scaling: Literal["none", "standard", "robust"] = "none"
    target: Literal["duration", "aft", "cox"] = "duration"


class Plain(Strict):
    """The dataset as it is: no model inputs."""

    type: Literal["plain"]


ModelSpec = GradientBoosting | Linear | Ranking | Forecasting | Survival
ModelType = Annotated[ModelSpec | Plain, Field(discriminator="type")]


class _ModelSpecDocument(Strict):
    model: Annotated[ModelSpec, Field(discriminator="type")]


def model_spec_from_json(document: object) -> ModelSpec:
    """Read what `to_json` of a type with parameters wrote, as one step hands it to the next."""
    return _ModelSpecDocument.model_validate({"model": document}).model
