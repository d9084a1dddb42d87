"""The SQL of views: one SELECT over the inputs, in the subset that both engines read alike; all else is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assembly_line import Entity, Source
from assembly_line.errors import DeclarationError
from tests.unit.features.small_world import a_line

USER = Entity("user", keys={"id": "int64"})
SALES = Source(
    name="sales",
    entities=(USER,),
    columns={"id": "int64", "t": "timestamp", "x": "float64", "kind": "string"},
    event_time="t",
    delay=timedelta(0),
    zone="UTC",
)
KINDS = Source(name="kinds", entities=(USER,), columns={"id": "int64", "kind": "string"}, static=True)


def view(sql: Any, **changes: Any) -> Source:
    declared: dict[str, Any] = {
        "name": "mine",
        "entities": (USER,),
        "columns": {"id": "int64", "t": "timestamp"},
        "event_time": "t",
        "delay": timedelta(0),
        "zone": "UTC",
        "inputs": (SALES, KINDS),
    }
    return Source(sql=sql, **{**declared, **changes})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT s.id, s.t FROM sales s JOIN kinds k USING (id) WHERE k.kind LIKE 'a%' AND s.x / 2 > 1e3 -- large",
        "WITH a AS (SELECT id, max(t) AS t FROM sales GROUP BY id HAVING sum(x) > 0) SELECT * FROM a",
        "SELECT id, lag(t, 2) OVER (PARTITION BY id ORDER BY t NULLS LAST, x DESC NULLS FIRST) AS t FROM sales",
        "SELECT id, date_trunc('month', t) + INTERVAL 3 DAY AS t FROM sales WHERE extract(YEAR FROM t) = 2017",
        "SELECT id, t FROM sales WHERE id IN (SELECT id FROM kinds) AND NOT EXISTS (SELECT 1 FROM kinds)",
        "SELECT id, t FROM sales UNION ALL SELECT DISTINCT id, TIMESTAMP '2017-01-01 00:00:00' AS t FROM kinds",
        "SELECT id, CASE WHEN x BETWEEN 1 AND 2 OR kind IS NULL THEN t END AS t, CAST(x AS DECIMAL(9,2)) FROM SALES",
        "SELECT \"id\", x::double AS x, coalesce(nullif(kind, ''), 'none') || '!' AS kind, t FROM sales",
    ],
)
def test_one_select_over_the_inputs_is_taken(sql: str) -> None:
    assert view(sql).sql == sql


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "expected a SELECT"),
        ("SELECT 1; DROP TABLE sales", "holds ';'"),
        ("SELECT '\\x41' FROM sales", "holds '\\\\'"),
        ("SELECT `id` FROM sales", "holds '`'"),
        ("SELECT id FROM sales WHERE", "syntax error"),
        ("SELECT 1) UNION (SELECT 2", "syntax error"),
        ("COPY sales TO '/tmp/stolen'", "is not one SELECT"),
        ("ATTACH '/tmp/other'", "is not one SELECT"),
        ("INSTALL httpfs", "is not one SELECT"),
        ("SET enable_external_access = true", "is not one SELECT"),
        ("CREATE TABLE a AS SELECT 1", "is not one SELECT"),
        ("WITH a AS (DELETE FROM sales RETURNING *) SELECT * FROM a", "delete query node is not taken"),
        ("SELECT * FROM '/etc/passwd'", "reads '/etc/passwd', which is not one of its inputs; there are kinds, sales"),
        ("SELECT * FROM other", "reads 'other', which is not one of its inputs"),
        ("SELECT * FROM information_schema.tables", "reads 'information_schema.tables'"),
        ("SELECT * FROM parquet.sales", "reads 'parquet.sales'"),
        ('WITH "a.parquet" AS (SELECT 1) SELECT * FROM "a.parquet"', "cannot be the name of a table"),
        ("SELECT * FROM read_csv('/etc/passwd')", "table function is not taken"),
        ("SELECT id FROM sales WHERE x = (SELECT max(x) FROM read_parquet('x'))", "table function is not taken"),
        ("SELECT id, a.t FROM sales, LATERAL (SELECT * FROM glob('*')) a", "table function is not taken"),
        ("SHOW TABLES", "show ref is not taken"),
        ("SELECT getenv('HOME') AS t", "function getenv() is not taken"),
        ("SELECT java_method('java.lang.System', 'exit') AS t", "function java_method() is not taken"),
        ("SELECT main.read_text('x')", "function read_text() is not taken"),
        ("SELECT random() AS t FROM sales", "function random() is not taken"),
        ("SELECT now() AS t FROM sales", "function now() is not taken"),
        ("SELECT current_date AS t FROM sales", "current_date is not taken"),
        ("SELECT id, rowid AS n FROM sales", "rowid is not taken"),
        ("SELECT first(x) FROM sales", "function first() is not taken"),
        ("SELECT string_agg(kind) FROM sales", "function string_agg() is not taken"),
        ("SELECT sum(x ORDER BY t NULLS LAST) FROM sales", "ORDER BY within sum() is not taken"),
        ("SELECT id FROM sales LIMIT 3", "limit modifier is not taken"),
        ("SELECT id FROM sales TABLESAMPLE 10%", "a sample or an older version"),
        ("SELECT DISTINCT ON (id) t FROM sales", "DISTINCT ON is not taken"),
        ("SELECT lag(t) OVER (ORDER BY t) FROM sales", "must say NULLS FIRST or NULLS LAST"),
        ("SELECT id FROM sales ASOF JOIN kinds ON sales.id >= kinds.id", "a asof JOIN is not taken"),
        ("SELECT CAST(id AS VARCHAR) FROM sales", "type VARCHAR is not taken"),
        ("SELECT TRY_CAST(kind AS DOUBLE) FROM sales", "TRY_CAST is not taken"),
        ("SELECT date_trunc('week', t) FROM sales", "date_trunc() takes one of day"),
        ("SELECT [id] FROM sales", "function list_value() is not taken"),
        ("SELECT * EXCLUDE (x) FROM sales", "a * with exceptions is not taken"),
        ("WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n FROM a) SELECT * FROM a", "recursive cte node"),
        ("SELECT " + "1 + " * 6000 + "1", "at most 20000 are taken"),
    ],
)
def test_what_is_not_such_a_select_is_refused_where_it_is_declared(sql: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        view(sql)

    assert "Source mine: sql" in str(refused.value)
    assert said in str(refused.value)


def test_a_column_may_be_called_as_the_session_is() -> None:
    people = replace(KINDS, name="people", columns={"id": "int64", "user": "string"})

    assert view("SELECT id, t, user FROM sales JOIN people USING (id)", inputs=(SALES, people))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": ()}, "a view has sql= and inputs="),
        ({"columns": {"id": "int64", "t": "timestamp", "d": "decimal(38,2)"}}, "d is decimal(38,2); at most 18 digits"),
        ({"sql": None}, "a view has sql= and inputs="),
        ({"inputs": (SALES, SALES)}, "source names 'sales' and 'sales'"),
        ({"name": "sales"}, "source names 'sales' and 'sales'"),
        ({"inputs": (SALES, view("SELECT id, t FROM sales", name="other"))}, "input other is itself a view"),
    ],
)
def test_a_view_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        view(**{"sql": "SELECT id, t FROM sales", **changes})

    assert said in str(refused.value)


def test_decisions_and_outcomes_stand_in_loaded_sources() -> None:
    line = a_line()
    spine, outcome = line.decision.source, line.outcome.source
    invited = replace(spine, name="some", sql="SELECT * FROM invited", inputs=(spine,))
    came = replace(outcome, name="some", sql="SELECT * FROM daily", inputs=(outcome,))

    with pytest.raises(DeclarationError, match="some is a view; decisions stand in loaded sources"):
        replace(line.decision, spine=invited)
    with pytest.raises(DeclarationError, match="some is a view; an outcome comes from a loaded source"):
        replace(line.outcome, source=came)
