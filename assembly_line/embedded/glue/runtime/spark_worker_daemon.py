"""Spark's daemon of Python workers, with what their tasks import in it already.

A worker is forked from the daemon. Spark's own one forks it empty, and each of the dozens of workers of one run then
takes a second to import Arrow, boto3 and the engine. Spark starts `python -m spark_worker_daemon pyspark.worker`, with
the packages and the library of the job: one without the engine has only Arrow to import.
"""

from __future__ import annotations

import gc
import importlib
import re
import sys
from contextlib import suppress

# Of the installed package, which is on the path as well.
ARCHIVES = re.compile(r".*/(pyspark\.zip|py4j-[^/]*\.zip|spark-core_[^/]*\.jar)")
IMPORTED_BY_TASKS = (
    "pyarrow",
    "assembly_line.features.quality.audit_on_spark",
    "assembly_line.features.explore.spark_tables",
    "assembly_line.storage.services.worker_transfers",
)


def main() -> None:
    forget_archives()
    for name in IMPORTED_BY_TASKS:
        with suppress(ImportError):
            importlib.import_module(name)
    from pyspark.daemon import manager

    # A worker collects garbage after each task: what is here now is none.
    gc.collect()
    gc.freeze()
    manager()  # type: ignore[no-untyped-call]


def forget_archives() -> None:
    """Import PySpark from its folder.

    Before each task a worker has Python forget what it knows of its path; of an archive it then reads the list of its
    thousands of files again, which took more than half of the time of a task.
    """
    sys.path[:] = [entry for entry in sys.path if not ARCHIVES.fullmatch(entry)]
    for entry in [entry for entry in sys.path_importer_cache if ARCHIVES.fullmatch(entry)]:
        del sys.path_importer_cache[entry]


if __name__ == "__main__":
    main()
