"""What the steps of the dataset machine read and write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import boto3

from assembly_line.environments import DatasetEnvironment
from assembly_line.features.planning.forecast import Machinery
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.datasets.model_inputs import ModelInputsStore
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.machines import Machines
from assembly_line.storage.services.objects import ObjectStore


@dataclass(frozen=True)
class Stores:
    """Clients and stores of one account, and what its engines are made of."""

    machinery: Machinery
    lake: Lake
    datasets: DatasetStore
    control: ControlTable
    releases: ReleaseStore
    inputs: ModelInputsStore
    executions: Machines

    @property
    def memory_mib(self) -> int:
        return self.machinery.memory_mib


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = DatasetEnvironment.from_process()
    s3 = boto3.client("s3")
    store = ObjectStore(s3, environment.store_bucket)
    return Stores(
        machinery=Machinery(memory_mib=int(environment.memory_mib), spark_dpus=float(environment.spark_dpus)),
        lake=Lake(ObjectStore(s3, environment.lake_bucket)),
        datasets=DatasetStore(store),
        control=ControlTable(boto3.client("dynamodb"), environment.control_table),
        releases=ReleaseStore(store),
        inputs=ModelInputsStore(store),
        executions=Machines(boto3.client("stepfunctions")),
    )
