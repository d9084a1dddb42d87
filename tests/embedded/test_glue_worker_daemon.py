"""Spark's daemon of workers in the embedded Glue: what makes its tasks short."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assembly_line.embedded.glue.runtime import spark_worker_daemon
from assembly_line.embedded.glue.spark import WORKER_DAEMON, environment


def test_jobs_are_told_of_it(tmp_path: Path) -> None:
    assert f"--conf spark.python.daemon.module={WORKER_DAEMON}" in environment(tmp_path)["PYSPARK_SUBMIT_ARGS"]
    assert spark_worker_daemon.__name__.rpartition(".")[2] == WORKER_DAEMON


def test_archives_of_spark_are_no_longer_searched_and_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("pyspark.zip", "py4j-0.10.9.9-src.zip", "spark-core_2.13-4.1.1.jar", "of_the_job.zip")
    for name in names:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("module_of_an_archive.py", "")
    entries = [str(tmp_path / name) for name in names]
    monkeypatch.setattr(sys, "path", [*entries, *sys.path])
    monkeypatch.setattr(sys, "path_importer_cache", dict(sys.path_importer_cache))
    importlib.util.find_spec("no_such_module")
    assert set(entries) <= sys.path_importer_cache.keys()

    spark_worker_daemon.forget_archives()

    assert [entry for entry in entries if entry in sys.path] == [entries[-1]]
    assert [entry for entry in entries if entry in sys.path_importer_cache] == [entries[-1]]


def test_what_tasks_import_can_be_imported() -> None:
    code = "; ".join(f"import {name}" for name in spark_worker_daemon.IMPORTED_BY_TASKS)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
