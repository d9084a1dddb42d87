"""Builds datasets on one Spark session, as a process of its own: python spark_program.py FOLDER.

Each `<case>/plan.json` becomes `<case>/data.parquet` and `<case>/built.json`, or `<case>/error.txt`; the cases of leaks
and of own outcomes are audited as well. A case with `arguments.json` runs the Glue job's own script with these
arguments.
"""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from assembly_line.errors import AssemblyError
from assembly_line.features.engines import spark_reader, spark_slices
from assembly_line.features.engines.engine_spark import build_on_spark
from assembly_line.features.model.plans import plan_from_json
from assembly_line.features.quality.audit_on_spark import audit_knowledge_on_spark

FEW_ROWS, HOT_ROWS = spark_reader.FEW_ROWS, spark_slices.HOT_ROWS
JOB = Path(__file__).parents[3] / "glue_jobs" / "build_dataset.py"


@dataclass(frozen=True)
class LocalFetch:
    """Keys are paths here."""

    def __call__(self, key: str, _version: str, path: Path) -> None:
        shutil.copyfile(key, path)


@dataclass(frozen=True)
class LocalPut:
    target: Path

    def __call__(self, path: Path) -> str:
        shutil.copyfile(path, self.target)
        return str(self.target)


def main(folder: Path) -> None:
    # Every stage runs once: generating and compiling code for it takes longer than it saves.
    interpreted = SparkSession.builder.config("spark.sql.codegen.wholeStage", "false")
    spark = interpreted.config("spark.sql.codegen.factoryMode", "NO_CODEGEN").getOrCreate()
    for case in sorted(folder.iterdir()):
        arguments = case / "arguments.json"
        if arguments.exists():
            sys.argv = [str(JOB), *json.loads(arguments.read_text())]
            runpy.run_path(str(JOB), run_name="__main__")
        else:
            build_case(spark, case)
    spark.stop()


def build_case(spark: SparkSession, case: Path) -> None:
    plan = plan_from_json(json.loads((case / "plan.json").read_text()))
    # As if the static tables were too large for the driver to read them itself.
    spark_reader.FEW_ROWS = 0 if case.name == "training" else FEW_ROWS
    # As if every entity with more than ten rows were too large for one worker; or, for its outcome, with more than two.
    spark_slices.HOT_ROWS = {"hot entities": 10, "generated": 2, "of events": 2}.get(case.name, HOT_ROWS)
    try:
        scripts = {name: (case / name).read_bytes() for name in plan.scripts}
        target = case / "data.parquet"
        built, _ = build_on_spark(plan, spark, fetch=LocalFetch(), put=LocalPut(target), scripts=scripts)
        if case.name in ("leaks", "own outcomes"):
            spark_slices.HOT_ROWS = 10
            audited = audit_knowledge_on_spark(plan, spark, target, fetch=LocalFetch(), scripts=scripts)
            built = replace(built, findings=(*built.findings, *audited))
    except (AssemblyError, PySparkException) as error:
        (case / "error.txt").write_text(f"{type(error).__name__}: {error}")
    else:
        (case / "built.json").write_text(json.dumps(built.to_json()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
