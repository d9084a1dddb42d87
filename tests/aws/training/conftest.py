"""A released line, its dataset and its registry group in a simulated account, and the handlers that act on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import pytest

from assembly_line.declarations.lines import Line
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.record.manifest import logical_digest, result_of
from assembly_line.names import dataset_prefix
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from tests.aws.conftest import REGION, empty_account, new_bucket, new_control_table
from tests.aws.training.training_run import DATASET, LINE, RunSoFar
from tests.manifests import a_manifest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_sagemaker.client import SageMakerClient

NUMBERS = count(1)
ReleaseAs = Callable[[Line], None]


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """An account for all tests of a file: each has runs of its own, and no run touches another."""
    with empty_account():
        yield


@pytest.fixture(scope="module")
def store(aws: None) -> ObjectStore:
    return new_bucket(boto3.client("s3", region_name=REGION), "store")


@pytest.fixture(scope="module")
def control_table(aws: None) -> Table:
    return new_control_table()


@pytest.fixture(scope="module")
def champion_table(aws: None) -> Table:
    return new_control_table("champions")


@pytest.fixture(scope="module")
def control(control_table: Table, champion_table: Table) -> ControlTable:
    names = (control_table.name, champion_table.name)
    return ControlTable(boto3.client("dynamodb", region_name=REGION), *names)


@pytest.fixture(scope="module")
def release(store: ObjectStore, control: ControlTable, shipped: Release) -> Release:
    """The shipped line, released and current."""
    control.set_current_release(LINE, ReleaseStore(store).publish(shipped))
    return shipped


@pytest.fixture
def release_as(store: ObjectStore, control: ControlTable, release: Release) -> Iterator[ReleaseAs]:
    """Release the line with another declaration, until the test ends."""

    def published(line: Line) -> None:
        control.set_current_release(LINE, ReleaseStore(store).publish(Release(line, release.scripts)))

    yield published
    published(release.line)


@pytest.fixture(scope="module")
def sagemaker(aws: None) -> SageMakerClient:
    return boto3.client("sagemaker", region_name=REGION)


@pytest.fixture(scope="module")
def handlers(aws: None, release: Release, sagemaker: SageMakerClient) -> Iterator[None]:
    """The variables that the stack sets, and stores built anew for this account."""
    new_bucket(boto3.client("s3", region_name=REGION), "ledger")
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in {
            "ASSEMBLY_ENVIRONMENT": "test",
            "ACCOUNT_ID": "123456789012",
            "STORE_BUCKET": "store",
            "LEDGER_BUCKET": "ledger",
            "CONTROL_TABLE": "control",
            "CHAMPION_TABLE": "champions",
        }.items():
            patch.setenv(variable, value)
        account_of.cache_clear()
        yield
        account_of.cache_clear()


@pytest.fixture(scope="module")
def dataset(store: ObjectStore, release: Release, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """240 decisions of 60 households at 4 instants, the last of which is held out and has a higher rate.

    The outcome follows `spend_90d`. Those of the third instant become known a day after the last one.
    """
    path = tmp_path_factory.mktemp("dataset") / "data.parquet"
    numbers = [
        name
        for name in release.line.features
        if name not in ("campaign_type", "age", "income", "household_size", "kids_count")
    ]
    columns = ", ".join(f"(i * 7 % 10 + {place}) / 3.0 AS {name}" for place, name in enumerate(numbers))
    # The one-feature rule knows nothing here.
    columns = columns.replace("AS redemptions_365d", "* 0 + i % 7 AS redemptions_365d")
    query = f"""
        SELECT 'd1-20170301-' || lpad(i::VARCHAR, 32, '0') AS decision_id,
               TIMESTAMPTZ '2017-03-01 00:00:00+00' + INTERVAL (i // 60) MONTH AS decision_time,
               i % 60 AS household_id, i // 60 AS campaign_id, {columns},
               CASE WHEN i % 3 = 0 THEN 'Type A' ELSE 'Type B' END AS campaign_type,
               CASE WHEN i % 5 = 0 THEN 'young' END AS age, CASE WHEN i % 4 = 0 THEN 'high' END AS income,
               CASE WHEN i % 7 = 0 THEN '2' END AS household_size, (i % 2)::VARCHAR AS kids_count,
               (i * 7 % 10 > CASE WHEN i < 180 THEN 6 ELSE 5 END)::BIGINT AS redeemed,
               decision_time + CASE WHEN i // 60 = 2 THEN INTERVAL 32 DAY ELSE INTERVAL 20 DAY END AS outcome_known_at
        FROM range(240) AS numbers(i) ORDER BY i"""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    prefix = dataset_prefix(LINE, DATASET)
    store.upload(path, f"{prefix}attempts/1/data.parquet")
    manifest = a_manifest(
        dataset_id=DATASET,
        line=LINE,
        data_uri=store.uri(f"{prefix}attempts/1/data.parquet"),
        rows=240,
        spine_rows=243,
        logical_digest=logical_digest(read_dataset(path)),
        limitations=("demographics carries no time",),
        excluded={"immature": 3},
        warnings=("leakage: ever counts events after the decision: of 9 of 9 entities",),
    )
    store.write_json(f"{prefix}manifest.json", manifest.to_json())
    return {**result_of(manifest, exists=False), "logical_digest": manifest.logical_digest}


@pytest.fixture(scope="module")
def new_run(
    handlers: None, store: ObjectStore, control: ControlTable, dataset: dict[str, Any]
) -> Callable[[], RunSoFar]:
    return lambda: RunSoFar(store, control, dataset, f"coupon-redemption-20170701-{next(NUMBERS):08x}")


@pytest.fixture
def run(new_run: Callable[[], RunSoFar]) -> RunSoFar:
    """A run that nobody else has."""
    return new_run()


@pytest.fixture
def run_without_refit(run: RunSoFar, release: Release, release_as: ReleaseAs) -> RunSoFar:
    """A run of the line after it was released anew, with `refit=False`."""
    release_as(replace(release.line, training=replace(release.line.training, refit=False)))
    return run
