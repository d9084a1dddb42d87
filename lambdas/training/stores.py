"""What the training machine's own steps read and write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3

from assembly_line.environments import TrainingEnvironment
from assembly_line.names import line_resource
from assembly_line.release import Release
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.registry import ModelRegistry
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.models.runs import RunStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training.images import Image, image
from assembly_line.training.phases import Fit
from assembly_line.training.states import RunContext

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient


@dataclass(frozen=True)
class Stores:
    """Clients and stores of one account."""

    environment: TrainingEnvironment
    control: ControlTable
    objects: ObjectStore
    releases: ReleaseStore
    datasets: DatasetStore
    sagemaker: SageMakerClient

    def run(self, context: RunContext) -> RunStore:
        """What is of the run as a whole: evaluation and record."""
        return RunStore(self.objects, context.line, context.run_id)

    def fit(self, context: RunContext, fit: Fit) -> RunStore:
        return RunStore(self.objects, context.line, context.run_id, fit=fit.folder)

    def registry(self, line: str) -> ModelRegistry:
        return ModelRegistry(self.sagemaker, line_resource(self.environment.assembly_environment, line))

    def image_of(self, release: Release) -> Image:
        training = release.line.training
        return image(training.framework, training.framework_version, self.sagemaker.meta.region_name)


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = TrainingEnvironment.from_process()
    objects = ObjectStore(boto3.client("s3"), environment.store_bucket)
    return Stores(
        environment=environment,
        control=ControlTable(boto3.client("dynamodb"), environment.control_table),
        objects=objects,
        releases=ReleaseStore(objects),
        datasets=DatasetStore(objects),
        sagemaker=boto3.client("sagemaker"),
    )
