"""Each runtime imports only what it has: Lambda's layer has no pandas or pyarrow, Glue has no DuckDB or pydantic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[4]
PROGRAM = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("lambdas.dataset.handler", {"pandas", "pyarrow", "awswrangler", "sagemaker", "pyspark", "scipy", "typer"}),
        ("lambdas.online.handler", {"pandas", "pyarrow", "awswrangler", "pyspark"}),
        ("lambdas.api.handler", {"pandas", "pyarrow", "duckdb", "numpy", "pyspark"}),
        ("assembly_line.features.online.questions", {"pandas", "pyarrow", "duckdb", "pyspark", "boto3"}),
        ("assembly_line.features.engines.outcomes", {"pandas", "pyarrow", "pyspark", "boto3"}),
        ("glue_jobs.build_dataset", {"duckdb", "pydantic", "aws_lambda_powertools", "pyspark", "awswrangler"}),
        ("glue_jobs.materialise_tables", {"duckdb", "pydantic", "aws_lambda_powertools", "pyspark", "awswrangler"}),
    ],
)
def test_a_runtime_imports_only_what_it_has(module: str, absent: set[str]) -> None:
    command = [sys.executable, "-c", PROGRAM, module]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)

    assert absent.isdisjoint(json.loads(done.stdout))
