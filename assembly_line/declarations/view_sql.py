"""The SQL of a view: one SELECT over its inputs, in the subset that DuckDB and Spark read alike. Read here, never run.

Only what is listed is taken: names of tables, kinds of clauses, functions. So a view can neither reach anything but its
inputs, nor depend on chance, the clock, or the order in which rows happen to be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from assembly_line.declarations.checks import NAME, require
from assembly_line.errors import DeclarationError

LONGEST = 20_000  # characters


def _all_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


FUNCTIONS = _all_of(
    "+ - * / % || ~~ !~~ abs ceil ceiling floor sqrt exp ln log10 pow power sign greatest least nullif "
    "lower upper trim ltrim rtrim length substring substr replace "
    "date_trunc date_part to_days to_hours to_minutes to_seconds to_months to_years trunc "
    "count count_star sum avg min max stddev_samp var_samp "
    "row_number rank dense_rank lag lead first_value last_value"
)
# First argument of date_trunc and date_part.
UNITS = _all_of("year quarter month day hour minute")
TYPES = _all_of("bigint int integer double string boolean date timestamp decimal interval")
CLASSES = _all_of(
    "BETWEEN CASE CAST COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR STAR SUBQUERY TYPE WINDOW"
)
OPERATORS = _all_of("COMPARE_IN COMPARE_NOT_IN OPERATOR_COALESCE OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_NOT")
NODES = _all_of(
    "SELECT_NODE SET_OPERATION_NODE BASE_TABLE JOIN SUBQUERY EMPTY ORDER_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT "
    "ORDER_ASCENDING ASCENDING ORDER_DESCENDING DESCENDING"
)
JOINS = _all_of("REGULAR CROSS")
# Words that mean the clock or the session where no column is called so.
AMBIENT = _all_of(
    "current_date current_time current_timestamp localtime localtimestamp current_user session_user user current_role "
    "current_schema current_catalog rowid"
)


def check_select(place: str, sql: str, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse SQL that is not one SELECT over these tables in the common subset.

    Where DuckDB, whose parser reads it, is not installed, nothing is checked: there only plans are read, which were
    checked when they were made.

    Args:
        tables: table -> columns.
    """
    require(bool(sql.strip()), f"{place}: sql is {sql!r}, expected a SELECT")
    require(len(sql) <= LONGEST, f"{place}: sql has {len(sql)} characters; at most {LONGEST} are taken")
    for mark in ("\\", ";", "$", "`"):
        require(mark not in sql, f"{place}: sql holds {mark!r}, which the two engines read differently; leave it out")
    try:
        tree = _tree(sql)
    except ModuleNotFoundError:
        return
    require(not tree["error"], f"{place}: sql is not one SELECT: {tree.get('error_message', '')}")
    for name in _common_tables(tree):
        require(bool(NAME.fullmatch(name)), f"{place}: sql: {name!r} cannot be the name of a table")
    columns = {column.lower() for known in tables.values() for column in known}
    named = {name.lower() for name in (*tables, *_common_tables(tree))}
    for node in _objects(tree):
        problem = _problem(node, named, columns)
        require(problem is None, f"{place}: sql: {problem}")


@cache
def _tree(sql: str) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    if found is None:
        raise DeclarationError(f"sql {sql[:40]!r}: cannot be read")
    return dict(json.loads(found[0]))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value, at any depth."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield one
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)


def _common_tables(tree: Mapping[str, Any]) -> set[str]:
    """Names that `WITH` gives."""
    maps = [node["cte_map"]["map"] for node in _objects(tree) if isinstance(node.get("cte_map"), dict)]
    return {entry["key"] for entries in maps for entry in entries}


def _problem(node: Mapping[str, Any], tables: set[str], columns: set[str]) -> str | None:
    """Why a piece of the tree is not taken, or None."""
    if "class" in node:
        return _problem_of_expression(node, columns)
    kind = node.get("type")
    if not isinstance(kind, str):
        return None
    if kind not in NODES:
        return f"{_words(kind)} is not taken"
    if node.get("sample") is not None or node.get("at_clause") is not None:
        return "a sample or an older version of a table is not taken"
    if kind == "SELECT_NODE" and node.get("qualify") is not None:
        return "QUALIFY is not taken; filter in an outer SELECT"
    if kind == "BASE_TABLE":
        return _problem_of_table(node, tables)
    if kind == "JOIN" and node["ref_type"] not in JOINS:
        return f"a {_words(node['ref_type'])} JOIN is not taken"
    if kind == "DISTINCT_MODIFIER" and node["distinct_on_targets"]:
        return "DISTINCT ON is not taken"
    if node.get("null_order") == "ORDER_DEFAULT":
        return "ORDER BY must say NULLS FIRST or NULLS LAST; the engines differ where it is not said"
    return None


def _problem_of_table(node: Mapping[str, Any], tables: set[str]) -> str | None:
    name = node["table_name"]
    if node["schema_name"] or node["catalog_name"] or name.lower() not in tables:
        path = ".".join(filter(None, (node["catalog_name"], node["schema_name"], name)))
        return f"reads {path!r}, which is not one of its inputs; there are {', '.join(sorted(tables))}"
    return None


def _problem_of_expression(node: Mapping[str, Any], columns: set[str]) -> str | None:
    kind, name = node["class"], str(node.get("function_name", "")).lower()
    if kind not in CLASSES or (kind == "OPERATOR" and node["type"] not in OPERATORS):
        return f"{_words(node['type'])} is not taken"
    if name and (name not in FUNCTIONS or node.get("schema") or node.get("catalog")):
        return f"function {name}() is not taken; there are {', '.join(sorted(filter(str.isidentifier, FUNCTIONS)))}"
    if kind == "FUNCTION" and node["order_bys"]["orders"]:
        return f"ORDER BY within {name}() is not taken"
    if name in ("date_trunc", "date_part"):
        unit = node["arguments"][0]["expression"].get("literal", {}).get("text") if node["arguments"] else None
        return None if str(unit).lower() in UNITS else f"{name}() takes one of {', '.join(sorted(UNITS))}, not {unit!r}"
    if kind == "TYPE" and node["type_name"].lower() not in TYPES:
        return f"type {node['type_name']} is not taken; there are {', '.join(sorted(TYPES))}"
    if kind == "CAST" and node["try_cast"]:
        return "TRY_CAST is not taken"
    if kind == "STAR" and any(
        node[part] for part in ("exclude_list", "replace_list", "columns", "expr", "rename_list")
    ):
        return "a * with exceptions is not taken; name the columns"
    if kind == "COLUMN_REF" and len(node["column_names"]) == 1:
        word = node["column_names"][0].lower()
        return f"{word} is not taken" if word in AMBIENT - columns else None
    return None


def _words(kind: str) -> str:
    return kind.replace("_", " ").lower()
