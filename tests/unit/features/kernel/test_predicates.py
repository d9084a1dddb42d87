"""Predicates: three-valued, by the order of values that holds everywhere, and equal however they were written."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from assembly_line import Feature, column, count, days, latest, months, share, since_last, total
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.predicates import Predicate, checked
from assembly_line.errors import DeclarationError
from assembly_line.features.explain.reference_rules import is_true
from assembly_line.features.values.columns import column_of
from assembly_line.features.values.predicate_flags import rows_where
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.features.wording.wording import in_words
from tests.unit.features.small_world import CONTRACTS, EVENTS, NEW_YORK, VALUES, a_line

NAN = math.nan
ROWS: dict[str, list[Any]] = {
    "n": [1, 2, None, 1, None],
    "x": [0.0, NAN, None, math.inf, -1.0],
    "s": ["a", "B", None, "\U0001f600", "\uffff"],
    "b": [True, False, None, True, False],
    "d": [10, -1234567, None, 0, 11],
    "day": [17237, 17238, None, 0, 1],
    "ts": [0, 1, None, -1, 1_489_276_800_000_000],
}
N, X, S = column("n"), column("x"), column("s")


@pytest.mark.parametrize(
    ("predicate", "satisfied"),
    [
        (N == 1, [0, 3]),
        (N != 1, [1]),
        (~(N == 1), [1]),
        (N.is_null(), [2, 4]),
        (~N.is_null(), [0, 1, 3]),
        ((N == 1) | N.is_null(), [0, 2, 3, 4]),
        (~((N == 1) & (S == "a")), [1, 3, 4]),
        (~((N == 1) | (X < 0)), [1]),
        ((N == 7) & (S == "a"), []),
        (~((N == 7) & S.is_null()), [0, 1, 3, 4]),
        (X == NAN, [1]),
        (X < NAN, [0, 3, 4]),
        (X <= NAN, [0, 1, 3, 4]),
        (math.inf < X, [1]),
        (X >= 0, [0, 1, 3]),
        (X == -0.0, [0]),
        (X.isin([NAN, -1]), [1, 4]),
        (S > "a", [3, 4]),
        (S < "\U0001f600", [0, 1, 4]),
        (S.isin(["B", "b"]), [1]),
        (column("b").is_true(), [0, 3]),
        (~column("b").is_true(), [1, 4]),
        (column("d") <= Decimal("0.1"), [0, 1, 3]),
        (column("d").isin([Decimal("0.11"), 0]), [3, 4]),
        (column("day") > date(2017, 3, 12), [1]),
        (column("ts") == datetime(2017, 3, 11, 19, tzinfo=ZoneInfo(NEW_YORK)), [4]),
    ],
)
def test_a_row_counts_where_its_predicate_is_true_and_not_where_it_is_unknown(
    predicate: Predicate, satisfied: list[int]
) -> None:
    typed = checked("here", EVENTS, predicate)
    assert typed is not None
    columns = {name: column_of(VALUES[name], values) for name, values in ROWS.items()}
    rows = [dict(zip(ROWS, values, strict=True)) for values in zip(*ROWS.values(), strict=True)]
    for row in rows:
        row["d"] = None if row["d"] is None else Decimal(row["d"]).scaleb(-2)

    assert np.flatnonzero(rows_where(typed, columns)).tolist() == satisfied
    assert [place for place, row in enumerate(rows) if is_true(typed, row) is True] == satisfied


def test_equal_predicates_are_equal_however_they_were_written() -> None:
    noon = datetime(2017, 3, 12, 12, tzinfo=UTC)
    pairs: list[tuple[Predicate, Predicate]] = [
        (X > 1, X > 1.0),
        (X == NAN, X.__eq__(float("nan"))),
        (X >= 0.0, X >= -0.0),
        (column("d") == Decimal("1.50"), column("d") == Decimal("1.5")),
        (S.isin(["b", "a", "b"]), S.isin(("a", "b"))),
        (column("ts") < noon, column("ts") < noon.astimezone(ZoneInfo(NEW_YORK))),
        (((N == 1) & (S == "a")) & (X > 0), (N == 1) & ((S == "a") & (X > 0))),
    ]
    for left, right in pairs:
        lines = [a_line(where=predicate) for predicate in (left, right)]

        assert lines[0] == lines[1]
        assert line_to_json(lines[0]) == line_to_json(lines[1])


def test_a_line_with_predicates_and_calendar_windows_survives_json() -> None:
    where = ~((column("ts") >= datetime(2017, 3, 12, tzinfo=UTC)) & column("day").isin([date(2017, 3, 12)]))
    where = where | X.isin([NAN, math.inf]) | (column("d") == Decimal("0.1")) | column("b").is_true() | N.is_null()
    line = a_line(where=where, calendar=months(3, zone=NEW_YORK))

    document = json.dumps(line_to_json(line), allow_nan=False)

    assert line_from_json(json.loads(document)) == line


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (column("price") == 1, "has no column 'price'; it has at"),
        (N == 1.0, "where: n == 1.0: the column is int64; expected an int of 64 bits"),
        (N == True, "n == True: the column is int64"),  # noqa: E712
        (N == 2**63, "expected an int of 64 bits"),
        (X == 2**53 + 1, "expected a float, or an int that a float holds exactly"),
        (S == 1, "s == 1: the column is string; expected a str"),
        (S == "\ud800", "expected a str of valid Unicode"),
        (column("b") == 1, "the column is boolean; expected a bool"),
        (column("d") == Decimal("0.001"), "expected a Decimal (or int) that decimal(9,2) holds exactly"),
        (column("d") == 0.5, "expected a Decimal (or int)"),
        (column("day") == datetime(2017, 3, 12, tzinfo=UTC), "expected a date without a time"),
        (column("ts") < datetime(2017, 3, 12), "expected a datetime with a zone"),  # noqa: DTZ001
        (column("ts") < date(2017, 3, 12), "expected a datetime with a zone"),
        (True, "where is True; expected a predicate or None, such as"),
    ],
)
def test_what_does_not_fit_the_source_is_refused(predicate: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        count(EVENTS, window=days(1), where=predicate)

    assert message in str(refused.value)


def test_slips_of_the_pen_are_refused_with_what_to_write() -> None:
    with pytest.raises(DeclarationError, match=r"combine with & \| ~ instead of and"):
        assert (N == 1) and (S == "a")
    with pytest.raises(DeclarationError, match=r"write column\('n'\).is_null\(\)"):
        N == None  # noqa: B015, E711
    with pytest.raises(DeclarationError, match="put each comparison in parentheses"):
        (N == 1) & True  # type: ignore[operator]
    with pytest.raises(DeclarationError, match="isin: values is 'ab'; expected a list"):
        S.isin("ab")
    with pytest.raises(DeclarationError, match="name at least one"):
        S.isin([])


def test_the_new_words_are_said_in_a_sentence_and_listed_with_all_their_columns() -> None:
    some = (S == "a") & ((N > 1) | ~column("day").is_null())
    said: dict[str, Feature] = {
        "a": total(EVENTS, "x", window=days(30), where=some),
        "b": share(EVENTS, where=S.isin(["b", "a"]), window=months(3, zone=NEW_YORK), column="n"),
        "c": latest(CONTRACTS, "plan", max_age=timedelta(days=1)),
        "d": since_last(EVENTS, where=column("b").is_true()),
    }
    line = replace(a_line(), features={**a_line().features, **said})

    assert [in_words(line, name) for name in said] == [
        "the sum of x of the user's events in the 30 days before the decision, "
        "where s is 'a' and (n is above 1 or day is not null)",
        "the share, in n of the user's events in the 3 months before the decision by the calendar of America/New_York, "
        "of those where s is one of 'a', 'b'",
        "plan in that of the user's contracts in force at the decision, until its ends, as known then, "
        "if that is at most 1 day old",
        "days between the decision and the latest of the user's events known then, where b is true",
    ]
    listed = {one.name: one for one in listed_features(line)}
    assert (listed["a"].columns, listed["b"].columns) == (("x", "s", "n", "day"), ("n", "s"))
    assert (listed["b"].window, listed["b"].kind) == ("3 calendar months in America/New_York", "share")
    assert (listed["c"].kind, listed["c"].columns) == ("slowly_changing", ("plan", "ends"))
