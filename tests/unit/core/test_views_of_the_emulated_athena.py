"""A query that names views stands behind them, as Athena reads a view by the query that the catalog holds."""

from __future__ import annotations

import re

import pytest

from assembly_line.embedded.extensions.athena_views import with_views

VIEWS = {"decided": "SELECT json_extract_scalar(keys, '$.a') AS a FROM kept", "daily": "SELECT count(*) FROM decided"}


def named(query: str) -> list[str]:
    return re.findall(r"FROM (\w+)", query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT 1 FROM kept", "SELECT 1 FROM kept"),
        (
            "SELECT * FROM daily",
            "WITH decided AS (SELECT json_extract_string(keys, '$.a') AS a FROM kept), "
            "daily AS (SELECT count(*) FROM decided) SELECT * FROM daily",
        ),
        (
            "with mine AS (SELECT * FROM decided) SELECT * FROM mine",
            "WITH decided AS (SELECT json_extract_string(keys, '$.a') AS a FROM kept), "
            "mine AS (SELECT * FROM decided) SELECT * FROM mine",
        ),
    ],
)
def test_views_come_before_the_query_that_reads_them(query: str, expected: str) -> None:
    assert with_views(query, VIEWS.get, named) == expected
