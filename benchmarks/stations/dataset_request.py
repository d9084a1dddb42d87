"""A dataset request for the shipped line, whole data, through the real handlers: plan, build, finish, against moto."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from assembly_line.connectors import reader_of
from assembly_line.environments import DatasetEnvironment
from assembly_line.storage import Lake
from benchmarks.declared import MEMORY_MIB
from benchmarks.stations.simulated import LINE, LINES, TABLE, Account, Context, account
from lambdas.dataset import handler

DATABASE = "lake"
# The first request warms what a warm Lambda has warm; each of the others means a dataset of its own.
REQUESTS = ("2017-11-01", "2017-11-02", "2017-11-03", "2017-11-04")


def main() -> None:
    environment = DatasetEnvironment(
        assembly_environment="bench",
        lake_bucket="lake",
        store_bucket="store",
        control_table=TABLE,
        memory_mib=str(MEMORY_MIB),
        spark_dpus="4",
    )
    with account(environment.to_variables()) as there:
        _load(there)
        taken = [_request(as_of) for as_of in REQUESTS]
    print(json.dumps({"seconds": min(taken[1:]), "first_seconds": taken[0]}))


def _load(there: Account) -> None:
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    lake = Lake(there.objects["lake"], glue, DATABASE)
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, str(LINES / LINE / "data.py"), place], check=True, timeout=300)
        for name, source in there.release.line.sources.items():
            lake.load(source, reader_of("parquet", Path(place) / f"{name}.parquet"))


def _request(as_of: str) -> float:
    began = time.perf_counter()
    planned = _call(handler.plan, {"line": LINE, "purpose": "training", "as_of": as_of, "engine": "duckdb"})
    built = _call(handler.build, {"plan_key": planned["plan_key"]})
    finished = _call(handler.finish, {"plan_key": planned["plan_key"], "built": built})
    if not finished["rows"] or finished["exists"]:
        raise RuntimeError(f"expected a new dataset with rows, got {finished}")
    return time.perf_counter() - began


def _call(entry: Callable[[Any, Any], dict[str, Any]], event: dict[str, Any]) -> dict[str, Any]:
    return entry(event, Context())


if __name__ == "__main__":
    main()
