"""The files of a training run in the store bucket: inputs, holdout and archive of each fit, evaluation, and record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assembly_line.errors import NotFound, TrainingRejected
from assembly_line.names import MODEL_ARCHIVE, run_prefix
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training import FittedModel, PackagedModel, TrainingInputs, TrialInputs, Truth

# Of a fit.
TRAIN = "train/train.csv"
SCHEMA = "train/schema.json"
HOLDOUT_INPUT = "holdout/input/batch.csv"
HOLDOUT_OUTPUT = "holdout/output/batch.csv.out"
TRUTH = "holdout/truth.json"
ENCODING = "encoding.json"
SCALES = "scales.json"
REQUEST = "request.json"
PACKAGE = "package.json"
ARCHIVE = MODEL_ARCHIVE
# The job makes `<its name>/output/model.tar.gz` below it.
JOB_OUTPUT = "job/"
CHECKPOINTS = "checkpoints/"
# Of the trials of a search, beside `TRAIN` and `SCHEMA`.
FOLD_ROWS = "validation/validation.csv"
# Of the run.
TUNING = "tuning.json"
EVALUATION = "evaluation.json"
VALIDATION = "validation.json"
RECORD = "run.json"


def scales_key(encoding_key: str) -> str:
    """Where the scales of a fit are stored, beside its encoding."""
    return encoding_key.removesuffix(ENCODING) + SCALES


class RunStore:
    """One run's folder, or a fit's folder in it.

    Every key is fixed by the run's id, so that a repeated step writes the same objects again.

    Args:
        fit: folder of the fit below the run's, ending with `/`; empty for the run's own.
    """

    def __init__(self, store: ObjectStore, line: str, run_id: str, *, fit: str = "") -> None:
        self._store = store
        self._prefix = run_prefix(line, run_id) + fit
        self._run_id = run_id

    def key(self, name: str) -> str:
        return self._prefix + name

    def uri(self, name: str) -> str:
        """The `s3://` URI of a file, or of a folder if the name ends with `/`."""
        return self._store.uri(self.key(name))

    def write_inputs(self, inputs: TrainingInputs) -> None:
        """Store what the job and the holdout's scoring read."""
        for name, content in ((TRAIN, inputs.train), (HOLDOUT_INPUT, inputs.asked)):
            self._store.write(self.key(name), content, content_type="text/csv")
        self.write_json(SCHEMA, inputs.schema)
        self.write_json(ENCODING, inputs.encoding.to_json())
        self.write_json(TRUTH, asdict(inputs.truth))
        if inputs.scales:
            self.write_json(SCALES, inputs.scales)

    def write_trials(self, inputs: TrialInputs) -> None:
        """Store what the trials of a search read."""
        for name, content in ((TRAIN, inputs.train), (FOLD_ROWS, inputs.validation)):
            self._store.write(self.key(name), content, content_type="text/csv")
        self.write_json(SCHEMA, inputs.schema)

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        self._store.write_json(self.key(name), document)

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run.

        Raises:
            NotFound: the step that writes it has not run.
        """
        document: dict[str, Any] = self._store.read_json(self.key(name))
        return document

    def truth(self) -> Truth:
        """The holdout's outcomes, as `write_inputs` stored them."""
        return Truth(**self.read_json(TRUTH))

    def fitted(self) -> FittedModel:
        """The fit of this folder, as `prepare` and `package` left it.

        Raises:
            NotFound: one of them has not run.
        """
        return FittedModel(self.read_json(REQUEST), PackagedModel.from_json(self.read_json(PACKAGE)))

    def answers(self) -> bytes:
        """The model's answers for the holdout.

        Raises:
            TrainingRejected: there are none.
        """
        try:
            return self._store.read(self.key(HOLDOUT_OUTPUT))
        except NotFound as error:
            raise TrainingRejected(
                f"run {self._run_id}: the model answered nothing: {self.uri(HOLDOUT_OUTPUT)} is missing; "
                "see the log of the transform job and inference.py"
            ) from error

    def download_artifact(self, uri: str, path: Path, *, largest: int) -> None:
        """Copy the training job's archive into a file, unless it is too large.

        Args:
            uri: where the job says it is; must be in the run's own folder.
            path: the file to write.
            largest: bytes that are accepted.

        Raises:
            TrainingRejected: it is elsewhere, missing, or larger.
        """
        key = self._store.key_of(uri)
        if not key.startswith(self.key(JOB_OUTPUT)):
            raise TrainingRejected(
                f"run {self._run_id}: model artifact {uri}: expected it below {self.uri(JOB_OUTPUT)}"
            )
        size = next((item.size for item in self._store.list(key) if item.key == key), None)
        if size is None:
            raise TrainingRejected(
                f"run {self._run_id}: model artifact {uri} is missing; train.py must save its model into SM_MODEL_DIR"
            )
        if size > largest:
            raise TrainingRejected(
                f"run {self._run_id}: model artifact {uri}: {size} bytes; at most {largest} are accepted; "
                "save less into SM_MODEL_DIR"
            )
        self._store.download(key, path)

    def upload_archive(self, path: Path) -> str:
        """Store the final archive and return its URI."""
        self._store.upload(path, self.key(ARCHIVE))
        return self.uri(ARCHIVE)
