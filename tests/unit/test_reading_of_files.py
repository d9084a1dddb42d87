"""One function hands file names to DuckDB, and nothing reads files in a way that takes folders for columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
READERS = PROJECT / "assembly_line" / "features" / "files" / "parquet.py"
# The emulated Athena knows partitions from its catalog; this module only looks at the query that it wrote.
ATHENA = PROJECT / "assembly_line" / "embedded" / "extensions" / "athena_tables.py"
FOLDERS = ("assembly_line", "lambdas", "glue_jobs", "stacks")
PRODUCT = [PROJECT / "benchmarks" / "engines" / name for name in ("line.py", "spark_line.py")]
FILES = [*sorted({file for name in FOLDERS for file in (PROJECT / name).rglob("*.py")} - {READERS, ATHENA}), *PRODUCT]

SQL = re.compile(
    r"\b(read_(parquet|csv|csv_auto|json|json_auto|ndjson|blob|text|xlsx)|parquet_(scan|schema|metadata|full_metadata"
    r"|file_metadata|kv_metadata)|sniff_csv|glob|iceberg_scan|delta_scan)\s*\(|\b(FROM|JOIN)\s+'",
    re.IGNORECASE,
)
# Methods of pandas, pyarrow, Spark and DuckDB that read a path; `read_json` of a store reads a key.
CALLS = {
    "read_parquet", "read_csv", "read_table", "read_feather", "from_parquet", "from_csv_auto", "ParquetDataset",
    "scan_parquet",
}  # fmt: skip
READ_BY = {"ds.dataset", "read.parquet", "read.csv", "read.orc", "read.json", "read.load"}


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text but docstrings, the parts of a formatted one joined."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Calls of methods that read a path, as `object.method`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            whose = getattr(node.func.value, "id", getattr(node.func.value, "attr", ""))
            name = f"{whose}.{node.func.attr}"
            if node.func.attr in CALLS or name in READ_BY:
                yield node.lineno, name


def readers_in(code: str) -> list[str]:
    tree = ast.parse(code)
    queries = [(line, text) for line, text in texts(tree) if SQL.search(text)]
    return [f"line {line}: {text}" for line, text in (*queries, *calls(tree))]


def test_no_other_place_reads_files_by_name() -> None:
    found = {
        str(file.relative_to(PROJECT)): readers_in(file.read_text(encoding="utf-8")) for file in [*FILES, *PRODUCT]
    }

    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "code",
    [
        'connection.execute("SELECT * FROM read_parquet(?)", [path])',
        "connection.execute(f\"SELECT * FROM '{path}'\")",
        "connection.execute(f\"SELECT a FROM {rows} JOIN '{path}' USING (a)\")",
        'f"FROM parquet_metadata({path})"',
        "duckdb.read_parquet(path)",
        "pq.read_table(path)",
        "ds.dataset(path)",
        "spark.read.parquet(path)",
        "pd.read_csv(path)",
    ],
)
def test_the_search_finds_each_way_of_reading(code: str) -> None:
    assert readers_in(code)
