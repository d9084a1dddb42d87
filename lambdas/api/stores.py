"""What the routes of the API read, write and start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import boto3

from assembly_line.environments import ApiEnvironment
from assembly_line.names import line_resource
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.lines import ReleasedLines
from assembly_line.storage.models.registry import ModelRegistry
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.event_bus import EventBus
from assembly_line.storage.services.executions import Executions
from assembly_line.storage.services.functions import WITHIN_A_REQUEST, Functions
from assembly_line.storage.services.machines import Machines
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.storage.services.queue import Queue


@dataclass(frozen=True)
class Stores:
    """Clients and stores of one account."""

    environment: ApiEnvironment
    control: ControlTable
    objects: ObjectStore
    released: ReleasedLines
    queue: Queue
    executions: Executions
    machines: Machines
    functions: Functions
    bus: EventBus

    def registry(self, line: str) -> ModelRegistry:
        return ModelRegistry(boto3.client("sagemaker"), line_resource(self.environment.assembly_environment, line))


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = ApiEnvironment.from_process()
    control = ControlTable(boto3.client("dynamodb"), environment.control_table, environment.champion_table)
    objects = ObjectStore(boto3.client("s3"), environment.store_bucket)
    states = boto3.client("stepfunctions")
    return Stores(
        environment=environment,
        control=control,
        objects=objects,
        released=ReleasedLines(control, ReleaseStore(objects)),
        queue=Queue(boto3.client("sqs"), environment.feedback_queue_url),
        executions=Executions(states),
        machines=Machines(states),
        functions=Functions(boto3.client("lambda", config=WITHIN_A_REQUEST)),
        bus=EventBus(boto3.client("events"), environment.event_bus),
    )
