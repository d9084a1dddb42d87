"""The feedback station: the API with its two functions, the feedback queue and its collector, the outcomes machine."""

from __future__ import annotations

from constructs import Construct

from assembly_line.environments import (
    ApiEnvironment,
    DecisionsEnvironment,
    FeedbackCollectorEnvironment,
    LedgerEnvironment,
    OutcomesEnvironment,
)
from assembly_line.names import Folder, Parameter
from assembly_line.stations import FEEDBACK, OUTCOMES
from stacks.constructs.access.consumer_access import ConsumerAccess
from stacks.constructs.access.grants import allow, use_key
from stacks.constructs.access.permissions import Permission, let_write_catalog
from stacks.constructs.access.sagemaker_access import use_model_packages
from stacks.constructs.line_api import LineApi
from stacks.constructs.machine import look_at_executions, start_and_stop
from stacks.constructs.messaging.guarded_queue import GuardedQueue
from stacks.constructs.messaging.queue_consumer import consume
from stacks.constructs.schedules.calls import call_at
from stacks.constructs.station_function import StationFunction
from stacks.features import FeaturesStack
from stacks.foundation import FoundationStack
from stacks.machines import outcomes
from stacks.station import StationStack
from stacks.training import TrainingStack

COLLECTOR_SECONDS = 60
API_SECONDS = 29
# A decision with its history is found by DuckDB, which takes a day of the ledger.
DECISIONS_MIB = 2048
# What is left after that is taken the next time.
COMPACT_SECONDS = 900


class FeedbackStack(StationStack):
    """Exposes `api`."""

    def __init__(
        self, scope: Construct, *, foundation: FoundationStack, features: FeaturesStack, training: TrainingStack
    ) -> None:
        super().__init__(scope, FEEDBACK, foundation=foundation)
        self._feedback = GuardedQueue(
            self,
            "Queue",
            key=foundation.key,
            alarms=foundation.alarms,
            of="Feedback",
            consumer_seconds=COLLECTOR_SECONDS,
            batch_window_seconds=self.settings.batch_window_seconds,
        )
        self._let_applications_send()
        function = self._api_function(features, training)
        decisions = self._decisions_function(features)
        self.api = LineApi(
            self, "Api", function=function, decisions=decisions, settings=self.settings, foundation=foundation
        )
        self._collector(api_role_id=function.role.role_id)
        self._machine()
        ledger = self._ledger(features)
        self.parameters(
            {
                Parameter.FEEDBACK_QUEUE: self._feedback.queue.queue_url,
                Parameter.FEEDBACK_DEAD_LETTERS: self._feedback.dead_letters.queue_url,
                Parameter.API_URL: self.api.url,
                Parameter.LEDGER_FUNCTION: ledger.function.function_name,
            }
        )

    def _collector(self, *, api_role_id: str) -> None:
        foundation = self.foundation
        function = self.function(
            "Collector",
            handler="feedback_collector.handler.handle",
            environment=FeedbackCollectorEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=foundation.store.name,
                ledger_bucket=foundation.ledger.name,
                control_table=foundation.control.name,
                api_role_id=api_role_id,
            ),
            seconds=COLLECTOR_SECONDS,
        )
        foundation.store.grant_read(function.role, Folder.RELEASES)
        foundation.ledger.grant_write(function.role, Folder.LEDGER)
        foundation.control.grant_read(function.role)
        consume(function, self._feedback.queue, key=foundation.key, settings=self.settings)

    def _let_applications_send(self) -> None:
        """Applications that send receipts and outcomes attach this policy to their own role."""
        access = ConsumerAccess(self, "FeedbackSender", description="Send feedback of the assembly line")
        access.allow(("sqs:GetQueueUrl", "sqs:SendMessage"), (self._feedback.queue.queue_arn,))
        access.allow(("kms:Decrypt", "kms:GenerateDataKey"), (self.foundation.key.key_arn,))

    def _api_function(self, features: FeaturesStack, training: TrainingStack) -> StationFunction:
        foundation, queue = self.foundation, self._feedback.queue
        function = self.function(
            "ApiFunction",
            handler="api.handler.handle",
            environment=ApiEnvironment(
                assembly_environment=self.environment_name,
                account_id=self.account,
                store_bucket=foundation.store.name,
                control_table=foundation.control.name,
                champion_table=foundation.champions.name,
                online_table=features.online.name,
                feedback_queue_url=queue.queue_url,
                training_machine_arn=training.training_machine.arn,
                dataset_machine_arn=features.dataset_machine.arn,
                explain_function=features.explain_function.function.function_name,
                champions_function=training.champions_function.function.function_name,
                event_bus=foundation.bus.event_bus_name,
            ),
            seconds=API_SECONDS,
        )
        foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        foundation.control.grant_read(function.role)
        foundation.control.grant_write(function.role)
        foundation.champions.grant_read(function.role)
        features.online.grant_read(function.role)
        allow(function.role, ("sqs:SendMessage",), (queue.queue_arn,))
        use_key(function.role, foundation.key)
        allow(function.role, ("states:SendTaskSuccess", "states:StartExecution"), (training.training_machine.arn,))
        features.explain_function.grant_invoke(function.role)
        training.champions_function.grant_invoke(function.role)
        use_model_packages(function.role, "sagemaker:UpdateModelPackage", environment=self.environment_name)
        foundation.bus.grant_put_events_to(function.role)
        start_and_stop(function.role, features.dataset_machine)
        # Between two waits for a review nobody takes a judgement: whether the run goes on says what becomes of it.
        look_at_executions(function.role, training.training_machine)
        return function

    def _decisions_function(self, features: FeaturesStack) -> StationFunction:
        """Decides for who asks. Beside it, only the scoring machine writes predictions."""
        foundation = self.foundation
        function = self.function(
            "Decisions",
            handler="decisions.handler.handle",
            environment=DecisionsEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=foundation.store.name,
                ledger_bucket=foundation.ledger.name,
                control_table=foundation.control.name,
                champion_table=foundation.champions.name,
                online_table=features.online.name,
                serving_function=features.serve.arn,
            ),
            seconds=API_SECONDS,
            memory_mib=DECISIONS_MIB,
        )
        foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS, Folder.RUNS)
        foundation.ledger.grant_read(function.role, Folder.LEDGER, Folder.TABLES)
        foundation.ledger.grant_write(function.role, Folder.LEDGER)
        foundation.control.grant_read(function.role)
        foundation.champions.grant_read(function.role)
        features.online.grant_read(function.role)
        features.serve.grant_invoke(function.role)
        return function

    def _ledger(self, features: FeaturesStack) -> StationFunction:
        """Makes tables of the ledger: every day, and when a scientist asks."""
        foundation = self.foundation
        function = self.function(
            "Ledger",
            handler="ledger.handler.compact",
            environment=LedgerEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=foundation.store.name,
                ledger_bucket=foundation.ledger.name,
                control_table=foundation.control.name,
                glue_database=features.database.database_name,
            ),
            seconds=COMPACT_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        foundation.store.grant_read(function.role, Folder.RELEASES)
        foundation.ledger.grant_read(function.role, Folder.LEDGER, Folder.TABLES)
        foundation.ledger.grant_write(function.role, Folder.TABLES)
        foundation.ledger.grant_delete(function.role, Folder.TABLES)
        foundation.control.grant_read(function.role)
        let_write_catalog(function.role, features.database)
        Permission(function, "Askers", foundation.people.scientist).allow(("lambda:InvokeFunction",), (function.arn,))
        call_at(
            self,
            "LedgerDaily",
            arn=function.arn,
            name=function.function.function_name,
            given={},
            at="daily at 00:20",
            what="The ledger is made tables",
            fails="Some ledger could not be made tables: the function's log says which and why",
            enabled=self.settings.schedules,
            alarms=foundation.alarms,
        )
        return function

    def _machine(self) -> None:
        foundation = self.foundation
        derive = self.function(
            "Outcomes",
            handler="outcomes.handler.derive",
            environment=OutcomesEnvironment(
                assembly_environment=self.environment_name,
                lake_bucket=foundation.lake.name,
                store_bucket=foundation.store.name,
                ledger_bucket=foundation.ledger.name,
                control_table=foundation.control.name,
            ),
            seconds=outcomes.DERIVE_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        foundation.lake.grant_read(derive.role, Folder.SNAPSHOTS, Folder.SOURCES)
        foundation.store.grant_read(derive.role, Folder.RELEASES)
        foundation.ledger.grant_read(derive.role, Folder.LEDGER)
        foundation.ledger.grant_write(derive.role, Folder.LEDGER)
        foundation.control.grant_read(derive.role)
        parts = outcomes.OutcomesParts(derive=derive.arn)
        definition = outcomes.definition(parts, self.announcer)
        self.machine(OUTCOMES, definition, calls=(derive,), id_="OutcomesMachine")
