"""Writes training runs into MLflow: one experiment for an environment's line, one MLflow run for a run, each once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from assembly_line.errors import Conflict, NotFound, TargetUnreachable

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

    from assembly_line.training import TrackedRun

Kept = Literal["added", "updated", "unchanged"]

# By the first, a run is found again. The second is written last: a run without it, or with another, is written again.
KEY, DIGEST = "line.run", "line.digest"
# The extra `mlflow`, for an environment that pip did not install the library into.
PACKAGES = ("mlflow>=3.17,<4", "sagemaker-mlflow>=0.5,<1")
# No word of this machine leaves it, and a server that is down is said within seconds.
QUIET: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # What a command prints with --json must be JSON alone.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
# So that its page shows training, and not conversations with language models.
EXPERIMENT: dict[str, Any] = {"mlflow.experimentKind": "custom_model_development"}
# What MLflow takes in one answer and in one value.
PAGE = 1000
LONGEST = 5000
LONGEST_DIGEST = 36


class MlflowRuns:
    """The runs of a tracking server, or of a database.

    Args:
        uri: the tracking URI: an address, a database, or the ARN of SageMaker's MLflow.
        artifacts: folder for the files of new experiments; None where the server decides.

    Raises:
        NotFound: MLflow is not installed, or its plugin for this kind of URI.
        TargetUnreachable: it does not answer.
    """

    def __init__(self, uri: str, *, artifacts: Path | None = None) -> None:
        self._uri, self._artifacts = uri, artifacts
        if uri.startswith("arn:"):
            _require_plugin(uri)
        client = _client_class()
        with self._explaining():
            self._client: MlflowClient = client(tracking_uri=uri)
        self._experiments: dict[str, tuple[str, dict[str, Run]]] = {}

    def keep(self, run: TrackedRun) -> Kept:
        """Write a run that is not there, and what changed of one that is.

        One that is there with its end stays as it is once the line does not know that end any more.

        Raises:
            Conflict: its experiment was deleted in MLflow.
            TargetUnreachable: MLflow does not answer, or refuses.
        """
        with self._explaining():
            experiment, known = self._experiment(run.experiment)
            there = known.get(run.key)
            if there is not None and _tells_all(there, run):
                return "unchanged"
            self._write(experiment, run, there)
        return "added" if there is None else "updated"

    def forget(self, experiment: str, keys: Collection[str]) -> None:
        """Delete runs that the line does not keep any more. Those that are not there are no error.

        Raises:
            TargetUnreachable: MLflow does not answer, or refuses.
        """
        with self._explaining():
            _, known = self._experiment(experiment)
            for key in known.keys() & set(keys):
                self._client.delete_run(known.pop(key).info.run_id)

    @property
    def experiments(self) -> dict[str, str]:
        """Experiment -> its id, of those whose runs were kept."""
        return {name: identifier for name, (identifier, _) in self._experiments.items()}

    def _experiment(self, name: str) -> tuple[str, dict[str, Run]]:
        """Id of the experiment, made if it is not there, and its runs by key."""
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            known = {} if found is None else self._known(_living(found))
            self._experiments[name] = (found.experiment_id if found else self._made(name), known)
        return self._experiments[name]

    def _made(self, name: str) -> str:
        place = None if self._artifacts is None else (self._artifacts / name).as_uri()
        made: str = self._client.create_experiment(name, artifact_location=place, tags=EXPERIMENT)
        return made

    def _known(self, experiment: str) -> dict[str, Run]:
        found: dict[str, Run] = {}
        token = None
        while True:
            page = self._client.search_runs([experiment], max_results=PAGE, page_token=token)
            for run in page:
                if (key := run.data.tags.get(KEY)) is not None:
                    found[key] = run if key not in found else self._first(found[key], run)
            if not (token := page.token):
                return found

    def _first(self, one: Run, other: Run) -> Run:
        """Of one run that two recorders wrote in the same second, that of the lower id; the other goes."""
        kept, gone = sorted((one, other), key=lambda run: str(run.info.run_id))
        self._client.delete_run(gone.info.run_id)
        return kept

    def _write(self, experiment: str, run: TrackedRun, there: Run | None) -> None:
        from mlflow.entities import Metric, Param, RunTag

        identifier = there.info.run_id if there else self._begun(experiment, run)
        at = _millis(run.ended or run.started)
        tags = {**run.tags, **({"mlflow.note.content": _as_list(run.notes)} if run.notes else {})}
        # MLflow refuses another value of a parameter, such as a later version of the line might tell.
        told = there.data.params if there else {}
        self._client.log_batch(
            identifier,
            metrics=[Metric(name, value, at, 0) for name, value in run.metrics.items()],
            params=[Param(name, _cut(value)) for name, value in run.params.items() if name not in told],
            tags=[RunTag(name, _cut(value)) for name, value in tags.items()],
        )
        self._write_dataset(identifier, run)
        self._write_files(identifier, run)
        if run.status == "RUNNING":
            self._client.update_run(identifier, status=run.status)
        else:
            self._client.set_terminated(identifier, run.status, at)
        self._client.set_tag(identifier, DIGEST, run.digest)

    def _begun(self, experiment: str, run: TrackedRun) -> str:
        # MLflow shows these two as who made a run, and by which program.
        tags = {KEY: run.key, "mlflow.user": run.author, "mlflow.source.name": run.experiment}
        begun: str = self._client.create_run(experiment, _millis(run.started), tags, run.name).info.run_id
        return begun

    def _write_dataset(self, identifier: str, run: TrackedRun) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if run.dataset_id is None:
            return
        dataset = Dataset(
            name=run.experiment,
            digest=run.dataset_id[:LONGEST_DIGEST],
            source_type="assembly line",
            source=json.dumps({"dataset_id": run.dataset_id}),
            profile=None if run.dataset_rows is None else json.dumps({"num_rows": run.dataset_rows}),
        )
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(identifier, datasets=[DatasetInput(dataset, [context])])

    def _write_files(self, identifier: str, run: TrackedRun) -> None:
        with TemporaryDirectory() as folder:
            for name, content in {**run.files, **run.pages}.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if run.files:
                self._client.log_artifacts(identifier, folder)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            raise TargetUnreachable(
                f"MLflow at {self._uri}: {str(error).splitlines()[0]}; no run is lost: `line runs record` writes what "
                "is missing once it answers"
            ) from error


def _client_class() -> Any:
    """Of MLflow, told before its first import to send nothing.

    Raises:
        NotFound: it is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise NotFound(f"MLflow is not installed here, as few need it; install it: `{_installing()}`") from error
    return MlflowClient


def _require_plugin(arn: str) -> None:
    """MLflow finds the plugin by itself; without it, its message names neither.

    Raises:
        NotFound: it is not installed.
    """
    try:
        import_module("sagemaker_mlflow")
    except ImportError as error:
        raise NotFound(f"{arn}: MLflow reaches no ARN without AWS's plugin; install it: `{_installing()}`") from error


def _installing() -> str:
    return " ".join([sys.executable, "-m pip install", *(f"'{package}'" for package in PACKAGES)])


def _tells_all(there: Run, run: TrackedRun) -> bool:
    """Whether the run that is there was written whole, and nothing is known now that it does not tell."""
    written = there.data.tags.get(DIGEST)
    if run.forgotten and written is not None and there.info.status != "RUNNING":
        return True
    return written == run.digest and run.paid.items() <= there.data.metrics.items()


def _living(experiment: Experiment) -> str:
    """Its id.

    Raises:
        Conflict: somebody deleted it.
    """
    if experiment.lifecycle_stage != "active":
        raise Conflict(
            f"MLflow: experiment {experiment.name!r} was deleted there; restore it with `mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}`, or remove it for good with `mlflow gc`"
        )
    identifier: str = experiment.experiment_id
    return identifier


def _millis(micros: int | None) -> int:
    return 0 if micros is None else micros // 1000


def _as_list(sentences: Sequence[str]) -> str:
    """Markdown: MLflow shows it on the run's page."""
    return "\n".join(f"- {one}" for one in sentences)


def _cut(text: str) -> str:
    """The whole of it is in the run's files."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
