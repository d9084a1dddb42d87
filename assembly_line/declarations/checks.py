"""Checks that every declaration shares. Each failure is a DeclarationError that names place, value and expectation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from assembly_line.errors import DeclarationError

# Beginnings of the types of numbers.
NUMERIC = ("int64", "float64", "decimal")
LINE_NAME = re.compile(r"[a-z][a-z0-9_]{1,23}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
SCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\.py")
# Unscaled values are kept in 64 bits.
EXACT_DIGITS = 18
# As in messages: some readers of JSON keep numbers as floating point with 53 bits.
LARGEST_EXACT = 2**53 - 1
# Of a field that earlier releases lack: JSON has it only where it is declared, so that a line that does not use it has
# the digest and the dataset ids that it had.
LEFT_OUT_AT_DEFAULT = {"left out at its default": True}
# The column by which the tables of the lake are partitioned, which is no column of their files.
MONTH = "month"
COLUMN_TYPE = re.compile(r"int64|float64|string|boolean|timestamp|date|decimal\(\d{1,2},\d{1,2}\)")


def require(condition: bool, message: str) -> None:
    if not condition:
        raise DeclarationError(message)


def refuse(condition: bool, message: str, *, where: str, value: str, expected: str) -> None:
    """Refuse what fulfils the condition, with the parts of the message for programs."""
    if condition:
        raise DeclarationError(message, where=where, value=value, expected=expected)


def check_line_name(name: str) -> None:
    _check_form("Line name", name, LINE_NAME, "2 to 24 lower-case letters, digits or _, beginning with a letter")


def check_name(kind: str, name: str) -> None:
    _check_form(f"{kind} name", name, NAME, "1 to 63 letters, digits, _ or -, beginning with a letter")


def _check_form(place: str, name: str, form: re.Pattern[str], expected: str) -> None:
    refuse(
        not form.fullmatch(name),
        f"{place} {name!r}: expected {expected}",
        where=place,
        value=repr(name),
        expected=expected,
    )


def check_finite(place: str, number: float) -> None:
    expected = "a finite number, such as 0.2"
    refuse(
        not math.isfinite(number),
        f"{place} is {number!r}; expected {expected}",
        where=place,
        value=repr(number),
        expected=expected,
    )


def check_unpartitioned(place: str, columns: Iterable[str]) -> None:
    """Refuse a column that has the name of the partition, in any case: the Glue catalog knows no case."""
    for name in columns:
        refuse(
            name.lower() == MONTH,
            f"{place}: column {name} has the name of the partition of the tables in the lake; "
            f"rename it in the file, such as {MONTH}_of_sale",
            where=f"{place}: column",
            value=name,
            expected=f"a name other than {MONTH}",
        )


def check_exact(place: str, column: str, kind: str) -> None:
    """Refuse a decimal that is computed and has more digits than are exact."""
    digits = int(kind.removeprefix("decimal(").partition(",")[0]) if kind.startswith("decimal") else 0
    refuse(
        digits > EXACT_DIGITS,
        f"{place}: {column} is {kind}; at most {EXACT_DIGITS} digits are exact",
        where=f"{place}: {column}",
        value=kind,
        expected=f"at most {EXACT_DIGITS} digits",
    )


def check_distinct(kind: str, names: Iterable[str]) -> None:
    """Refuse two names that AWS could not tell apart: equal in lower case with `_` read as `-`."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.lower().replace("_", "-")
        refuse(
            folded in seen,
            f"{kind} names {seen.get(folded)!r} and {name!r} differ only in case or _ and -",
            where=f"{kind} names",
            value=f"{seen.get(folded)!r} and {name!r}",
            expected="names that differ in more than case or _ and -",
        )
        seen[folded] = name
