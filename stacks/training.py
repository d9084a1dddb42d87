"""The training station: its functions and the training machine, reviews included."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from assembly_line.environments import (
    ChampionsEnvironment,
    ExpiryEnvironment,
    RefreshEnvironment,
    ReviewEnvironment,
    TrackingEnvironment,
    TrainingEnvironment,
)
from assembly_line.names import Folder, Parameter, expire_function, refresh_function
from assembly_line.stations import TRAINING, TRAINING_RUN
from stacks.constructs.access.sagemaker_access import (
    discard_models,
    encrypt_volumes,
    list_model_packages,
    list_trials,
    make_model_groups,
    pass_job_roles,
    publish_to_topics,
    run_training_jobs,
    run_transform_jobs,
    run_tuning_jobs,
    use_model_packages,
)
from stacks.constructs.machine import Machine, list_executions, run_other_machine, start_and_list
from stacks.constructs.mlflow_app import MlflowApp
from stacks.constructs.run_tracking import RECORDING_SECONDS, RunTracking
from stacks.constructs.station_function import StationFunction
from stacks.features import FeaturesStack
from stacks.foundation import EMBEDDED, FoundationStack
from stacks.machines import training
from stacks.machines.dataset import limit_seconds
from stacks.station import StationStack

# The longest that a function may take: a round that is cut goes on with the next one.
EXPIRY_SECONDS = 900


class TrainingStack(StationStack):
    """Exposes `training_machine`, and `champions_function`, which the API calls too."""

    def __init__(self, scope: Construct, *, foundation: FoundationStack, features: FeaturesStack) -> None:
        super().__init__(scope, TRAINING, foundation=foundation)
        self._environment = TrainingEnvironment(
            assembly_environment=self.environment_name,
            account_id=Stack.of(self).account,
            store_bucket=foundation.store.name,
            ledger_bucket=foundation.ledger.name,
            control_table=foundation.control.name,
            champion_table=foundation.champions.name,
            function_scoring_mib=str(self.settings.function_scoring_mib),
        )
        self.champions_function = self._promote()
        self._review_environment = ReviewEnvironment(
            assembly_environment=self.environment_name,
            account_id=self.account,
            store_bucket=foundation.store.name,
            control_table=foundation.control.name,
            champion_table=foundation.champions.name,
        )
        self.training_machine = self._machine(features)
        self._refresh()
        self._expire()
        tracking = self._track() if self.settings.mlflow or self.environment_name == EMBEDDED else None
        self.parameters(self._mlflow(tracking) if tracking and self.settings.mlflow else {})

    def _begin(self) -> StationFunction:
        function = self._step("Begin", "training.handler.begin", training.BEGIN_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.RUNS)
        self.foundation.control.grant_read(function.role)
        return function

    def _prepare(self) -> StationFunction:
        function = self._step("Prepare", "training.handler.prepare", training.PREPARE_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.store.grant_write(function.role, Folder.RUNS)
        list_trials(function.role)
        return function

    def _package(self) -> StationFunction:
        function = self._step("Package", "training.handler.package", training.PACKAGE_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.RUNS)
        self.foundation.store.grant_write(function.role, Folder.RUNS)
        return function

    def _evaluate(self) -> StationFunction:
        function = self._step("Evaluate", "training.handler.evaluate", training.EVALUATE_SECONDS)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.RUNS)
        self.foundation.store.grant_write(function.role, Folder.RUNS)
        # The champion's scores of the held-out decisions.
        self.foundation.ledger.grant_read(function.role, Folder.LEDGER)
        self.foundation.champions.grant_read(function.role)
        use_model_packages(function.role, "sagemaker:CreateModelPackage", environment=self.environment_name)
        make_model_groups(function.role, environment=self.environment_name)
        list_model_packages(function.role)
        discard_models(function.role, environment=self.environment_name)
        return function

    def _request_review(self) -> StationFunction:
        function = self._review_step("RequestReview", "review.handler.request")
        self.foundation.control.grant_write(function.role)
        self.foundation.champions.grant_read(function.role)
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS, Folder.RUNS)
        return function

    def _remind(self) -> StationFunction:
        function = self._review_step("Remind", "review.handler.remind")
        self.foundation.control.grant_write(function.role)
        publish_to_topics(function.role, environment=self.environment_name)
        return function

    def _conclude(self) -> StationFunction:
        function = self._review_step("Conclude", "review.handler.conclude")
        self.foundation.store.grant_read(function.role, Folder.RUNS)
        use_model_packages(function.role, "sagemaker:UpdateModelPackage", environment=self.environment_name)
        discard_models(function.role, environment=self.environment_name)
        return function

    def _promote(self) -> StationFunction:
        """Alone may write who decides."""
        function = self.function(
            "Champions",
            handler="champions.handler.handle",
            environment=ChampionsEnvironment(
                assembly_environment=self.environment_name,
                control_table=self.foundation.control.name,
                champion_table=self.foundation.champions.name,
            ),
            seconds=training.PROMOTE_SECONDS,
        )
        self.foundation.control.grant_read(function.role)
        self.foundation.champions.grant_read(function.role)
        self.foundation.champions.grant_write(function.role)
        return function

    def _refresh(self) -> None:
        """Called by the schedules of lines, which know it by name."""
        function = self.function(
            "Refresh",
            handler="refresh.handler.look",
            environment=RefreshEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=self.foundation.store.name,
                control_table=self.foundation.control.name,
                champion_table=self.foundation.champions.name,
                training_machine_arn=self.training_machine.arn,
            ),
            seconds=training.CONCLUDE_SECONDS,
            name=refresh_function(self.environment_name),
        )
        self.foundation.store.grant_read(function.role, Folder.RELEASES, Folder.DATASETS)
        self.foundation.control.grant_read(function.role)
        self.foundation.control.grant_write(function.role)
        self.foundation.champions.grant_read(function.role)
        start_and_list(function.role, self.training_machine)

    def _expire(self) -> None:
        """Called by the schedules of lines, which know it by name. Alone may delete what runs left."""
        foundation = self.foundation
        function = self.function(
            "Expire",
            handler="expiry.handler.expire",
            environment=ExpiryEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=foundation.store.name,
                ledger_bucket=foundation.ledger.name,
                control_table=foundation.control.name,
                champion_table=foundation.champions.name,
                training_machine_arn=self.training_machine.arn,
            ),
            seconds=EXPIRY_SECONDS,
            name=expire_function(self.environment_name),
        )
        foundation.store.grant_read(function.role, Folder.RELEASES, Folder.RUNS, Folder.SCORING)
        foundation.store.grant_expire(function.role, Folder.RUNS, Folder.SCORING)
        foundation.ledger.grant_read(function.role, Folder.LEDGER)
        foundation.control.grant_read(function.role)
        foundation.control.grant_write(function.role)
        foundation.champions.grant_read(function.role)
        use_model_packages(function.role, "sagemaker:DeleteModelPackage", environment=self.environment_name)
        list_model_packages(function.role)
        discard_models(function.role, environment=self.environment_name)
        list_executions(function.role, self.training_machine)

    def _track(self) -> StationFunction:
        """Records runs in MLflow. In the embedded AWS, whoever starts it says where MLflow is."""
        function = self.function(
            "Tracking",
            handler="tracking.handler.handle",
            environment=TrackingEnvironment(
                assembly_environment=self.environment_name,
                store_bucket=self.foundation.store.name,
                control_table=self.foundation.control.name,
                champion_table=self.foundation.champions.name,
                training_machine_arn=self.training_machine.arn,
            ),
            seconds=RECORDING_SECONDS,
            layer=self.foundation.deployment.tracking_layer if self.settings.mlflow else None,
        )
        RunTracking(self, "Tracked", function=function, machine=self.training_machine, foundation=self.foundation)
        return function

    def _mlflow(self, tracking: StationFunction) -> dict[str, str]:
        """The app that runs are recorded in; nothing of the line depends on it."""
        app = MlflowApp(self, "Mlflow", environment=self.environment_name, store=self.foundation.store)
        app.let_write("Tracking", tracking.role)
        app.let_record(self.foundation.people.scientist)
        return {Parameter.MLFLOW_APP: app.arn}

    def _step(self, id_: str, handler: str, seconds: int) -> StationFunction:
        return self.function(id_, handler=handler, environment=self._environment, seconds=seconds, storage_mib=2048)

    def _review_step(self, id_: str, handler: str) -> StationFunction:
        environment = self._review_environment
        function = self.function(id_, handler=handler, environment=environment, seconds=training.CONCLUDE_SECONDS)
        self.foundation.control.grant_read(function.role)
        return function

    def _machine(self, features: FeaturesStack) -> Machine:
        begin, prepare, package, evaluate = self._begin(), self._prepare(), self._package(), self._evaluate()
        request, remind, conclude = self._request_review(), self._remind(), self._conclude()
        parts = training.TrainingParts(
            begin=begin.arn,
            prepare=prepare.arn,
            package=package.arn,
            score=features.score.arn,
            evaluate=evaluate.arn,
            request_review=request.arn,
            remind=remind.arn,
            conclude=conclude.arn,
            promote=self.champions_function.arn,
            attend=features.attend.arn,
            dataset_machine=features.dataset_machine.arn,
            dataset_seconds=limit_seconds(self.settings.spark_timeout_minutes),
            key=self.foundation.key.key_arn,
        )
        definition = training.definition(parts, self.announcer)
        own = (begin, prepare, package, evaluate, request, remind, conclude, self.champions_function)
        calls = (*own, features.score, features.attend)
        machine = self.machine(TRAINING_RUN, definition, calls=calls)
        run_other_machine(machine.role, features.dataset_machine)
        run_training_jobs(machine.role, environment=self.environment_name)
        run_transform_jobs(machine.role, environment=self.environment_name)
        run_tuning_jobs(machine.role, environment=self.environment_name)
        pass_job_roles(machine.role, environment=self.environment_name)
        encrypt_volumes(machine.role, self.foundation.key)
        return machine
