"""A line tried on local tables: its dataset, and its scripts from training to figures. Nothing reaches AWS."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line import notebook
from assembly_line.canonical import canonical_json, digest_bytes
from assembly_line.errors import JobFailed
from assembly_line.features import read_columns
from assembly_line.names import Phase
from assembly_line.training import (
    FRAMEWORKS,
    ModelProcess,
    answered,
    asked,
    build_archive,
    columns_needed,
    evaluate,
    read_answers,
    training_inputs,
)

if TYPE_CHECKING:
    from pyarrow import Table

    from assembly_line.outcome_kinds import Answer
    from assembly_line.release import Release
    from assembly_line.training import TrainingInputs, Truth

# A script that has not ended by then is taken to hang.
SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltDataset:
    """A training dataset, and what the quality gate would say of it."""

    table: Table
    warnings: tuple[str, ...]


def dataset_of(release: Release, tables: Path, folder: Path, *, as_of: datetime) -> BuiltDataset:
    """Build the training dataset of a release from `<source>.parquet` files.

    Args:
        folder: an empty one, which gets the release's scripts.

    Raises:
        AssemblyError: a table is missing or wrong, or a feature function fails.
    """
    for name, content in release.scripts.items():
        (folder / name).write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", notebook.QualityWarning)
        table = notebook.dataset(release.line, tables, as_of=as_of, scripts=folder)
    said = [str(one.message) for one in caught if issubclass(one.category, notebook.QualityWarning)]
    return BuiltDataset(table=table, warnings=tuple(said))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedModel:
    """A model's answers on held-out decisions, and its figures, as `training.evaluate` gives them."""

    figures: Mapping[str, Any]
    answers: Sequence[Answer]
    truth: Truth


def judged_model(release: Release, table: Table, folder: Path) -> JudgedModel:
    """Train the release's script on all but the latest decisions, and judge its answers on those, as a run does.

    Args:
        table: what `dataset_of` built.
        folder: an empty one.

    Raises:
        TrainingRejected: the dataset cannot teach or judge, or an answer cannot be used.
        JobFailed: a script fails; the message ends with its last words.
    """
    import pyarrow.parquet as pq

    line, data = release.line, folder / "data.parquet"
    pq.write_table(table, data)
    inputs = training_inputs(read_columns(data, columns_needed(line)), line, phase=Phase.JUDGED)
    archive = _trained(release, inputs, folder)
    output = _answers(release, archive, inputs, folder)
    answers = read_answers(output, inputs.truth.decision_id, kind=line.predicts)
    figures = evaluate(
        answers, inputs.truth, kind=line.predicts, prior=inputs.prior, baseline_feature=line.training.baseline
    )
    return JudgedModel(figures=figures, answers=answers, truth=inputs.truth)


def _trained(release: Release, inputs: TrainingInputs, folder: Path) -> Path:
    """Run the training script in script mode; the packed model."""
    training = release.line.training
    code, channel, model = (folder / name for name in ("code", "train", "model"))
    for place in (code, channel, model):
        place.mkdir()
    for name, content in release.scripts.items():
        (code / name).write_bytes(content)
    (channel / "train.csv").write_bytes(inputs.train)
    (channel / "schema.json").write_bytes(canonical_json(inputs.schema))
    given: Mapping[str, Any] = training.hyperparameters
    # In the order of their names, as script mode passes them.
    arguments = [text for name in sorted(given) for text in (f"--{name}", str(given[name]))]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "SM_CHANNEL_TRAIN": str(channel),
        "SM_MODEL_DIR": str(model),
        "SM_NUM_CPUS": "1",
    }
    done = subprocess.run(
        [sys.executable, training.script, *arguments],
        cwd=code, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise JobFailed(f"{training.script} failed: {last}")
    packed, archive = folder / "job.tar.gz", folder / "model.tar.gz"
    with tarfile.open(packed, "w:gz") as job:
        for path in sorted(model.iterdir()):
            job.add(path, path.name)
    build_archive(packed, release.scripts, archive)
    return archive


def _answers(release: Release, archive: Path, inputs: TrainingInputs, folder: Path) -> bytes:
    """`decision_id,answer` a line for the held-out decisions, from the release's inference script."""
    line, content = release.line, archive.read_bytes()
    served = folder / "served"
    served.mkdir()
    framework = FRAMEWORKS.get(line.training.framework)
    process = ModelProcess(
        content,
        digest_bytes(content),
        served,
        program=line.training.inference,
        rows="array" if framework is None else framework.rows,
    )
    try:
        answers = process.answer(asked(inputs.batch))
    finally:
        process.end()
    return answered(inputs.batch, answers, last_only=line.predicts.width == 1)
