"""CreateHyperParameterTuningJob and its companions: a search that begins a trial whenever one has ended."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from assembly_line.embedded.sagemaker.jobs.job_board import JobBoard
from assembly_line.embedded.sagemaker.jobs.job_calls import ENDED_WITH_PROCESS, Original
from assembly_line.embedded.sagemaker.jobs.job_desk import COMPLETED, STOPPED, JobEnd
from assembly_line.embedded.sagemaker.jobs.moto_jobs import RUNNING, TrainingRecord
from assembly_line.embedded.sagemaker.jobs.script_mode import TUNING_METRIC, TrainingRequest
from assembly_line.embedded.sagemaker.moto_patches import Operation
from assembly_line.embedded.sagemaker.request_checks import check_tuning
from assembly_line.embedded.sagemaker.tuning.algorithm import metrics_of
from assembly_line.embedded.sagemaker.tuning.proposals import proposed
from assembly_line.embedded.sagemaker.tuning.records import TuningRecord
from assembly_line.errors import RequestRefused

# SageMaker gives up a search whose first trials all fail.
MOST_FAILURES = 5
# Where the request gives no number, which SageMaker ends by other rules.
MOST_TRIALS = 100
NONE_SUCCEEDED = (
    "No training job succeeded after {count} attempts. For additional details, please take a look at the training job "
    "failures by listing training jobs for the hyperparameter tuning job."
)
NONE_REPORTED = (
    "All training jobs for your tuning job have been completed, and none of the {count} emitted the objective metric "
    "{metric!r}; check the regular expression of the metric against what the trials print."
)
# Fields of a trial's definition that a training job has under the same names.
SAME = (
    "RoleArn",
    "AlgorithmSpecification",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
)


class Trial(TrainingRecord):
    """A training job of a search, which is told of its end."""

    def __init__(self, *args: Any, ended: Callable[[], None]) -> None:
        super().__init__(*args)
        self._ended = ended

    def finish(self, end: JobEnd) -> None:
        super().finish(end)
        self._ended()


class TuningCalls:
    """The calls that start, stop and list searches."""

    def __init__(self, board: JobBoard, lock: threading.RLock, changed: Callable[[], object]) -> None:
        self._board, self._lock, self._changed = board, lock, changed

    def operations(self) -> dict[str, Operation]:
        return {
            "create_hyper_parameter_tuning_job": self._create,
            "stop_hyper_parameter_tuning_job": self._stop,
            "list_training_jobs_for_hyper_parameter_tuning_job": self._list,
        }

    def fail_what_ran(self, backend: SageMakerModelBackend) -> int:
        """Fail the searches that a former process left running. Returns how many."""
        left = [self._record(job, backend) for job in backend.hyper_parameter_tuning_jobs.values()]
        left = [record for record in left if record.status in RUNNING]
        for record in left:
            record.count()
            record.finish(JobEnd.failed(ENDED_WITH_PROCESS))
        return len(left)

    def _record(self, job: Any, backend: SageMakerModelBackend) -> TuningRecord:
        return TuningRecord(job, backend, self._lock, self._changed)

    def _create(self, response: SageMakerResponse, original: Original) -> Any:
        parameters: dict[str, Any] = copy.deepcopy(dict(response.params))
        backend, name = response.sagemaker_backend, parameters["HyperParameterTuningJobName"]
        check_tuning(parameters)
        if name in backend.hyper_parameter_tuning_jobs:
            raise SagemakerClientError(
                "ResourceInUse", f"Hyper parameter tuning job names must be unique, and there is one named {name}"
            )
        answered = original(response)
        job = backend.hyper_parameter_tuning_jobs[name]
        TuningRecord.begin(job)
        self._begin_trials(self._record(job, backend))
        return answered

    def _begin_trials(self, record: TuningRecord) -> None:
        """Begin as many as may run at once; then see whether all have ended. The lock is held."""
        limits, failed = record.config["ResourceLimits"], self._all_failed(record)
        while (
            record.status == "InProgress"
            and not failed
            and len(record.job.trials) < limits.get("MaxNumberOfTrainingJobs", MOST_TRIALS)
            and len(record.running()) < limits["MaxParallelTrainingJobs"]
        ):
            self._begin_trial(record, len(record.job.trials) + 1)
        record.count()
        if not record.running():
            record.finish(_end(record))

    @staticmethod
    def _all_failed(record: TuningRecord) -> bool:
        ends = [one.training_job_status for one in record.trials()]
        return ends.count("Failed") >= MOST_FAILURES and "Completed" not in ends

    def _begin_trial(self, record: TuningRecord, number: int) -> None:
        defined = copy.deepcopy(record.job.training_job_definition)
        values = proposed(record.config["ParameterRanges"], seed=record.seed, number=number)
        definitions = metrics_of(defined)
        defined["AlgorithmSpecification"]["MetricDefinitions"] = definitions
        parameters = {name: defined[name] for name in SAME if name in defined}
        parameters |= {
            "TrainingJobName": record.trial_name(number),
            "HyperParameters": {
                **(defined.get("StaticHyperParameters") or {}),
                **values,
                TUNING_METRIC: record.objective["MetricName"],
            },
            "Tags": copy.deepcopy(record.job.tags),
        }
        record.add(parameters["TrainingJobName"], values)
        backend = record.backend
        job = backend.create_training_job(
            training_job_name=parameters["TrainingJobName"],
            hyper_parameters=parameters["HyperParameters"],
            # moto keeps this very object in its record, and changes it.
            algorithm_specification=copy.deepcopy(parameters["AlgorithmSpecification"]),
            role_arn=parameters["RoleArn"],
            input_data_config=parameters.get("InputDataConfig") or [],
            output_data_config=parameters["OutputDataConfig"],
            resource_config=parameters.get("ResourceConfig") or {},
            vpc_config={},
            stopping_condition=parameters["StoppingCondition"],
            tags=parameters["Tags"],
            enable_network_isolation=bool(parameters.get("EnableNetworkIsolation")),
            enable_inter_container_traffic_encryption=False,
            enable_managed_spot_training=bool(parameters.get("EnableManagedSpotTraining")),
            checkpoint_config=parameters.get("CheckpointConfig") or {},
            debug_hook_config={},
            debug_rule_configurations=[],
            tensor_board_output_config={},
            experiment_config={},
        )
        TrainingRecord.begin(
            job,
            definitions=definitions,
            environment=parameters.get("Environment"),
        )
        artifacts = job.model_artifacts["S3ModelArtifacts"]
        request = TrainingRequest.from_parameters(parameters, arn=job.arn, artifacts=artifacts)
        trial = Trial(job, self._lock, self._changed, ended=lambda: self._trial_ended(record))
        self._board.submit(trial, request)

    def _trial_ended(self, record: TuningRecord) -> None:
        with self._lock:
            if record.status in RUNNING:
                self._begin_trials(record)

    def _stop(self, response: SageMakerResponse, _: Original) -> EmptyResult:
        with self._lock:
            record = self._known(response)
            if record.status not in RUNNING:
                raise RequestRefused(f"The request was rejected because the tuning job is in status {record.status}.")
            record.stopping()
            running = record.running()
        for name in running:
            self._board.stop("training", name)
        return EmptyResult()

    def _list(self, response: SageMakerResponse, _: Original) -> ActionResult:
        summaries = self._known(response).summaries()
        start, most = int(response._get_param("NextToken") or 0), response._get_param("MaxResults") or 10
        following = {"NextToken": str(start + most)} if start + most < len(summaries) else {}
        return ActionResult({"TrainingJobSummaries": summaries[start : start + most], **following})

    def _known(self, response: SageMakerResponse) -> TuningRecord:
        name = response._get_param("HyperParameterTuningJobName")
        job = response.sagemaker_backend.hyper_parameter_tuning_jobs.get(name)
        if job is None:
            raise SagemakerClientError("ResourceNotFound", f"Requested resource not found: tuning job {name!r}.")
        return self._record(job, response.sagemaker_backend)


def _end(record: TuningRecord) -> JobEnd:
    """How a search ends whose trials have all ended."""
    if record.status == "Stopping":
        return STOPPED
    summaries, metric = record.summaries(), record.objective["MetricName"]
    if record.job.best_training_job is not None:
        return COMPLETED
    failed = all(one["TrainingJobStatus"] == "Failed" for one in summaries)
    text = NONE_SUCCEEDED if failed else NONE_REPORTED
    return JobEnd.failed(text.format(count=len(summaries), metric=metric))
