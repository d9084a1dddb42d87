"""Who scores a batch, what a model is asked, and the process that answers."""

from __future__ import annotations

import io
import os
import select
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.errors import JobFailed, RequestRefused
from assembly_line.training.serving.model_process import ModelProcess
from assembly_line.training.serving.places import Asked, ScoringPlan, scoring_plan
from assembly_line.training.serving.rows import answered, asked

MIB = 1024 * 1024
XGBOOST = "0.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:3.2-0"
OTHERS = [XGBOOST.replace("3.2-0", "3.0-5"), XGBOOST.replace("xgboost:3.2-0", "scikit-learn:1.4-2"), "own/image:3.2-0"]
ROW = b"d1-20170807-1" + 10 * b",123.456" + b"\n"
SUMS = """
import os
import subprocess
import sys

def start(pipe):
    with open(pipe, "wb") as held:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=held)

def model_fn(folder):
    model = open(os.path.join(folder, "model.txt")).read()
    if model.startswith("too old"):
        start(model.split()[-1])
        raise ValueError("too old")
    return model

def input_fn(body, kind):
    return [line.split(",") for line in body.splitlines()]

def predict_fn(rows, model):
    if model == "raises":
        raise ValueError("no such tree")
    if model == "ends":
        os._exit(3)
    if model.startswith("/"):
        start(model)
    if model == "tells":
        return sorted(os.environ)
    return [sum(float(field or 0) for field in row) for row in rows]

def output_fn(answers, accept):
    return "".join(f"{answer}\\n" for answer in answers), accept
"""


def plan(wish: Asked = "auto", *, size: int = 100, image: str = XGBOOST, width: int = 1, most: int = 4) -> ScoringPlan:
    rows = ROW * (size // len(ROW))
    return scoring_plan(wish, rows=rows, width=width, image=image, most_mib=most)


def test_a_small_batch_is_scored_in_a_function_and_a_large_one_by_a_job() -> None:
    assert plan().by == plan(size=3 * MIB // 2).by == "function"
    large = plan(size=5 * MIB)
    assert (large.by, "5." in large.why, "at most 4 MiB" in large.why) == ("transform", True, True)


def test_what_comes_back_counts_as_well() -> None:
    assert plan(size=MIB).by == "function"
    assert plan(size=MIB, width=20).by == "transform"


def test_a_release_with_packages_of_its_own_is_scored_in_its_container() -> None:
    found = scoring_plan("auto", rows=ROW, width=1, image=XGBOOST, most_mib=4, carries=True)
    assert (found.by, "carries packages" in found.why) == ("transform", True)
    with pytest.raises(RequestRefused, match="carries packages, which no function installs; leave it out"):
        scoring_plan("function", rows=ROW, width=1, image=XGBOOST, most_mib=4, carries=True)


def test_an_environment_may_score_nothing_in_a_function() -> None:
    assert plan(most=0).by == "transform"


@pytest.mark.parametrize("image", OTHERS)
def test_a_function_serves_only_what_it_has_the_packages_for(image: str) -> None:
    found = plan(image=image)
    assert (found.by, image.rpartition("/")[2] in found.why, "xgboost 3.2" in found.why) == ("transform", True, True)


def test_the_request_decides_where_both_could_score() -> None:
    assert [plan(wish).by for wish in ("function", "transform")] == ["function", "transform"]
    assert "the request" in plan("transform").why


@pytest.mark.parametrize(("size", "image"), [(5 * MIB, XGBOOST), (100, OTHERS[0])])
def test_a_function_that_cannot_score_is_refused_with_the_reason(size: int, image: str) -> None:
    with pytest.raises(RequestRefused, match=r"scored_by: 'function'.*(at most 4 MiB|has the packages)"):
        plan("function", size=size, image=image)


def test_a_model_is_asked_without_the_ids_and_answers_beside_them() -> None:
    batch = b"a,1,2\nb,,\r\nc,3,4\n"
    assert asked(batch) == b"1,2\n,\n3,4\n"
    assert answered(batch, b"0.1\n0.2\r\n0.3", last_only=True) == b"a,0.1\nb,0.2\nc,0.3\n"
    assert answered(batch, b"1,2\n3,4\n5,6\n", last_only=True) == b"a,2\nb,4\nc,6\n"
    assert answered(batch, b"1,2\n3,4\n5,6\n", last_only=False) == b"a,1,2\nb,3,4\nc,5,6\n"


@pytest.mark.parametrize("answers", [b"", b"0.1\n0.2\n", b"0.1\n0.2\n0.3\n0.4\n"])
def test_as_many_answers_as_rows_are_expected(answers: bytes) -> None:
    with pytest.raises(JobFailed, match="one answer for each row"):
        answered(b"a,1\nb,2\nc,3\n", answers, last_only=True)


def archive(model: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for name, text in (("model.txt", model), ("code/inference.py", SUMS)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            files.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModelProcess]]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    started: list[ModelProcess] = []
    yield started
    for process in started:
        process.end()


def serve(processes: list[ModelProcess], folder: Path, model: str, digest: str | None = None) -> ModelProcess:
    packed = archive(model)
    process = ModelProcess(packed, digest or digest_bytes(packed), folder, program="inference.py", rows="array")
    processes.append(process)
    return process


def test_a_process_answers_again_and_again(processes: list[ModelProcess], tmp_path: Path) -> None:
    process = serve(processes, tmp_path, "sums")
    assert [process.answer(b"1,2\n,3\n"), process.answer(b"4\n")] == [b"3.0\n3.0\n", b"4.0\n"]


def test_the_code_of_a_line_finds_no_credentials_in_its_environment(
    processes: list[ModelProcess], tmp_path: Path
) -> None:
    names = serve(processes, tmp_path, "tells").answer(b"1\n").decode().split()
    assert "TMPDIR" in names
    assert [name for name in names if name.startswith("AWS")] == []


def test_what_a_model_raises_is_told_and_the_process_goes_on(processes: list[ModelProcess], tmp_path: Path) -> None:
    process = serve(processes, tmp_path, "raises")
    for _ in range(2):
        with pytest.raises(JobFailed, match="the model raised: ValueError: no such tree"):
            process.answer(b"1\n")


def test_a_process_that_ends_is_told(processes: list[ModelProcess], tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="ended with status 3"):
        serve(processes, tmp_path, "ends").answer(b"1\n")


@pytest.mark.parametrize("loads", [True, False])
def test_no_process_that_a_model_started_outlives_it(
    processes: list[ModelProcess], tmp_path: Path, loads: bool
) -> None:
    """Each holds an end of a pipe, so that its end is seen."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    folder = tmp_path / "model"
    folder.mkdir()
    if loads:
        serve(processes, folder, str(pipe)).answer(b"1\n")
        assert select.select([reader], [], [], 0)[0] == []
        processes.pop().end()
    else:
        with pytest.raises(JobFailed, match="could not be loaded: ValueError: too old"):
            serve(processes, folder, f"too old {pipe}")
    assert select.select([reader], [], [], 20)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_another_archive_than_the_packed_one_is_not_loaded(processes: list[ModelProcess], tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="it was altered"):
        serve(processes, tmp_path, "sums", digest="0" * 64)
    assert list(tmp_path.iterdir()) == []
