"""One environment in one account: its clients and its stores, each made on first use.

A store's module is imported with its first use too, so that a function or a command pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assembly_line.errors import SettingMissing
from assembly_line.names import Parameter, line_resource

if TYPE_CHECKING:
    from assembly_line.delivery import ScoringContext
    from assembly_line.storage.datasets.datasets import DatasetStore
    from assembly_line.storage.datasets.finished_datasets import FinishedDatasets
    from assembly_line.storage.datasets.model_inputs import ModelInputsStore
    from assembly_line.storage.lake.lake import Lake
    from assembly_line.storage.lake.online_table import OnlineTable
    from assembly_line.storage.lake.tables import TableStore
    from assembly_line.storage.ledger.asked_decisions import AskedDecisions
    from assembly_line.storage.ledger.compacted_ledger import CompactedLedger
    from assembly_line.storage.ledger.event_log import EventLog
    from assembly_line.storage.ledger.ledger import Ledger
    from assembly_line.storage.ledger.ledger_catalog import LedgerCatalog
    from assembly_line.storage.ledger.scored_periods import ScoredPeriods
    from assembly_line.storage.ledger.scoring_runs import ScoringRun
    from assembly_line.storage.models.control_table import ControlTable
    from assembly_line.storage.models.lines import ReleasedLines
    from assembly_line.storage.models.registry import ModelRegistry
    from assembly_line.storage.models.releases import ReleaseStore
    from assembly_line.storage.models.runs import RunStore
    from assembly_line.storage.services.delivered_files import DeliveredFiles
    from assembly_line.storage.services.event_bus import EventBus
    from assembly_line.storage.services.functions import Functions
    from assembly_line.storage.services.job_runs import JobRuns
    from assembly_line.storage.services.machines import Machines
    from assembly_line.storage.services.objects import ObjectStore
    from assembly_line.storage.services.queries import Queries
    from assembly_line.storage.services.queue import Queue
    from assembly_line.storage.services.review_topic import ReviewTopic
    from assembly_line.storage.services.stacks import Stacks
    from assembly_line.storage.services.topic import Topic
    from assembly_line.storage.services.whole_buckets import WholeBuckets


class Account:
    """What the stations keep in one environment.

    Args:
        environment: its name.
        new_client: makes a client of a service; called once for each.
        named: the name, URL or ARN of what the stacks made; raises if it is not known here.
    """

    def __init__(self, environment: str, *, new_client: Callable[[str], Any], named: Callable[[str], str]) -> None:
        self.environment = environment
        self.named = named
        self._new_client = new_client
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client of the service; one for each, which threads may share."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def objects(self, bucket: Parameter) -> ObjectStore:
        from assembly_line.storage.services.objects import ObjectStore

        return ObjectStore(self.client("s3"), self.named(bucket))

    @cached_property
    def store(self) -> ObjectStore:
        """Releases, datasets, runs and scoring runs."""
        return self.objects(Parameter.STORE_BUCKET)

    @cached_property
    def lake_objects(self) -> ObjectStore:
        return self.objects(Parameter.LAKE_BUCKET)

    @cached_property
    def ledger_objects(self) -> ObjectStore:
        return self.objects(Parameter.LEDGER_BUCKET)

    @cached_property
    def control(self) -> ControlTable:
        from assembly_line.storage.models.control_table import ControlTable

        try:
            champions = self.named(Parameter.CHAMPION_TABLE)
        except SettingMissing:  # who neither reads nor writes who decides
            champions = None
        return ControlTable(self.client("dynamodb"), self.named(Parameter.CONTROL_TABLE), champions)

    @cached_property
    def releases(self) -> ReleaseStore:
        from assembly_line.storage.models.releases import ReleaseStore

        return ReleaseStore(self.store)

    @cached_property
    def released(self) -> ReleasedLines:
        from assembly_line.storage.models.lines import ReleasedLines

        return ReleasedLines(self.control, self.releases)

    @cached_property
    def lake(self) -> Lake:
        """For readers; `catalogued_lake` also registers what it loads."""
        from assembly_line.storage.lake.lake import Lake

        return Lake(self.lake_objects)

    @cached_property
    def catalogued_lake(self) -> Lake:
        from assembly_line.storage.lake.lake import Lake

        return Lake(self.lake_objects, self.client("glue"), self.named(Parameter.GLUE_DATABASE))

    @cached_property
    def tables(self) -> TableStore:
        from assembly_line.storage.lake.catalog import Catalog
        from assembly_line.storage.lake.tables import TableStore

        return TableStore(self.store, Catalog(self.client("glue"), self.named(Parameter.GLUE_DATABASE)))

    @cached_property
    def table_jobs(self) -> JobRuns:
        """Runs of the job that materialises tables."""
        from assembly_line.storage.services.job_runs import JobRuns

        return JobRuns(self.client("glue"), self.named(Parameter.TABLES_JOB))

    @cached_property
    def queries(self) -> Queries:
        from assembly_line.storage.services.queries import Queries

        workgroup, database = self.named(Parameter.QUERY_WORKGROUP), self.named(Parameter.GLUE_DATABASE)
        return Queries(self.client("athena"), workgroup=workgroup, database=database)

    @cached_property
    def online_table(self) -> OnlineTable:
        import boto3

        from assembly_line.storage.lake.online_table import OnlineTable

        return OnlineTable(boto3.resource("dynamodb"), self.named(Parameter.ONLINE_TABLE))

    @cached_property
    def datasets(self) -> DatasetStore:
        from assembly_line.storage.datasets.datasets import DatasetStore

        return DatasetStore(self.store)

    @cached_property
    def finished_datasets(self) -> FinishedDatasets:
        from assembly_line.storage.datasets.finished_datasets import FinishedDatasets

        return FinishedDatasets(self.store)

    @cached_property
    def inputs(self) -> ModelInputsStore:
        from assembly_line.storage.datasets.model_inputs import ModelInputsStore

        return ModelInputsStore(self.store)

    def run(self, line: str, run_id: str, *, fit: str = "") -> RunStore:
        """The folder of a training run, or a fit's folder in it."""
        from assembly_line.storage.models.runs import RunStore

        return RunStore(self.store, line, run_id, fit=fit)

    def registry(self, line: str) -> ModelRegistry:
        from assembly_line.storage.models.registry import ModelRegistry

        return ModelRegistry(self.client("sagemaker"), line_resource(self.environment, line))

    def registry_groups(self) -> list[str]:
        """Names of the lines' model package groups."""
        from assembly_line.storage.models.registry import groups

        return groups(self.client("sagemaker"), line_resource(self.environment, ""))

    def scoring_run(self, line: str, run_id: str) -> ScoringRun:
        from assembly_line.storage.ledger.scoring_runs import ScoringRun

        return ScoringRun(self.store, line, run_id)

    @cached_property
    def scored_periods(self) -> ScoredPeriods:
        from assembly_line.storage.ledger.scored_periods import ScoredPeriods

        return ScoredPeriods(self.control, self.datasets)

    @cached_property
    def ledger(self) -> Ledger:
        from assembly_line.storage.ledger.ledger import Ledger

        return Ledger(self.ledger_objects)

    @cached_property
    def asked_decisions(self) -> AskedDecisions:
        from assembly_line.storage.ledger.asked_decisions import AskedDecisions

        return AskedDecisions(self.ledger_objects)

    def compacted(self, line: str) -> CompactedLedger:
        """What is compacted of a line's ledger."""
        from assembly_line.storage.ledger.compacted_ledger import CompactedLedger

        return CompactedLedger(self.ledger_objects, self.ledger, line)

    @cached_property
    def ledger_catalog(self) -> LedgerCatalog:
        from assembly_line.storage.lake.catalog import Catalog
        from assembly_line.storage.ledger.ledger_catalog import LedgerCatalog

        return LedgerCatalog(Catalog(self.client("glue"), self.named(Parameter.GLUE_DATABASE)))

    @cached_property
    def event_log(self) -> EventLog:
        from assembly_line.storage.ledger.event_log import EventLog

        return EventLog(self.ledger_objects)

    @cached_property
    def machines(self) -> Machines:
        from assembly_line.storage.services.machines import Machines

        return Machines(self.client("stepfunctions"))

    @cached_property
    def functions(self) -> Functions:
        from assembly_line.storage.services.functions import Functions

        return Functions(self.client("lambda"))

    @cached_property
    def feedback_queue(self) -> Queue:
        return self.queue(self.named(Parameter.FEEDBACK_QUEUE))

    def queue(self, url: str) -> Queue:
        from assembly_line.storage.services.queue import Queue

        return Queue(self.client("sqs"), url)

    @cached_property
    def event_bus(self) -> EventBus:
        from assembly_line.storage.services.event_bus import EventBus

        return EventBus(self.client("events"), self.named(Parameter.EVENT_BUS))

    @cached_property
    def stacks(self) -> Stacks:
        from assembly_line.storage.services.stacks import Stacks

        return Stacks(self.client("cloudformation"), self.environment)

    @cached_property
    def whole_buckets(self) -> WholeBuckets:
        from assembly_line.storage.services.whole_buckets import WholeBuckets

        return WholeBuckets(self.client("s3"))

    def review_topic(self, line: str, *, account_id: str) -> ReviewTopic:
        """The topic by which a line reminds its reviewers."""
        from assembly_line.storage.services.review_topic import ReviewTopic

        return ReviewTopic(self.client("sns"), account=account_id, environment=self.environment, line=line)

    def topic(self, line: str, *, account_id: str, per_second: float | None = None) -> Topic:
        """The topic that a line delivers to, which takes so many messages a second."""
        from assembly_line.storage.services.topic import Topic, topic_arn

        sns = self.client("sns")
        arn = topic_arn(sns, account=account_id, environment=self.environment, line=line)
        return Topic(sns, arn, per_second=per_second)

    def delivered_files(self, run: ScoringContext, *, forms: Sequence[str]) -> DeliveredFiles:
        """The folder of the files that a run delivers."""
        from assembly_line.instants import format_day, format_instant
        from assembly_line.names import delivered_prefix
        from assembly_line.storage.services.delivered_files import DeliveredFiles

        prefix = delivered_prefix(run.line, format_day(run.instant), run.run_id)
        described = {
            "line": run.line,
            "run_id": run.run_id,
            "revision": run.revision,
            "instant": format_instant(run.instant),
        }
        return DeliveredFiles(self.store, prefix, forms=forms, described=described)


def account_of_job(arguments: Mapping[str, str]) -> Account:
    """The account that a Glue job works in: names from the job's arguments."""
    import boto3

    def named(parameter: str) -> str:
        argument = parameter.replace("-", "_").upper()
        if argument not in arguments:
            raise SettingMissing("the job's arguments", [argument])
        return arguments[argument]

    make: Callable[..., Any] = boto3.client  # its overloads know literals alone
    return Account("", new_client=make, named=named)
