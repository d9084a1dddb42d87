"""What a Spark job needs on this machine: PySpark in the environment and a Java from 17 to 24."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from assembly_line.errors import JobFailed

PROJECT = Path(__file__).parents[3]
OLDEST_JAVA = 17
# Measured: Arrow in Spark 4.1.1 fails on Java 25.
NEWEST_JAVA = 24
VERSION = re.compile(r'version "(?:1\.)?(\d+)')
LOOPBACK = "127.0.0.1"
# What is on the path of every job.
RUNTIME = Path(__file__).parent / "runtime"
WORKER_DAEMON = "spark_worker_daemon"
# For runs of few rows: no second compiler, no verification of the twenty thousand classes that Spark loads.
BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote -Xmn300m"


def environment(folder: Path, *, brief: bool = False) -> dict[str, str]:
    """Variables that make PySpark start inside one run's folder: two threads, loopback only, little memory, no UI.

    RUNTIME must be on the job's path.

    Args:
        brief: Java spends less on getting fast, for runs of few rows.

    Raises:
        JobFailed: PySpark or Java is missing; the message says what to install.
    """
    if find_spec("pyspark") is None:
        raise JobFailed(
            f"this Spark job needs PySpark, which is not installed for {sys.executable}: `tools/install.sh test`, "
            "in the project's folder, installs it and a Java; small datasets need no Spark (`--engine duckdb`)"
        )
    java = java_home()
    if java is None:
        raise JobFailed(
            f"this Spark job needs Java {OLDEST_JAVA} to {NEWEST_JAVA}, "
            f"found none in JAVA_HOME, PATH or {PROJECT / '.tools'}: "
            "`tools/install.sh test`, in the project's folder, installs one; small datasets are built without Spark "
            "(`--engine duckdb`)"
        )
    java_options = [
        "-XX:+UseSerialGC",
        f"-Dderby.system.home={folder}",
        f"-Djava.io.tmpdir={folder}",
        *([BRIEF] if brief else []),
    ]
    settings = {
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.ui.enabled": "false",
        "spark.python.daemon.module": WORKER_DAEMON,
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": " ".join(java_options),
    }
    options = [f"--conf {key}={_quoted(value)}" for key, value in settings.items()]
    return {
        "JAVA_HOME": str(java),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": " ".join(["--master local[2]", "--driver-memory 1g", *options, "pyspark-shell"]),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(folder / "spark"),
    }


def java_home(project: Path = PROJECT) -> Path | None:
    """The home of the first Java that Spark runs on: JAVA_HOME, PATH, then `.tools/java*` of the project."""
    fitting = range(OLDEST_JAVA, NEWEST_JAVA + 1)
    return next((home for home in _homes(project) if _version(home / "bin" / "java") in fitting), None)


def _homes(project: Path) -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if (found := shutil.which("java")) is not None:
        homes.append(Path(found).resolve().parent.parent)
    tools = sorted((project / ".tools").glob("java*"), reverse=True)
    for pattern in ("bin/java", "*/bin/java", "*/Contents/Home/bin/java"):
        homes += [path.parent.parent for tool in tools for path in sorted(tool.glob(pattern))]
    return homes


def _version(java: Path) -> int:
    """The major version that a java program reports, 0 if it is none."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = VERSION.search(done.stderr + done.stdout)
    return int(match[1]) if match and done.returncode == 0 else 0


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
