"""The inputs of the state machines: small, strict JSON, refused with the field named before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator
from pydantic_core import ErrorDetails

from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant, parse_instant

SHOWN = 100  # characters of a wrong value
Engine = Literal["auto", "duckdb", "spark"]
LineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,23}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _instant(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_instant(value, field="instant")
    except RequestRefused as error:
        raise ValueError(str(error).removeprefix("instant: ")) from error  # pydantic then names the field


Instant = Annotated[datetime, BeforeValidator(_instant), PlainSerializer(format_instant, return_type=str)]


class Request(BaseModel):
    """Base: unknown fields are refused, values are not coerced between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def parse(cls, document: object) -> Self:
        """Read a request.

        Raises:
            RequestRefused: names every field that is wrong, its value, and what was expected.
        """
        if not isinstance(document, Mapping):
            raise RequestRefused(f"{cls.__name__}: expected a JSON object, got {type(document).__name__}")
        try:
            return cls.model_validate(dict(document))
        except ValidationError as error:
            raise RequestRefused(f"{cls.__name__}: {describe(error, cls)}") from error

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values, without fields that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Every problem of a pydantic error in one readable line; `model` tells which fields there are."""
    return "; ".join(_problem(problem, model) for problem in error.errors(include_url=False))


def _problem(problem: ErrorDetails, model: type[BaseModel]) -> str:
    where, kind, value = ".".join(map(str, problem["loc"])), problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"{where}: unknown field; there are {known}"
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "union_tag_not_found":
        return f"{_tag_field(problem)}: is missing"
    if kind == "union_tag_invalid":
        return (
            f"{_tag_field(problem)}: {_shown(problem['ctx']['tag'])}: expected one of {problem['ctx']['expected_tags']}"
        )
    if kind == "value_error":  # our own words, which name the value
        return ": ".join(part for part in (where, str(problem["ctx"]["error"])) if part)
    if not where:
        return f"expected a JSON object, got {type(value).__name__}"
    return f"{where}: {_shown(value)}: {problem['msg']}"


def _tag_field(problem: ErrorDetails) -> str:
    return str(problem["ctx"]["discriminator"]).strip("'")


def _shown(value: object) -> str:
    """The value as far as it helps; a whole object, in which anything may stand, only by its type."""
    text = type(value).__name__ if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


class DatasetRequest(Request):
    """A dataset of one line.

    `training`: every decision with `from` <= decision time < `to` whose outcome is mature at `as_of`, with the outcome.
    `scoring`: every decision with `from` <= decision time < `to`, none later than `as_of`, without outcome.
    """

    line: LineName
    purpose: Literal["training", "scoring"]
    as_of: Instant
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = Field(default=None, alias="to")
    features: list[Name] | None = Field(default=None, min_length=1, max_length=1000)
    engine: Engine = "auto"
    release: Digest | None = None

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.purpose == "scoring" and (self.since is None or self.until is None):
            raise ValueError("a scoring dataset needs from and to")
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"from {format_instant(self.since)} is not before to {format_instant(self.until)}")
        return self


class TrainingRequest(Request):
    """A training run: the data known at `as_of`, and hyperparameters that replace declared ones of the same name."""

    line: LineName
    as_of: Instant
    hyperparameters: dict[Name, str | int | float] = Field(default_factory=dict, max_length=90)
    engine: Engine = "auto"
    release: Digest | None = None


class ScoringRequest(Request):
    """Let the champion score the decisions with `from` <= decision time < `to`, with what is known at `as_of`."""

    line: LineName
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")
    as_of: Instant | None = None
    engine: Engine = "auto"

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.since >= self.until:
            raise ValueError(f"from {format_instant(self.since)} is not before to {format_instant(self.until)}")
        return self


class OutcomesRequest(Request):
    """Derive the outcome of every delivered decision that is mature at `as_of` and has none yet."""

    line: LineName
    as_of: Instant


class ReviewRequest(Request):
    """A reviewer's judgement of a run."""

    decision: Literal["approve", "reject"]
    reason: Annotated[str, Field(min_length=3, max_length=2000)]
