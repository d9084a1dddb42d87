"""A small world in the mocked account: released, its sources loaded, and datasets built by the machine's own steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from assembly_line import Feature
from assembly_line.cli.target import Target
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.environments import DatasetEnvironment
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.names import snapshot_key
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake, PreparedSource
from assembly_line.storage.models.releases import ReleaseStore
from lambdas.dataset import handler
from lambdas.dataset.stores import stores
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


class PreparedSources:
    """Sources of random worlds as they come into a lake: typed once, however many lakes they are loaded into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[tuple[str, int], PreparedSource] = {}

    def of(self, source: Source, seed: int, lake: Lake) -> PreparedSource:
        """Decisions with a null key are left away, as the gate demands."""
        key = repr(source), seed
        if key not in self._found:
            rows = random_world(seed)[source.name]
            if source.name == "invited":
                rows = [row for row in rows if row["user"] is not None]
            folder = self._folder / str(len(self._found))
            folder.mkdir()
            path = folder / f"{source.name}.parquet"
            write_rows(source, rows, path)
            self._found[key] = lake.prepare(source, path, folder / "typed")
        return self._found[key]


class ReleasedWorld:
    """One line in the account, and what a person would do with it."""

    def __init__(
        self,
        target: Target,
        prepared: PreparedSources,
        line: Line | None = None,
        scripts: Mapping[str, bytes] | None = None,
    ) -> None:
        for bucket in ("lake", "store"):
            target.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("glue").create_database(DatabaseInput={"Name": "lake"})
        self._target, self._prepared = target, prepared
        self.line = whole_line() if line is None else line
        self._scripts = dict(scripts or {})
        self._loaded: dict[str, Snapshot] = {}
        self._released = self.release(self.line)
        self.load(SEED)
        self._loaded_first = dict(self._loaded)

    def release(self, line: Line) -> str:
        scripts = {line.training.script: b"", line.training.inference: b"", **self._scripts}
        digest = ReleaseStore(self._target.store).publish(Release(line, scripts))
        self._target.control.set_current_release(line.name, digest)
        return digest

    def load(self, seed: int) -> None:
        """Replace every source."""
        lake = Lake(self._target.lake, self._target.client("glue"), "lake")
        for source in self.line.sources.values():
            if source.sql is None:
                self._loaded[source.name] = lake.replace(self._prepared.of(source, seed, lake))

    def go_back(self) -> None:
        """What was released and loaded first is in force again; the lake keeps every version that it had."""
        self._target.control.set_current_release(self.line.name, self._released)
        for name, snapshot in self._loaded_first.items():
            if self._loaded[name] != snapshot:
                self._target.lake.write_json(snapshot_key(name), snapshot.to_json())
        self._loaded = dict(self._loaded_first)

    def build(self, **changed: Any) -> dict[str, Any]:
        """One dataset, by plan, build and finish."""
        plan = step(handler.plan, {"line": NAME, **YEAR, **changed})
        built = None if plan["exists"] else step(handler.build, {"plan_key": plan["plan_key"]})
        return step(handler.finish, {"plan_key": plan["plan_key"], "built": built})


@contextmanager
def open_world(
    target: Target, prepared: PreparedSources, line: Line | None = None, scripts: Mapping[str, bytes] | None = None
) -> Iterator[ReleasedWorld]:
    """A world in the account, and its machine's steps at work there."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment_variables().items():
            patch.setenv(variable, value)
        stores.cache_clear()
        yield ReleasedWorld(target, prepared, line, scripts)
        stores.cache_clear()


def whole_line() -> Line:
    """The small world's line with few features, one of each kind."""
    line = a_line()
    kept = ("events_count", "events_mean_x", "late_sum_n", "late_latest_s", "late_since", "share_of_x", "age", "born")
    parts = ("events_sum_x", "events_sum_n", "daily_count")
    features: dict[str, Feature] = {name: line.features[name] for name in (*kept, *parts)}
    return replace(line, features=features)


def step(entry: Any, event: Mapping[str, Any]) -> dict[str, Any]:
    return dict(entry(dict(event), Context()))
