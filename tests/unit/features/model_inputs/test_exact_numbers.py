"""A number that becomes a float on its way to a model keeps its digits, or is refused by the name of its column."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from assembly_line import Preprocessing, latest
from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.encoded_inputs import fit_inputs
from assembly_line.features.model_inputs.numbers import numbers_of
from assembly_line.features.values.columns import column_of
from tests.unit.features.small_world import EVENTS

BIG = 2**53
KEPT = [("int64", BIG), ("int64", -BIG), ("int64", 2**60), ("decimal(18,2)", 12_345), ("decimal(18,0)", BIG + 2)]
LOST = [("int64", BIG + 1), ("int64", -BIG - 1), ("int64", 2**63 - 1), ("decimal(18,0)", BIG + 1),
        ("decimal(18,2)", 123_456_789_012_345_678)]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), KEPT)
def test_a_number_that_a_float_holds_is_kept(kind: str, value: int) -> None:
    scale = 2 if kind.endswith(",2)") else 0

    found = numbers_of("amount", column_of(kind, [value, None]))

    assert float(found[0]) == float(Decimal(value).scaleb(-scale))
    assert found[1] != found[1]


@pytest.mark.parametrize(("kind", "value"), LOST)
def test_a_number_that_a_float_does_not_hold_is_refused(kind: str, value: int) -> None:
    with pytest.raises(RequestRefused, match=r"column amount is .*, and 1 of its values have more digits"):
        numbers_of("amount", column_of(kind, [value, 1, None]))


@pytest.mark.parametrize("value", [BIG + 1, Decimal("1234567890123456.78")])
def test_the_line_s_own_inputs_refuse_it_too(value: Any) -> None:
    features = {"amount": latest(EVENTS, "n")}

    with pytest.raises(ValueError, match=r"feature amount: a value is not a number: .* more digits than a float64"):
        fit_inputs(features, {"amount": [1, value]}, Preprocessing())
