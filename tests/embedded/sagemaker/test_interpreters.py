"""Which Python runs the jobs of an image here: one that has what the image has, or none, with what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assembly_line.embedded.sagemaker.jobs.interpreters import interpreter_for, repository_of
from assembly_line.errors import JobFailed

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)

FIT = "import os, sys\nopen(os.environ['SM_MODEL_DIR'] + '/by', 'w').write(sys.executable)\n"
SERVE = """
import sys
def model_fn(folder): return sys.executable
def predict_fn(rows, model): return [model]
def output_fn(answers, accept): return answers[0] + "\\n", accept
"""
DIGEST = f"sha256:{'1' * 64}"
TRAINER = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/churn-trainer@{DIGEST}"
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
OLD_XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture
def account(job_account: Account) -> Account:
    return job_account


def test_an_own_image_without_an_interpreter_is_refused_with_what_to_do(account: Account) -> None:
    trained = account.train(FIT, image=TRAINER)
    served = account.transform(account.create_model({"code/inference.py": SERVE}, image=TRAINER), "a,1\n")

    for job in (trained["FailureReason"], served["FailureReason"]):
        assert f"image '{TRAINER}'" in job
        assert "`line up --interpreter team/churn-trainer=PYTHON`" in job


def test_an_own_image_trains_and_serves_by_the_interpreter_declared_for_it(
    own_sagemaker: Callable[..., Account], tmp_path: Path
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nRUN_BY=own exec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    account = own_sagemaker(SAGEMAKER_INTERPRETERS=f'{{"team/churn-trainer": "{python}"}}')
    say = "os.environ['RUN_BY']"

    job = account.train(f"import os\nopen(os.environ['SM_MODEL_DIR'] + '/by', 'w').write({say})\n", image=TRAINER)
    serve = SERVE.replace("sys.executable", say).replace("import sys", "import os")
    scored = account.transform(account.create_model({"code/inference.py": serve}, image=TRAINER), "a,1\n")

    assert account.files(f"out/{job['TrainingJobName']}/output/model.tar.gz") == {"by": b"own"}
    assert account.output(scored) == "a,own\n"


def test_pytorch_is_refused_where_it_is_not_installed_with_what_to_install(account: Account) -> None:
    job = account.train(FIT, image=PYTORCH)

    assert job["TrainingJobStatus"] == "Failed"
    assert "pytorch-training:2.6.0-cpu-py312 has pytorch 2.6.0, and" in job["FailureReason"]
    assert "has none: install it there by `pip install torch==2.6.0`" in job["FailureReason"]
    assert "`line up --interpreter pytorch-training=PYTHON`" in job["FailureReason"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            OLD_XGBOOST,
            r"has xgboost 1\.7\.4, and .* has 3\.2\.0: install it there by `pip install xgboost-cpu==1\.7\.4`",
        ),
        (OLD_XGBOOST.replace("1.7-1", "0.90-1"), "is not in the list of prebuilt images"),
    ],
)
def test_another_version_than_that_of_the_image_is_refused(image: str, message: str) -> None:
    with pytest.raises(JobFailed, match=message):
        interpreter_for(image, {})


def test_an_interpreter_that_does_not_run_is_named() -> None:
    with pytest.raises(JobFailed, match="/nowhere/python does not run as a Python"):
        interpreter_for(OLD_XGBOOST, {"sagemaker-xgboost": "/nowhere/python"})


@pytest.mark.parametrize(
    ("version", "message"), [("2.6.0+cpu", None), ("2.6.1", "has 2.6.1"), ("2.6.0.post1", "has 2.6.0.post1")]
)
def test_the_build_of_a_version_does_not_matter(version: str, message: str | None, tmp_path: Path) -> None:
    python = _python_that_says(tmp_path, {"torch": version})
    declared = {"pytorch-training": str(python)}

    if message is None:
        assert interpreter_for(PYTORCH, declared) == str(python)
    else:
        with pytest.raises(JobFailed, match=message):
            interpreter_for(PYTORCH, declared)


def _python_that_says(folder: Path, versions: dict[str, str]) -> Path:
    """An environment in which packages of these versions are installed, as far as their metadata says."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name, version in versions.items():
        described = packages / f"{name}-{version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    return folder / "venv" / "bin" / "python"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        (TRAINER, "team/churn-trainer"),
        (PYTORCH, "pytorch-training"),
        ("registry:5000/own:1", "own"),
        ("own", "own"),
    ],
)
def test_the_repository_of_an_image(image: str, repository: str) -> None:
    assert repository_of(image) == repository
