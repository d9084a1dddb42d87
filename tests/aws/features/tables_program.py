"""Runs the tables' job twice on one Spark session, as a process of its own: python tables_program.py ARGUMENTS.json"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from pyspark.sql import SparkSession

JOB = Path(__file__).parents[3] / "glue_jobs" / "materialise_tables.py"

if __name__ == "__main__":
    arguments = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # Every stage runs once: generating and compiling code for it takes longer than it saves.
    interpreted = SparkSession.builder.config("spark.sql.codegen.wholeStage", "false")
    spark = interpreted.config("spark.sql.codegen.factoryMode", "NO_CODEGEN").getOrCreate()
    for _ in range(2):
        sys.argv = [str(JOB), *arguments]
        runpy.run_path(str(JOB), run_name="__main__")
    spark.stop()
