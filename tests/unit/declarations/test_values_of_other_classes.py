"""A value of a class of its own declares what the plain value declares; a set declares the same in every process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import assembly_line
from assembly_line import Line, column, count, days, one_of
from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.errors import DeclarationError
from tests.unit.declarations.test_wrong_types import RIGHT, SALES, called

PLAIN = (str, int, float, bool, Decimal, date, datetime, timedelta)
SCALARS = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2, 1, 1)),  # noqa: DTZ001
)
COLUMNS: dict[type, str] = {
    str: "string",
    int: "int64",
    float: "float64",
    bool: "boolean",
    Decimal: "decimal(18,2)",
    date: "date",
    datetime: "timestamp",
}


class Day(date):
    def __str__(self) -> str:
        return "a day"


class Instant(datetime):
    def __str__(self) -> str:
        return "an instant"


class Length(timedelta):
    def __str__(self) -> str:
        return "a length"


def disguised(value: Any) -> Any:
    """The same value, each plain part of it as a member of an enumeration, or of another class that extends it."""
    match value:
        case bool():
            return value
        case str() | int() | float() | Decimal():
            enumeration: Any = Enum
            return enumeration("Kind", {"MEMBER": value}, type=type(value)).MEMBER
        case datetime():
            return Instant.combine(value.date(), value.time(), value.tzinfo).replace(fold=value.fold)
        case date():
            return Day(value.year, value.month, value.day)
        case timedelta():
            return Length(value.days, value.seconds, value.microseconds)
        case tuple() | list():
            return tuple(disguised(one) for one in value)
        case Mapping():
            return {disguised(key): disguised(one) for key, one in value.items()}
    return value


def spelled(value: Any) -> Any:
    """Everything that a declaration holds, each with its class."""
    if is_dataclass(value):
        return type(value), [(field.name, spelled(getattr(value, field.name))) for field in fields(value)]
    if isinstance(value, Mapping):
        return type(value), [(spelled(key), spelled(one)) for key, one in value.items()]
    if isinstance(value, tuple):
        return tuple, [spelled(one) for one in value]
    return type(value), repr(value) if isinstance(value, PLAIN) else getattr(value, "name", value)


@pytest.mark.parametrize("name", RIGHT)
def test_a_declaration_of_values_of_other_classes_is_the_one_of_plain_values(name: str) -> None:
    given = {parameter: disguised(value) for parameter, value in RIGHT[name].items()}

    assert spelled(called(name, **given)) == spelled(called(name))


@given(SCALARS)
def test_a_predicate_of_a_value_of_another_class_compares_with_the_plain_one(value: Any) -> None:
    plain, other = column("a") == value, column("a") == disguised(value)
    among = column("a").isin([disguised(value)])

    assert spelled(other) == spelled(plain)
    assert spelled(among.values) == spelled((plain.value,))


def line_of(**changes: Any) -> Line:
    line = called("Line", **changes)
    assert isinstance(line, Line)
    return line


@pytest.mark.parametrize(("kind", "value"), [("string", "abc"), ("int64", 3), ("float64", 0.5), ("date", date.max)])
def test_a_line_of_values_of_other_classes_is_what_its_json_is(kind: str, value: Any) -> None:
    def declared(one: Any) -> Line:
        sales = called("Source", columns={**SALES.columns, "code": kind}, valid_until=None, known_time=None)
        assert isinstance(sales, assembly_line.Source)
        where = (column("code") == one) | column("code").isin([one])
        return line_of(
            outcome=called("Outcome", source=sales),
            features={"sales_7d": count(sales, window=days(7), where=where)},
            quality=(one_of("sales_7d", [one if kind == "int64" else 3]),),
            tables=(),
        )

    plain, other = declared(value), declared(disguised(value))

    assert spelled(other) == spelled(plain) == spelled(line_from_json(line_to_json(other)))


SETS: tuple[Set[Any], ...] = (
    {"a", "b", "c", "d"},
    frozenset({10, 9, 2}),
    {"a", 1, 0.5, False},
    {float("nan"), 1.0, 2.0},
)


@pytest.mark.parametrize("values", SETS)
def test_a_set_is_taken_in_one_order(values: Set[Any]) -> None:
    class Ordered(Set[Any]):
        """A set that is gone through in the order in which it was made."""

        def __init__(self, members: tuple[Any, ...]) -> None:
            self.members = members

        def __contains__(self, value: object) -> bool:
            return value in self.members

        def __iter__(self) -> Any:
            return iter(self.members)

        def __len__(self) -> int:
            return len(self.members)

    orders = [Ordered(order) for order in permutations(values)]

    assert len({repr(one_of("sales_7d", order).values) for order in orders}) == 1
    assert len({repr(column("kind").isin(order).values) for order in orders}) == 1


def test_a_list_and_the_keys_of_a_dict_keep_their_order() -> None:
    for ordered in (["b", "a", "c"], ("b", "a", "c"), dict.fromkeys("bac"), iter("bac")):
        values = ordered.keys() if isinstance(ordered, dict) else ordered
        assert one_of("sales_7d", values).values == ("b", "a", "c")


IN_A_PROCESS = """
from assembly_line import column, one_of
from assembly_line.canonical import digest
values = {"a", "b", "c", "d", "e", "f"}
print(digest([one_of("f", values).values, column("kind").isin(frozenset(values)).values]))
"""


def test_a_set_declares_the_same_in_every_process() -> None:
    def printed(seed: str) -> str:
        command = [sys.executable, "-c", IN_A_PROCESS]
        run = subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    assert {printed("1"), printed("2")} == {digest([list("abcdef"), list("abcdef")])}


def test_an_array_without_an_axis_is_refused() -> None:
    for take in (lambda values: one_of("sales_7d", values), column("kind").isin):
        with pytest.raises(DeclarationError, match=r"values is array\(3\); expected a list, such as \["):
            take(np.array(3))
