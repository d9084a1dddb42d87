"""Glue jobs really run: arguments, libraries, Spark, errors, time limits."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.embedded.glue import GlueOutcome, run_job, spark
from assembly_line.embedded.sagemaker.jobs.container import StopSignal
from tests.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ("tests.embedded.sagemaker_account",)

READ_AND_WRITE = """
import json, os, sys
import boto3
from awsglue.utils import getResolvedOptions
from shipped.rules import double

options = getResolvedOptions(sys.argv, ["JOB_NAME", "INPUT_URI", "OUTPUT_KEY"])
s3 = boto3.client("s3")
number = int(s3.get_object(Bucket="jobs", Key=options["INPUT_URI"])["Body"].read())
s3.put_object(Bucket="jobs", Key=options["OUTPUT_KEY"], Body=json.dumps(
    {"options": options, "doubled": double(number), "cwd": os.getcwd(), "path": sys.path}))
print("wrote", options["OUTPUT_KEY"])
"""
SPARK = """
import json, sys
import boto3
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession
from shipped.rules import double

options = getResolvedOptions(sys.argv, ["JOB_NAME", "OUTPUT_KEY"])
spark = SparkSession.builder.appName(options["JOB_NAME"]).getOrCreate()

answer = spark.sparkContext.parallelize(range(100), 2).map(double).sum()
settings = {key: spark.conf.get(key) for key in ("spark.driver.host", "spark.ui.enabled", "spark.sql.session.timeZone")}
boto3.client("s3").put_object(Bucket="jobs", Key=options["OUTPUT_KEY"], Body=json.dumps(
    {"answer": answer, "master": spark.sparkContext.master, **settings}))
spark.stop()
"""


class Glue:
    """Runs scripts that a test writes, in a folder of its own."""

    def __init__(self, url: str, s3: S3Client, folder: Path) -> None:
        self.url, self.s3, self.folder, self.log = url, s3, folder, folder / "logs" / "run.log"

    def run(
        self, script: str, *, kind: str = "pythonshell", arguments: dict[str, str] | None = None, **options: Any
    ) -> GlueOutcome:
        self.s3.put_object(Bucket="jobs", Key="glue/script.py", Body=script)
        return run_job(
            {"Name": kind, "ScriptLocation": "s3://jobs/glue/script.py"},
            {"--JOB_NAME": "features", **(arguments or {})},
            endpoint_url=self.url,
            work=self.folder / "work",
            log=self.log,
            **options,
        )

    def library(self) -> str:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("shipped/__init__.py", "")
            archive.writestr("shipped/rules.py", "def double(number):\n    return 2 * number\n")
        self.s3.put_object(Bucket="jobs", Key="glue/library.zip", Body=stream.getvalue())
        return "s3://jobs/glue/library.zip"

    def written(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket="jobs", Key=key)["Body"].read())


@pytest.fixture
def glue(job_emulator: str, tmp_path: Path) -> Glue:
    from tests.embedded.sagemaker_account import client

    return Glue(job_emulator, client("s3", job_emulator), tmp_path)


def test_a_python_job_reads_its_arguments_its_library_and_s3(glue: Glue) -> None:
    glue.s3.put_object(Bucket="jobs", Key="glue/in", Body=b"21")

    outcome = glue.run(
        READ_AND_WRITE,
        arguments={
            "--extra-py-files": glue.library(),
            "--INPUT_URI": "glue/in",
            "--OUTPUT_KEY": "glue/out.json",
            "--enable-metrics": "true",
        },
    )

    assert outcome == GlueOutcome("SUCCEEDED", None)
    written = glue.written("glue/out.json")
    assert written["doubled"] == 42
    assert written["options"] == {"JOB_NAME": "features", "INPUT_URI": "glue/in", "OUTPUT_KEY": "glue/out.json"}
    assert str(Path(__file__).parents[2]) not in written["path"]
    assert "wrote glue/out.json" in glue.log.read_text(encoding="utf-8")
    assert not list((glue.folder / "work").iterdir())


def test_a_spark_job_runs_in_spark_bound_to_loopback(glue: Glue) -> None:
    outcome = glue.run(
        SPARK,
        kind="glueetl",
        arguments={"--extra-py-files": glue.library(), "--OUTPUT_KEY": "glue/spark.json"},
        timeout_seconds=120,
    )

    assert outcome == GlueOutcome("SUCCEEDED", None), glue.log.read_text(encoding="utf-8")
    assert glue.written("glue/spark.json") == {
        "answer": 9900,
        "master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
    }


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("raise KeyError('no column age')\n", "KeyError: 'no column age'"),
        ("import sys\nsys.exit('input is empty')\n", "input is empty"),
        ("import sys\nsys.exit(4)\n", "the script ended with status 4 and printed no error"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "SIGKILL"),
        (
            "import sys\nfrom awsglue.utils import getResolvedOptions\n"
            "getResolvedOptions(sys.argv, ['JOB_NAME', 'AS_OF'])\n",
            "GlueArgumentError: the following arguments are required: --AS_OF",
        ),
        ("from awsglue.context import GlueContext\n", "ModuleNotFoundError: No module named 'awsglue.context'"),
    ],
)
def test_a_failing_script_fails_with_its_last_line(glue: Glue, script: str, error: str) -> None:
    outcome = glue.run(script)

    assert outcome.state == "FAILED"
    assert error in (outcome.error or "")


@pytest.mark.parametrize(
    ("command", "arguments", "error"),
    [
        ({"Name": "glueray", "ScriptLocation": "s3://jobs/x.py"}, {}, "'glueray'"),
        ({"Name": "pythonshell", "ScriptLocation": "s3://jobs/no-such.py"}, {}, "cannot read s3://jobs/no-such.py"),
        ({"Name": "pythonshell", "ScriptLocation": "script.py"}, {}, "'script.py' is no S3 address"),
        (
            {"Name": "pythonshell", "ScriptLocation": "s3://jobs/glue/script.py"},
            {"--extra-py-files": "s3://jobs/no-such.zip"},
            "cannot read s3://jobs/no-such.zip",
        ),
    ],
)
def test_what_cannot_be_run_fails_with_a_reason(
    glue: Glue, command: dict[str, str], arguments: dict[str, str], error: str
) -> None:
    glue.s3.put_object(Bucket="jobs", Key="glue/script.py", Body=b"")

    outcome = run_job(command, arguments, endpoint_url=glue.url, work=glue.folder / "work", log=glue.log)

    assert outcome.state == "FAILED"
    assert error in (outcome.error or "")


def test_a_job_that_runs_too_long_times_out(glue: Glue) -> None:
    outcome = glue.run("import time\ntime.sleep(60)\n", timeout_seconds=1)

    assert outcome.state == "TIMEOUT"
    assert "timeout of 1 s" in (outcome.error or "")


def test_a_running_job_can_be_stopped(glue: Glue) -> None:
    stop, outcomes = StopSignal(), []
    runner = threading.Thread(
        target=lambda: outcomes.append(glue.run("import time\nprint('begun', flush=True)\ntime.sleep(60)\n", stop=stop))
    )
    runner.start()
    eventually(lambda: glue.log.exists() and "begun" in glue.log.read_text(encoding="utf-8"), "the job runs")

    stop.requested.set()
    runner.join(timeout=PATIENCE_SECONDS)

    assert outcomes[0].state == "STOPPED"


def test_without_java_or_pyspark_a_spark_job_says_what_to_install(glue: Glue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "java_home", lambda: None)
    without_java = glue.run("print('ran')\n", kind="glueetl")
    monkeypatch.setattr(spark, "find_spec", lambda _: None)
    without_pyspark = glue.run("print('ran')\n", kind="glueetl")

    assert without_java.state == without_pyspark.state == "FAILED"
    assert "needs Java 17 to 24" in (without_java.error or "")
    assert "needs PySpark" in (without_pyspark.error or "")
    assert "`tools/install.sh test`" in (without_pyspark.error or "")
    assert "ran" not in glue.log.read_text(encoding="utf-8").splitlines()


def fake_java(home: Path, version: str) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    return home


def test_java_is_found_in_java_home_then_path_then_the_project_if_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path / "old", "1.8.0_402")
    onpath = fake_java(tmp_path / "onpath", "21.0.5")
    own = fake_java(tmp_path / "project" / ".tools" / "java-17" / "jdk-17.0.13", "17.0.13")
    monkeypatch.setenv("JAVA_HOME", str(old))

    monkeypatch.setenv("PATH", str(onpath / "bin"))
    assert spark.java_home(tmp_path / "project") == onpath
    monkeypatch.setenv("PATH", "/nothing/here")
    assert spark.java_home(tmp_path / "project") == own
    assert spark.java_home(tmp_path / "elsewhere") is None
    monkeypatch.setenv("JAVA_HOME", str(own))
    assert spark.java_home(tmp_path / "elsewhere") == own
