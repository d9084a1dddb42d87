"""Which values a trial gets. They depend on the seed and the trial's number alone, so a search repeats itself.

SageMaker's Bayesian search learns from the trials before. Here both strategies draw at random.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from assembly_line.errors import RequestRefused

Ranges = Mapping[str, Any]


def proposed(ranges: Ranges, *, seed: int, number: int) -> dict[str, str]:
    """The values of one trial, as texts by name.

    Args:
        ranges: `ParameterRanges` of the request.
        number: of the trial, from 1.
    """
    draw = random.Random(f"{seed}/{number}")  # noqa: S311  a search has no secret
    values: dict[str, str] = {}
    for one in sorted(_numbers(ranges), key=lambda item: str(item["Name"])):
        low, high = (float(one[end]) for end in ("MinValue", "MaxValue"))
        value = _drawn(draw, low, high + one["whole"], scale=one.get("ScalingType", "Auto"))
        values[one["Name"]] = str(min(int(value), int(high))) if one["whole"] else repr(value)
    for one in sorted(ranges.get("CategoricalParameterRanges") or [], key=lambda item: str(item["Name"])):
        values[one["Name"]] = draw.choice(one["Values"])
    return values


def check_ranges(ranges: Ranges, static: Mapping[str, str]) -> None:
    """Refuse ranges in which nothing can be searched.

    Raises:
        RequestRefused: says which range, and why.
    """
    numbers = _numbers(ranges)
    names = [
        *(one["Name"] for one in numbers),
        *(one["Name"] for one in ranges.get("CategoricalParameterRanges") or []),
    ]
    if not names:
        raise RequestRefused("ParameterRanges: expected at least one range")
    for name in names:
        if names.count(name) > 1 or name in static:
            raise RequestRefused(f"ParameterRanges: hyperparameter {name!r} has a value, or a range, already")
    for one in numbers:
        try:
            low, high = (float(one[end]) for end in ("MinValue", "MaxValue"))
        except ValueError as error:
            raise RequestRefused(f"ParameterRanges: {one['Name']}: {error}") from error
        if not low < high:
            raise RequestRefused(f"ParameterRanges: {one['Name']}: MinValue {low:g} is not below MaxValue {high:g}")
        scale = one.get("ScalingType", "Auto")
        if (scale == "Logarithmic" and low <= 0) or (scale == "ReverseLogarithmic" and not 0 <= low < high < 1):
            raise RequestRefused(f"ParameterRanges: {one['Name']}: {scale} does not suit {low:g} to {high:g}")


def _numbers(ranges: Ranges) -> list[dict[str, Any]]:
    """Ranges of numbers; `whole` is 1 for whole ones, which reach up to the next above their end."""
    return [
        {**one, "whole": whole}
        for kind, whole in (("Integer", 1), ("Continuous", 0))
        for one in ranges.get(f"{kind}ParameterRanges") or []
    ]


def _drawn(draw: random.Random, low: float, high: float, *, scale: str) -> float:
    to, back = _SCALES.get(scale, (float, float))
    ends = sorted((to(low), to(high)))
    return min(max(back(draw.uniform(*ends)), low), high)


_SCALES: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "Logarithmic": (math.log, math.exp),
    "ReverseLogarithmic": (lambda value: math.log(1 - value), lambda value: 1 - math.exp(value)),
}
