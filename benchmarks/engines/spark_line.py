"""Our distributed engine on local Spark, as the Glue job calls it, with files in place of S3."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from assembly_line.features import build_on_spark, plan_from_json
from benchmarks.child import Task, serve


@dataclass(frozen=True)
class LocalFetch:
    """Keys are paths here."""

    def __call__(self, key: str, _version: str, path: Path) -> None:
        shutil.copyfile(key, path)


@dataclass(frozen=True)
class LocalPut:
    target: str

    def __call__(self, path: Path) -> str:
        shutil.copyfile(path, self.target)
        return self.target


def prepare(task: Task) -> Callable[[], None]:
    plan = plan_from_json(json.loads(task.plan))
    spark = SparkSession.builder.getOrCreate()

    def work() -> None:
        build_on_spark(plan, spark, fetch=LocalFetch(), put=LocalPut(task.output))

    return work


if __name__ == "__main__":
    serve(prepare, {"spark": pyspark.__version__})
