"""A small world in the mocked account: released, its sources loaded, and datasets built by the machine's own steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from assembly_line import Feature
from assembly_line.cli.target import Target
from assembly_line.declarations.lines import Line
from assembly_line.environments import DatasetEnvironment
from assembly_line.release import Release
from assembly_line.storage.lake import Lake
from assembly_line.storage.releases import ReleaseStore
from lambdas.dataset import handler
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import a_line, write_rows

NAME = "small_world"
YEAR = {"purpose": "scoring", "as_of": "2018-01-01", "from": "2017-01-01", "to": "2018-01-01"}
SEED = 11


class Context:
    """What Lambda hands to a function beside its event."""

    function_name = "function"
    memory_limit_in_mb = 3008
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "request"


def environment_variables() -> dict[str, str]:
    return DatasetEnvironment(
        assembly_environment="dev",
        lake_bucket="lake",
        store_bucket="store",
        control_table="control",
        memory_mib="3008",
        spark_dpus="4",
    ).to_variables()


class ReleasedWorld:
    """One line in the account, and what a person would do with it."""

    def __init__(
        self, target: Target, folder: Path, line: Line | None = None, scripts: Mapping[str, bytes] | None = None
    ) -> None:
        for bucket in ("lake", "store"):
            target.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("glue").create_database(DatabaseInput={"Name": "lake"})
        self._target, self._folder = target, folder
        self.line = whole_line() if line is None else line
        self._scripts = dict(scripts or {})
        self.release(self.line)
        self.load(SEED)

    def release(self, line: Line) -> str:
        scripts = {line.training.script: b"", line.training.inference: b"", **self._scripts}
        digest = ReleaseStore(self._target.store).publish(Release(line, scripts))
        self._target.control.set_current_release(line.name, digest)
        return digest

    def load(self, seed: int) -> None:
        """Replace every source; decisions with a null key are left away, as the gate demands."""
        tables = dict(random_world(seed))
        tables["invited"] = [row for row in tables["invited"] if row["user"] is not None]
        lake = Lake(self._target.lake, self._target.client("glue"), "lake")
        for name, source in self.line.sources.items():
            if source.sql is not None:
                continue
            path = self._folder / f"{name}.parquet"
            write_rows(source, tables[name], path)
            lake.load(source, path)

    def build(self, **changed: Any) -> dict[str, Any]:
        """One dataset, by plan, build and finish."""
        plan = step(handler.plan, {"line": NAME, **YEAR, **changed})
        built = None if plan["exists"] else step(handler.build, {"plan_key": plan["plan_key"]})
        return step(handler.finish, {"plan_key": plan["plan_key"], "built": built})


def whole_line() -> Line:
    """The small world's line with few features, one of each kind."""
    line = a_line()
    kept = ("events_count", "events_mean_x", "late_sum_n", "late_latest_s", "late_since", "share_of_x", "age", "born")
    parts = ("events_sum_x", "events_sum_n", "daily_count")
    features: dict[str, Feature] = {name: line.features[name] for name in (*kept, *parts)}
    return replace(line, features=features)


def step(entry: Any, event: Mapping[str, Any]) -> dict[str, Any]:
    return dict(entry(dict(event), Context()))
