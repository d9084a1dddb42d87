"""A line that trains with scikit-learn and saves ONNX, from raw tables to a delivered message, in the embedded AWS."""

from __future__ import annotations

import io
import runpy
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.names import LedgerKind, Phase, release_code_prefix, run_prefix
from assembly_line.scaffold import new_line
from assembly_line.storage import runs
from tests.embedded.deployed_line import Deployed
from tests.lines_of_kinds import NOW, write_tables
from tests.wheels import only_index, write_wheel

LINE = "intent"
SCRIPTS = Path(__file__).parents[1] / "scikit_learn_line"
ROUNDS, DEPTH = 40, 3
LEARNT, SCORED = "2026-05-25", "2026-06-20"


@dataclass(frozen=True)
class Done:
    """The line after all its steps.

    Args:
        read: what the judged fit learnt from.
        asked, answered: the held-out rows, and the answers of the model's container, each after its decision's id.
        files: what the packed model that is delivered consists of.
        index: the folder in which pip finds the packages.
    """

    trained: dict[str, Any]
    scored: dict[str, Any]
    release: str
    read: bytes
    asked: bytes
    answered: bytes
    files: dict[str, bytes]
    index: Path


def write_line(lines: Path) -> None:
    """The line that `line new` writes, with a training in scikit-learn in place of XGBoost."""
    new_line(lines, LINE, "classification", today=NOW.date())
    declared = lines / LINE / "line.py"
    text = declared.read_text(encoding="utf-8")
    for old, new in (
        ('framework="xgboost"', 'framework="scikit-learn"'),
        ('framework_version="3.2-0"', 'framework_version="1.9-0", python="3.12"'),
        (
            '{"rounds": 100, "max_depth": 3, "learning_rate": 0.05}',
            f'{{"rounds": {ROUNDS}, "max_depth": {DEPTH}}}',
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    declared.write_text(text, encoding="utf-8")
    for script in SCRIPTS.iterdir():
        if script.is_file():
            shutil.copy(script, lines / LINE)


@pytest.fixture(scope="module")
def done(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("scikit-learn")
    lines, command = folder / "lines", deployed.line
    write_line(lines)
    # What is installed here is run; these stand for the wheels that the image installs.
    for requirement in (SCRIPTS / "requirements.txt").read_text(encoding="utf-8").splitlines()[1:]:
        write_wheel(folder / "index", *requirement.split("=="))
    with pytest.MonkeyPatch.context() as patch:
        only_index(patch, folder / "index")
        assert command("pin", LINE, "--lines", str(lines)).code == ExitCode.OK
        answer = command("deploy", "--lines", str(lines))
        assert answer.code == ExitCode.OK, answer.err
    # Whoever looks at what is deployed finds it among the other lines.
    shutil.copytree(lines / LINE, deployed.lines / LINE)
    tables = write_tables(lines / LINE, folder / "tables")
    assert command("sources", "load", LINE, "--from", str(tables)).code == ExitCode.OK
    trained = command("train", LINE, "--as-of", LEARNT, "--as", "scientist").document
    judged = command("review", "approve", LINE, trained["run_id"], "--reason", "beats the rule", "--as", "reviewer")
    assert judged.code == ExitCode.OK, judged.err
    scored = command("score", LINE, "--date", SCORED, "--at", SCORED).document

    store = deployed.target.store
    folder_of_run = run_prefix(LINE, trained["run_id"])
    judged_fit = f"{folder_of_run}{Phase.JUDGED}/"
    return Done(
        trained,
        scored,
        answer.document["releases"][LINE],
        store.read(judged_fit + runs.TRAIN),
        store.read(judged_fit + runs.HOLDOUT_INPUT),
        store.read(judged_fit + runs.HOLDOUT_OUTPUT),
        _members(store.read(folder_of_run + runs.ARCHIVE)),
        folder / "index",
    )


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        return {member.name: content.read() for member in packed if (content := packed.extractfile(member))}


def test_the_container_answers_what_the_estimator_answers_on_the_holdout(done: Done, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(done.read)
    estimator = runpy.run_path(str(SCRIPTS / "train.py"))["fit"](tmp_path / "train.csv", rounds=ROUNDS, max_depth=DEPTH)
    asked = [line.split(",") for line in done.asked.decode().splitlines()]
    rows = np.array([[float(field or "nan") for field in fields[1:]] for fields in asked], dtype=np.float32)

    answered = [line.split(",") for line in done.answered.decode().splitlines()]

    assert [name for name, _ in answered] == [fields[0] for fields in asked]
    assert len(answered) > 1000
    expected = estimator.predict_proba(rows)[:, 1]
    assert len(set(expected)) > 100
    np.testing.assert_allclose([float(answer) for _, answer in answered], expected, rtol=0, atol=1e-6)


def test_the_line_is_judged_registered_and_delivers(done: Done, deployed: Deployed) -> None:
    metrics = done.trained["packet"]["metrics"]

    assert metrics["auc"] > metrics["baseline_auc"]
    assert done.trained["packet"]["method"]["framework"] == "scikit-learn 1.9-0"
    assert done.scored["delivered"] == done.scored["offered"] > 50
    predicted = list(deployed.target.ledger.read(LINE, LedgerKind.PREDICTIONS))
    assert len({row["score"] for row in predicted}) > 20


def test_a_release_with_packages_is_asked_in_its_container(done: Done) -> None:
    assert done.scored["scored_by"] == "transform"


def test_the_packed_model_is_onnx_and_carries_what_reads_it(done: Done, deployed: Deployed) -> None:
    wheels = {name.removeprefix("code/wheels/") for name in done.files if name.startswith("code/wheels/")}

    assert set(done.files) - {f"code/wheels/{name}" for name in wheels} == {
        "model.onnx",
        *(f"code/{name}" for name in ("train.py", "inference.py", "requirements.txt")),
        *(f"code/{name}" for name in ("pyproject.toml", "in_tree_backend.py")),
    }
    assert {name.split("-")[0] for name in wheels} == {"skl2onnx", "onnx", "onnxruntime", "flatbuffers", "packaging"}
    assert done.files["code/requirements.txt"].startswith(b"--no-index\n--find-links wheels\nskl2onnx==1.20.0\n")
    # The training job finds the same ones.
    beside = deployed.target.store.list(f"{release_code_prefix(done.release)}wheels/")
    assert {each.key.rpartition("/")[2] for each in beside} == wheels


def test_a_run_in_an_image_of_another_version_ends_with_what_to_install(
    done: Done, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(deployed.lines / LINE, tmp_path / LINE)
    declared = tmp_path / LINE / "line.py"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace('"1.9-0", python="3.12"', '"1.4-2-py312"'), encoding="utf-8")
    # The wheels are fetched anew: it is another release.
    only_index(monkeypatch, done.index)
    assert deployed.line("release", LINE, "--lines", str(tmp_path)).code == ExitCode.OK

    answer = deployed.line("train", LINE, "--as-of", LEARNT, "--as", "scientist")

    assert answer.code != ExitCode.OK
    assert "has scikit-learn 1.4.2, and" in answer.err
    assert "install it there by `pip install scikit-learn==1.4.2`" in answer.err
    assert deployed.line("release", LINE, "--lines", str(deployed.lines)).code == ExitCode.OK
