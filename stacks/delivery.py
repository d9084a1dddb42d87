"""The delivery station: its functions and the scoring machine, from a spine to the lines' topics."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from assembly_line.environments import ScoringEnvironment, SlotsEnvironment
from assembly_line.names import Folder, slots_function
from assembly_line.stations import DELIVERY, SCORING
from stacks.constructs.access.grants import allow, use_key
from stacks.constructs.access.permissions import Permission, run_own_items
from stacks.constructs.access.sagemaker_access import encrypt_volumes, publish_to_topics, run_transform_jobs
from stacks.constructs.machine import Machine, look_at_executions, run_other_machine
from stacks.constructs.station_function import StationFunction
from stacks.features import FeaturesStack
from stacks.foundation import FoundationStack
from stacks.machines import scoring
from stacks.machines.dataset import limit_seconds
from stacks.station import StationStack

# For a dataset, or a model.
STORAGE_MIB = 2048
# For a dataset too, and the columns of a batch that do not fit into memory: ten million decisions.
PUBLISH_STORAGE_MIB = 10_240

# A look at up to a thousand slots.
SLOTS_SECONDS = 120


class DeliveryStack(StationStack):
    """Takes the dataset machine, which it runs to its end."""

    def __init__(self, scope: Construct, *, foundation: FoundationStack, features: FeaturesStack) -> None:
        super().__init__(scope, DELIVERY, foundation=foundation)
        self._environment = ScoringEnvironment(
            assembly_environment=self.environment_name,
            account_id=Stack.of(self).account,
            store_bucket=foundation.store.name,
            ledger_bucket=foundation.ledger.name,
            control_table=foundation.control.name,
            champion_table=foundation.champions.name,
            function_scoring_mib=str(self.settings.function_scoring_mib),
            outbox_shard_messages=str(self.settings.outbox_shard_messages),
            topic_messages_per_second=str(self.settings.topic_messages_per_second),
            publishers=str(self.settings.publishers),
        )
        self._slots(self._machine(features))
        self.parameters()

    def _begin(self) -> StationFunction:
        function = self._step("Begin", "begin", scoring.BEGIN_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.control.grant_read(function.role)
        self.foundation.champions.grant_read(function.role)
        return function

    def _prepare(self) -> StationFunction:
        function = self._step("Prepare", "prepare", scoring.PREPARE_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS, Folder.RUNS)
        self.foundation.store.grant_write(function.role, Folder.SCORING)
        return function

    def _publish(self) -> StationFunction:
        function = self._step("Publish", "publish", scoring.PUBLISH_SECONDS, storage_mib=PUBLISH_STORAGE_MIB)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS, Folder.SCORING)
        self.foundation.store.grant_write(function.role, Folder.SCORING)
        self.foundation.ledger.grant_write(function.role, Folder.LEDGER)
        return function

    def _deliver(self) -> StationFunction:
        function = self._step("Deliver", "deliver", scoring.DELIVER_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.SCORING, Folder.DELIVERIES)
        self.foundation.store.grant_write(function.role, Folder.SCORING, Folder.DELIVERIES)
        self.foundation.ledger.grant_read(function.role, Folder.LEDGER)
        self.foundation.ledger.grant_write(function.role, Folder.LEDGER)
        self.foundation.control.grant_read(function.role)
        self.foundation.control.grant_write(function.role)
        # The topics of all lines are encrypted with the foundation's key.
        use_key(function.role, self.foundation.key)
        publish_to_topics(function.role, environment=self.environment_name)
        return function

    def _step(self, id_: str, entry: str, seconds: int, *, storage_mib: int = STORAGE_MIB) -> StationFunction:
        return self.function(
            id_,
            handler=f"scoring.handler.{entry}",
            environment=self._environment,
            seconds=seconds,
            storage_mib=storage_mib,
        )

    def _machine(self, features: FeaturesStack) -> Machine:
        begin, prepare, publish, deliver = self._begin(), self._prepare(), self._publish(), self._deliver()
        parts = scoring.ScoringParts(
            begin=begin.arn,
            prepare=prepare.arn,
            score=features.score.arn,
            publish=publish.arn,
            deliver=deliver.arn,
            attend=features.attend.arn,
            dataset_machine=features.dataset_machine.arn,
            dataset_seconds=limit_seconds(self.settings.spark_timeout_minutes),
            key=self.foundation.key.key_arn,
            publishers=self.settings.publishers,
        )
        definition = scoring.definition(parts, self.announcer)
        calls = (begin, prepare, publish, deliver, features.score, features.attend)
        machine = self.machine(SCORING, definition, calls=calls)
        run_other_machine(machine.role, features.dataset_machine)
        run_own_items(machine, scoring.SHARDS)
        run_transform_jobs(machine.role, environment=self.environment_name)
        encrypt_volumes(machine.role, self.foundation.key)
        return machine

    def _slots(self, machine: Machine) -> None:
        """Called by the schedules of lines, which know it by name, and by scientists."""
        foundation = self.foundation
        function = self.function(
            "Slots",
            handler="slots.handler.look",
            environment=SlotsEnvironment(
                assembly_environment=self.environment_name,
                lake_bucket=foundation.lake.name,
                store_bucket=foundation.store.name,
                control_table=foundation.control.name,
                champion_table=foundation.champions.name,
                scoring_machine_arn=machine.arn,
            ),
            seconds=SLOTS_SECONDS,
            name=slots_function(self.environment_name),
        )
        foundation.lake.grant_read(function.role, Folder.SNAPSHOTS)
        foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        foundation.control.grant_read(function.role)
        foundation.control.grant_write(function.role)
        foundation.champions.grant_read(function.role)
        allow(function.role, ("states:StartExecution",), (machine.arn,))
        look_at_executions(function.role, machine)
        Permission(function, "Askers", foundation.people.scientist).allow(("lambda:InvokeFunction",), (function.arn,))
