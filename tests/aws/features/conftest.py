"""The shipped line, released, over a lake that holds every twentieth household."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import pytest

from assembly_line.environments import DatasetEnvironment
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake, PreparedSource
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.dataset import handler
from lambdas.dataset.stores import stores
from tests.aws.conftest import empty_account, new_bucket, new_control_table

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"
DATABASE = "lake"
REGION = "us-east-1"
EVERY = 20


class Context:
    """What Lambda hands to a function beside its event."""

    function_name = "function"
    memory_limit_in_mb = 3008
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "request"


@pytest.fixture(scope="session")
def release(shipped: Release) -> Release:
    return shipped


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Path:
    """The raw tables, of every twentieth household."""
    whole, part = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("part")
    script = PROJECT / "lines" / LINE / "data.py"
    subprocess.run([sys.executable, str(script), str(whole)], check=True, timeout=120)
    with duckdb.connect() as connection:
        for name, source in release.line.sources.items():
            condition = f"household_id % {EVERY} = 0" if "household_id" in source.columns else "true"
            connection.execute(
                f"COPY (SELECT * FROM read_parquet('{whole}/{name}.parquet') WHERE {condition}) "
                f"TO '{part}/{name}.parquet' (FORMAT parquet)"
            )
    return part


def new_catalog() -> GlueClient:
    client = boto3.client("glue", region_name=REGION)
    client.create_database(DatabaseInput={"Name": DATABASE})
    return client


@pytest.fixture
def glue(aws: None) -> GlueClient:
    return new_catalog()


@pytest.fixture
def lake(lake_objects: ObjectStore, glue: GlueClient) -> Lake:
    return Lake(lake_objects, glue, DATABASE)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, release: Release, raw: Path) -> list[PreparedSource]:
    """The first half of loading each source, which writes nothing to the lake: every lake gets the same files."""
    folder, lake = tmp_path_factory.mktemp("prepared"), Lake(ObjectStore(boto3.client("s3", region_name=REGION), "no"))
    sources = release.line.sources.items()
    return [lake.prepare(source, raw / f"{name}.parquet", folder / name) for name, source in sources]


@pytest.fixture
def loaded(lake: Lake, prepared: list[PreparedSource]) -> Lake:
    for source in prepared:
        lake.replace(source)
    return lake


@contextmanager
def released(release: Release, store: ObjectStore, lake_objects: ObjectStore, control: ControlTable) -> Iterator[Steps]:
    """The steps in an environment in which the line is released."""
    control.set_current_release(LINE, ReleaseStore(store).publish(release))
    environment = DatasetEnvironment(
        assembly_environment="test",
        lake_bucket=lake_objects.bucket,
        store_bucket=store.bucket,
        control_table="control",
        memory_mib="3008",
        spark_dpus="4",
    )
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.to_variables().items():
            patch.setenv(variable, value)
        stores.cache_clear()
        yield Steps()
        stores.cache_clear()


@pytest.fixture
def steps(lake_objects: ObjectStore, store: ObjectStore, control: ControlTable, release: Release) -> Iterator[Steps]:
    """The three steps in an environment in which the line is released."""
    with released(release, store, lake_objects, control) as steps:
        yield steps


@dataclass(frozen=True)
class World:
    """An account in which the line is released and its sources are loaded."""

    steps: Steps
    lake: Lake
    glue: GlueClient
    lake_objects: ObjectStore
    store: ObjectStore
    control: ControlTable
    release: Release


@pytest.fixture(scope="module")
def world(release: Release, prepared: list[PreparedSource]) -> Iterator[World]:
    """One for the tests of a file, which leave lake and release as they are and build datasets of their own.

    No test of such a file may ask for an account of its own beside it.
    """
    with empty_account():
        s3 = boto3.client("s3", region_name=REGION)
        store, lake_objects, glue = new_bucket(s3, "store"), new_bucket(s3, "lake"), new_catalog()
        control, lake = (
            ControlTable(boto3.client("dynamodb", region_name=REGION), new_control_table().name),
            Lake(lake_objects, glue, DATABASE),
        )
        for source in prepared:
            lake.replace(source)
        with released(release, store, lake_objects, control) as steps:
            yield World(steps, lake, glue, lake_objects, store, control, release)


class Steps:
    """The dataset machine's steps, called as the machine calls them."""

    def plan(self, **request: Any) -> dict[str, Any]:
        return self.call(handler.plan, {"line": LINE, **request})

    def build(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        return self.call(handler.build, {"plan_key": plan["plan_key"]})

    def finish(self, plan: Mapping[str, Any], built: Mapping[str, Any] | None) -> dict[str, Any]:
        return self.call(handler.finish, {"plan_key": plan["plan_key"], "built": built})

    def run(self, **request: Any) -> dict[str, Any]:
        plan = self.plan(**request)
        return self.finish(plan, None if plan["exists"] else self.build(plan))

    def call(self, entry: Callable[[Any, Any], dict[str, Any]], event: object) -> dict[str, Any]:
        return entry(event, Context())
