"""The features station: catalog, dataset functions, the Spark job, and the dataset machine."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_glue as glue
from constructs import Construct

from assembly_line.environments import (
    AttemptsEnvironment,
    DatasetEnvironment,
    ModelsEnvironment,
    OnlineEnvironment,
    ServingEnvironment,
)
from assembly_line.names import (
    EVERY_TABLE,
    MODEL_ARCHIVE,
    Folder,
    Parameter,
    TablesArgument,
    online_machine,
    tables_machine,
)
from assembly_line.stations import DATASET, FEATURES, ONLINE, TABLES
from stacks.constructs.access.grants import allow
from stacks.constructs.access.permissions import (
    let_read_catalog,
    let_run,
    let_see_executions,
    let_watch,
    let_write_catalog,
)
from stacks.constructs.access.sagemaker_access import look_at_jobs
from stacks.constructs.data.online_table import OnlineTable
from stacks.constructs.data.query_workgroup import QueryWorkgroup
from stacks.constructs.dataset_job import DatasetJob
from stacks.constructs.machine import Machine, look_at_executions
from stacks.constructs.station_function import StationFunction
from stacks.foundation import FoundationStack
from stacks.machines import dataset, online, tables
from stacks.machines.attempts import ATTEND_SECONDS
from stacks.machines.sagemaker import SCORE_SECONDS
from stacks.station import StationStack

# To unpack and load a model, and to answer one batch.
SERVE_SECONDS = 120
SERVE_MIB = 2048
# The archive's limits, packed and unpacked, and room for its code.
SERVE_STORAGE_MIB = 1024


class FeaturesStack(StationStack):
    """Exposes its machines, the catalog `database`, the table `online`, and four functions that others call too.

    These are `explain_function`, for the API, `attend`, for every machine that waits for jobs, `score`, for every
    machine that asks a model, and `serve`, which runs the code of lines.
    """

    def __init__(self, scope: Construct, *, foundation: FoundationStack) -> None:
        super().__init__(scope, FEATURES, foundation=foundation)
        self.database = database = glue.Database(self, "Catalog", description="Tables of the assembly line's lake")
        # A catalog describes one store, and loading and refreshing write it again. CDK keeps it by default, and under
        # its fixed name it would stop the next deployment.
        database.apply_removal_policy(RemovalPolicy.DESTROY)
        self._environment = DatasetEnvironment(
            assembly_environment=self.environment_name,
            lake_bucket=foundation.lake.name,
            store_bucket=foundation.store.name,
            control_table=foundation.control.name,
            memory_mib=str(self.settings.dataset_memory_mib),
            spark_dpus=str(self.settings.spark_dpus),
        )
        self.explain_function = self._explain()
        self.dataset_machine = self._machine()
        self.attend = self._attend()
        self.serve = self._serve()
        self.score = self._score(self.serve)
        self.online = OnlineTable(self, "Online", key=foundation.key, keep=self.settings.keep_data)
        self._online_machine()
        let_read_catalog(self, database, foundation.people.scientist)
        job = self._tables_job(database)
        self.tables_machine = self._tables_machine(job)
        workgroup = QueryWorkgroup(self, "Queries", foundation=foundation)
        workgroup.let_query(foundation.people.scientist, database)
        self.parameters(
            {
                Parameter.GLUE_DATABASE: database.database_name,
                Parameter.DATASET_JOB: self.dataset_job.name,
                Parameter.TABLES_JOB: job.name,
                Parameter.QUERY_WORKGROUP: workgroup.name,
                Parameter.ONLINE_TABLE: self.online.name,
            }
        )

    def _explain(self) -> StationFunction:
        function = self.function(
            "Explain",
            handler="dataset_request.handler.explain",
            environment=self._environment,
            seconds=dataset.PLAN_SECONDS,
        )
        self.foundation.lake.grant_read(function.role, Folder.SNAPSHOTS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.control.grant_read(function.role)
        return function

    def _attend(self) -> StationFunction:
        function = self.function(
            "Attend",
            handler="attempts.handler.handle",
            environment=AttemptsEnvironment(
                assembly_environment=self.environment_name,
                dataset_machine_arn=self.dataset_machine.arn,
                store_bucket=self.foundation.store.name,
            ),
            seconds=ATTEND_SECONDS,
        )
        look_at_jobs(function.role)
        look_at_executions(function.role, self.dataset_machine)
        return function

    def _serve(self) -> StationFunction:
        """Runs the code of lines. Its role reads packed models and writes a log: nothing else."""
        function = self.function(
            "Serve",
            handler="serving.handler.answer",
            environment=ServingEnvironment(
                assembly_environment=self.environment_name, store_bucket=self.foundation.store.name
            ),
            seconds=SERVE_SECONDS,
            memory_mib=SERVE_MIB,
            storage_mib=SERVE_STORAGE_MIB,
            layer=self.foundation.deployment.serving_layer,
        )
        self.foundation.store.grant_read_files(function.role, Folder.RUNS, MODEL_ARCHIVE)
        return function

    def _score(self, serve: StationFunction) -> StationFunction:
        function = self.function(
            "Score",
            handler="models.handler.ask",
            environment=ModelsEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=self.foundation.store.name,
                serving_function=serve.arn,
            ),
            seconds=SCORE_SECONDS,
        )
        self.foundation.store.grant_read(function.role, Folder.RUNS, Folder.SCORING)
        self.foundation.store.grant_write(function.role, Folder.RUNS, Folder.SCORING)
        serve.grant_invoke(function.role)
        return function

    def _claim(self) -> StationFunction:
        function = self.function(
            "Claim",
            handler="dataset_request.handler.claim",
            environment=self._environment,
            seconds=dataset.CLAIM_SECONDS,
        )
        self.foundation.store.grant_read(function.role, Folder.DATASETS)
        self.foundation.control.grant_read(function.role)
        self.foundation.control.grant_write(function.role)
        return function

    def _plan(self) -> StationFunction:
        function = self.function(
            "Plan", handler="dataset.handler.plan", environment=self._environment, seconds=dataset.PLAN_SECONDS
        )
        self.foundation.lake.grant_read(function.role, Folder.SNAPSHOTS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.store.grant_write(function.role, Folder.DATASETS)
        self.foundation.control.grant_read(function.role)
        return function

    def _build(self) -> StationFunction:
        function = self.function(
            "Build",
            handler="dataset.handler.build",
            environment=self._environment,
            seconds=dataset.BUILD_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        self._let_build(function)
        return function

    def _finish(self) -> StationFunction:
        function = self.function(
            "Finish",
            handler="dataset.handler.finish",
            environment=self._environment,
            seconds=dataset.FINISH_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        # Rules that need the rows of a source, where a dataset that exists is asked for under other ones.
        self.foundation.lake.grant_read(function.role, Folder.SOURCES)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.store.grant_write(function.role, Folder.DATASETS)
        return function

    def _prepare_inputs(self) -> StationFunction:
        function = self.function(
            "Shape",
            handler="dataset.model_inputs.prepare_inputs",
            environment=self._environment,
            seconds=dataset.INPUTS_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        self.foundation.store.grant_read(function.role, Folder.DATASETS)
        self.foundation.store.grant_write(function.role, Folder.DATASETS)
        return function

    def _job(self) -> DatasetJob:
        job = DatasetJob(self, "SparkJob", settings=self.settings, key=self.foundation.key)
        self._let_build(job)
        return job

    def _let_build(self, builder: StationFunction | DatasetJob) -> None:
        self.foundation.lake.grant_read(builder.role, Folder.SNAPSHOTS, Folder.SOURCES)
        self.foundation.store.grant_read(builder.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.store.grant_write(builder.role, Folder.DATASETS)

    def _machine(self) -> Machine:
        explain, plan, claim = self.explain_function, self._plan(), self._claim()
        build, finish, inputs = self._build(), self._finish(), self._prepare_inputs()
        job = self.dataset_job = self._job()
        let_watch(job, job.name, self.foundation.people.scientist)
        parts = dataset.DatasetParts(
            explain=explain.arn,
            plan=plan.arn,
            claim=claim.arn,
            build=build.arn,
            finish=finish.arn,
            inputs=inputs.arn,
            glue_job=job.name,
            lake_bucket=self.foundation.lake.name,
            store_bucket=self.foundation.store.name,
            spark_minutes=self.settings.spark_timeout_minutes,
        )
        definition = dataset.definition(parts, self.announcer)
        machine = self.machine(DATASET, definition, calls=(explain, plan, claim, build, finish, inputs))
        _let_wait_for(machine, job)
        let_see_executions(machine, claim.role)
        return machine

    def _online_machine(self) -> None:
        foundation = self.foundation
        publish = self.function(
            "Publish",
            handler="online.handler.publish",
            environment=OnlineEnvironment(
                assembly_environment=self.environment_name,
                lake_bucket=foundation.lake.name,
                store_bucket=foundation.store.name,
                control_table=foundation.control.name,
                online_table=self.online.name,
                online_days=str(self.settings.online_days),
                memory_mib=str(self.settings.dataset_memory_mib),
            ),
            seconds=online.PUBLISH_SECONDS,
            memory_mib=self.settings.dataset_memory_mib,
            storage_mib=self.settings.dataset_storage_mib,
        )
        foundation.lake.grant_read(publish.role, Folder.SNAPSHOTS, Folder.SOURCES)
        foundation.store.grant_read(publish.role, Folder.RELEASES)
        foundation.control.grant_read(publish.role)
        self.online.grant_publish(publish.role)
        definition = online.definition(online.OnlineParts(publish=publish.arn), self.announcer)
        name = online_machine(self.environment_name)
        self.machine(ONLINE, definition, calls=(publish,), id_="OnlineMachine", name=name)

    def _tables_job(self, database: glue.Database) -> DatasetJob:
        foundation = self.foundation
        job = DatasetJob(
            self,
            "TablesJob",
            settings=self.settings,
            key=foundation.key,
            script="materialise_tables.py",
            arguments={
                TablesArgument.LAKE_BUCKET: foundation.lake.name,
                TablesArgument.STORE_BUCKET: foundation.store.name,
                TablesArgument.CONTROL_TABLE: foundation.control.name,
                TablesArgument.GLUE_DATABASE: database.database_name,
                TablesArgument.TABLES: EVERY_TABLE,
            },
        )
        foundation.lake.grant_read(job.role, Folder.SNAPSHOTS, Folder.SOURCES)
        foundation.store.grant_read(job.role, Folder.RELEASES, Folder.TABLES)
        foundation.store.grant_write(job.role, Folder.TABLES)
        foundation.store.grant_delete(job.role, Folder.TABLES)
        foundation.control.grant_read(job.role)
        let_write_catalog(job.role, database)
        let_run(job, job.name, foundation.people.scientist)
        return job

    def _tables_machine(self, job: DatasetJob) -> Machine:
        parts = tables.TablesParts(glue_job=job.name, minutes=self.settings.spark_timeout_minutes)
        definition = tables.definition(parts, self.announcer)
        machine = self.machine(TABLES, definition, calls=(), name=tables_machine(self.environment_name))
        _let_wait_for(machine, job)
        return machine


def _let_wait_for(machine: Machine, job: DatasetJob) -> None:
    runs = ("glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun")
    allow(machine.role, runs, (job.arn,))
