"""Glue entry point: build a planned dataset on Spark, audit a sample of it, report.

Objects of the lake are fetched by the workers through boto3, in the versions that the plan names; Spark's own S3 file
system is not used. So the job runs the same in Glue and on one machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.features import audit_knowledge_on_spark, build_on_spark
from assembly_line.names import GlueArgument
from assembly_line.storage import DatasetPut, LakeFetch, account_of_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main(arguments: Mapping[str, str], spark: SparkSession | None = None) -> None:
    """Build the dataset of the plan at PLAN_KEY.

    Args:
        arguments: values of `GlueArgument`.
        spark: a session to use; the job's own if None.
    """
    began = time.monotonic()
    account = account_of_job(arguments)
    datasets = account.datasets
    plan = datasets.read_plan(arguments[GlueArgument.PLAN_KEY])
    session = spark or _session()
    fetch = LakeFetch(arguments[GlueArgument.LAKE_BUCKET])
    scripts = account.releases.read_scripts(plan.release, plan.scripts)
    put = DatasetPut(arguments[GlueArgument.STORE_BUCKET], plan.line.name, plan.dataset_id)
    built, data_key = build_on_spark(plan, session, fetch=fetch, put=put, scripts=scripts)
    if plan.with_outcome:
        with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
            path = Path(folder) / "data.parquet"
            datasets.read_data(data_key, path)
            audited = audit_knowledge_on_spark(plan, session, path, fetch=fetch, scripts=scripts)
        built = replace(built, findings=(*built.findings, *audited))
    seconds = round(time.monotonic() - began, 3)
    datasets.write_spark_attempt(plan, {**built.to_json(), "data_key": data_key, "seconds": seconds})


def _session() -> SparkSession:
    from pyspark.sql import SparkSession

    return SparkSession.builder.appName("build-dataset").config("spark.sql.session.timeZone", "UTC").getOrCreate()


if __name__ == "__main__":
    from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # exists only inside Glue

    main(getResolvedOptions(sys.argv, [str(argument) for argument in GlueArgument]))
