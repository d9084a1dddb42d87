"""The values that requests share: names, digests, instants, and the strict manner of every object in them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant, parse_instant

Engine = Literal["auto", "duckdb", "spark"]
LineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,23}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# The largest integer that every reader of JSON keeps exactly: some read numbers as floating point with 53 bits.
LARGEST_EXACT = 2**53 - 1
Integer64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
# A bound of any kind makes pydantic refuse half of a surrogate pair, which no UTF-8 text can hold.
Text = Annotated[str, Field(min_length=0)]


def _instant(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} has no zone")
    if not isinstance(value, str):
        return value
    try:
        return parse_instant(value, field="instant")
    except RequestRefused as error:
        raise ValueError(str(error).removeprefix("instant: ")) from error  # pydantic then names the field


def _finite(value: str | float) -> str | float:
    if isinstance(value, float) and not math.isfinite(value):
        # A number beyond what a float holds, such as 1e400, is read as infinity.
        said = RequestRefused.about("number", repr(value), "a finite number, such as 0.2")
        raise ValueError(f"{said.value}: expected {said.expected}") from said
    return value


Hyperparameter = Annotated[str | int | float, AfterValidator(_finite)]
Instant = Annotated[datetime, BeforeValidator(_instant), PlainSerializer(format_instant, return_type=str)]


class Strict(BaseModel):
    """Unknown fields are refused, values are not coerced between types."""

    # Built on first use: a function reads one or two of the requests, and importing all of them would build all.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
