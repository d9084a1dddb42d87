"""Batch transform jobs of the embedded SageMaker: real inference scripts, observed through boto3 and S3."""

from __future__ import annotations

import io
import os
import signal
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.embedded.sagemaker_account import Account

pytest_plugins = ("tests.embedded.sagemaker_account",)


@pytest.fixture(scope="module")
def account(job_account: Account) -> Account:
    return job_account


# Answers the sum of a row's columns, one answer for each row, and says how many rows each request held.
SUM = """
import json, os
def model_fn(folder):
    print("loaded", flush=True)
    return json.load(open(os.path.join(folder, "model.json")))
def input_fn(body, content_type):
    assert isinstance(body, str) and content_type == "text/csv"
    rows = [[float(value) for value in line.split(",")] for line in body.splitlines()]
    print(f"request of {len(rows)}", flush=True)
    return rows
def predict_fn(rows, model):
    return [sum(row) * model["factor"] for row in rows]
def output_fn(answers, accept):
    return "\\n".join(map(repr, answers)), accept
"""
DEFAULTS = """
class Model:
    def predict(self, rows):
        return rows.astype("float64").sum(axis=1)
def model_fn(folder):
    return Model()
"""


def model_files(script: str, **more: str) -> dict[str, str | bytes]:
    return {"model.json": '{"factor": 10}', "code/inference.py": script, **more}


@pytest.fixture(scope="module")
def summing(account: Account) -> str:
    return account.create_model(model_files(SUM))


def test_answers_are_joined_to_their_ids(account: Account, summing: str) -> None:
    job = account.transform(summing, "id-1,1,2\nid-2,3,4\nid-3,0.5,0\n")

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert account.output(job) == "id-1,30.0\nid-2,70.0\nid-3,5.0\n"
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    assert "FailureReason" not in job
    log = account.log("transform", job["TransformJobName"])
    assert log.count("loaded") == log.count("request of 3") == 1
    assert "network isolation: on" in log


def test_an_xgboost_model_scores_rows_in_an_isolated_container(account: Account, tmp_path: Path) -> None:
    import numpy as np
    import xgboost as xgb

    values = np.random.default_rng(7).normal(size=(200, 3))
    booster = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(values, label=values[:, 0] > 0), 5)
    booster.save_model(tmp_path / "model.ubj")
    script = """
import xgboost as xgb
def model_fn(folder):
    booster = xgb.Booster()
    booster.load_model(folder + "/model.ubj")
    return booster
"""
    files = {"model.ubj": (tmp_path / "model.ubj").read_bytes(), **account.released(script)}
    model = account.create_model(files, image=account.xgboost)
    lines = "".join(f"d{number},{','.join(map(repr, row.tolist()))}\n" for number, row in enumerate(values))

    job = account.transform(model, lines)

    assert job["TransformJobStatus"] == "Completed", job["FailureReason"]
    answered = [line.split(",") for line in account.output(job).splitlines()]
    assert [name for name, _ in answered] == [f"d{number}" for number in range(200)]
    expected = booster.predict(xgb.DMatrix(values))
    assert [float(score) for _, score in answered] == pytest.approx(expected.tolist(), abs=1e-6)


def test_hooks_that_the_script_lacks_are_those_of_sagemaker(account: Account) -> None:
    model = account.create_model(model_files(DEFAULTS))

    job = account.transform(model, "a,1,2\nb,3,4\n")

    assert account.output(job) == "a,3.0\nb,7.0\n"


@pytest.mark.parametrize(
    ("returned", "label"),
    [("text", "text/html; charset=utf-8"), ("text.encode()", "text/html; charset=utf-8"), ("(text, accept)", None)],
)
def test_answers_without_a_type_are_labelled_as_flask_does_and_the_log_says_so(
    account: Account, returned: str, label: str | None
) -> None:
    script = f"""
def model_fn(folder):
    return 0
def input_fn(body, content_type):
    return body.splitlines()
def predict_fn(rows, model):
    return rows
def output_fn(rows, accept):
    text = "\\n".join(rows)
    return {returned}
"""
    job = account.transform(account.create_model(model_files(script)), "a,1\nb,2\n")

    assert account.output(job) == "a,1\nb,2\n"
    said = "the model's answers are labelled"
    log = account.log("transform", job["TransformJobName"])
    assert log.count(said) == (0 if label is None else 1)
    assert label is None or f"{said} '{label}', not 'text/csv' as asked" in log


def test_every_object_below_the_prefix_is_transformed(account: Account, summing: str) -> None:
    request = account.transform_request(summing, "a,1\n")
    name = request["TransformJobName"]
    account.put(f"{name}/in/deeper/more.csv", "b,2\n")

    account.sagemaker.create_transform_job(**request)
    account.transformed(name)

    assert account.get(f"{name}/out/rows.csv.out") == b"a,10.0\n"
    assert account.get(f"{name}/out/deeper/more.csv.out") == b"b,20.0\n"


@pytest.mark.parametrize(
    ("changes", "requests"),
    [
        ({"MaxPayloadInMB": 1, "BatchStrategy": "MultiRecord"}, [3, 1]),
        ({"MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}, [4]),
        ({"BatchStrategy": "SingleRecord"}, [1, 1, 1, 1]),
    ],
)
def test_requests_hold_as_many_records_as_the_payload_allows(
    account: Account, summing: str, changes: Any, requests: list[int]
) -> None:
    wide = "0," * 160_000 + "1"

    job = account.transform(summing, "".join(f"{name},{wide}\n" for name in "abcd"), **changes)

    assert account.output(job) == "a,10.0\nb,10.0\nc,10.0\nd,10.0\n"
    log = account.log("transform", job["TransformJobName"])
    assert [int(line.rsplit(" ", 1)[1]) for line in log.splitlines() if line.startswith("request of")] == requests


def test_without_processing_answers_stand_alone(account: Account, summing: str) -> None:
    job = account.transform(summing, "1,2\n3,4\n", DataProcessing={})

    assert account.output(job) == "30.0\n70.0\n"


TOO_FEW = SUM.replace("for row in rows]\n", "for row in rows][1:]\n")
RAISES = SUM.replace('return [sum(row) * model["factor"] for row in rows]', 'raise RuntimeError("no such feature: x9")')
LOAD_FAILS = 'def model_fn(folder):\n    raise OSError(f"cannot load {folder}/model.json")\n'


@pytest.mark.parametrize(
    ("script", "rows", "changes", "reason"),
    [
        (TOO_FEW, "a,1\nb,2\n", {}, "the model answered 1 record(s) for 2"),
        (RAISES, "a,1\n", {}, "RuntimeError: no such feature: x9"),
        (LOAD_FAILS, "a,1\n", {}, "could not be loaded: OSError: cannot load /opt/ml/model/model.json"),
        ("import no_such_module\n", "a,1\n", {}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n", "a,1\n", {}, "defines no model_fn"),
        ("import os\ndef model_fn(folder):\n    os._exit(3)\n", "a,1\n", {}, "ended with status 3"),
        (SUM, "", {}, "is empty"),
        (SUM, "a,x\n", {}, "ValueError: could not convert string to float: 'x'"),
        (SUM, "1\n", {"DataProcessing": {"OutputFilter": "$[7]", "JoinSource": "Input"}}, "index 7 is beyond"),
        (SUM, 'a,"1\n', {}, "is no row of CSV"),
        (SUM, "a,1\n", {"DataProcessing": {"InputFilter": "$.features"}}, "expected $, or indexes"),
        (SUM, "a," + "1" * 1_100_000 + "\n", {"MaxPayloadInMB": 1}, "over MaxPayloadInMB=1"),
    ],
)
def test_what_cannot_be_scored_fails_with_a_reason(
    account: Account, script: str, rows: str, changes: Any, reason: str
) -> None:
    job = account.transform(account.create_model(model_files(script)), rows, **changes)

    assert job["TransformJobStatus"] == "Failed"
    assert reason in job["FailureReason"]
    assert "Contents" not in account.s3.list_objects_v2(Bucket="jobs", Prefix=f"{job['TransformJobName']}/out")


def test_no_object_below_the_prefix_fails_the_job(account: Account, summing: str) -> None:
    request = account.transform_request(summing, "a,1\n")
    request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://jobs/nothing/here/"
    account.sagemaker.create_transform_job(**request)

    assert "No S3 objects found" in account.transformed(request["TransformJobName"])["FailureReason"]


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"SAGEMAKER_PROGRAM": ""}, "SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY must both be"),
        ({"SAGEMAKER_PROGRAM": "inferenz.py"}, "'inferenz.py' is not in"),
        ({"SAGEMAKER_SUBMIT_DIRECTORY": "s3://jobs/code.tar.gz"}, "isolated containers cannot reach"),
        ({"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/kode"}, "'/opt/ml/model/kode' is not in the container"),
    ],
)
def test_a_model_whose_script_is_not_found_fails_the_job(
    account: Account, environment: dict[str, str], reason: str
) -> None:
    job = account.transform(account.create_model(model_files(SUM), environment=environment), "a,1\n")

    assert reason in job["FailureReason"]


def hostile(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (hostile(tarfile.TarInfo("../outside.py"), b"x"), "would be written outside"),
        (hostile(tarfile.TarInfo("/outside.py"), b"x"), "would be written outside"),
        (hostile(link("model", "/etc/passwd", tarfile.SYMTYPE)), "is a link or a device"),
        (hostile(link("model", "code/inference.py", tarfile.LNKTYPE)), "is a link or a device"),
        (b"not an archive", "not a readable tar.gz"),
    ],
    ids=["beside", "root", "symbolic link", "hard link", "no archive"],
)
def test_an_archive_that_escapes_or_links_is_refused(account: Account, archive: bytes, reason: str) -> None:
    model = account.create_model(model_files(SUM))
    account.put(f"{model}/model.tar.gz", archive)

    assert reason in account.transform(model, "a,1\n")["FailureReason"]


def test_a_model_package_brings_its_container(account: Account) -> None:
    group, name = account.name("group"), account.name("model")
    account.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = account.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [
                {
                    "Image": account.scikit_learn,
                    "ModelDataUrl": account.archive(f"{name}/model.tar.gz", model_files(SUM) | account.released(SUM)),
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    },
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    account.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/jobs",
        PrimaryContainer={"ModelPackageName": package},
        EnableNetworkIsolation=True,
    )

    assert account.output(account.transform(name, "a,1\n")) == "a,10.0\n"


def test_code_apart_from_the_model_reaches_a_container_with_network(account: Account) -> None:
    uri = account.archive("shared/inference.tar.gz", {"inference.py": SUM})
    model = account.create_model(
        {"model.json": '{"factor": 2}'}, isolated=False, environment={"SAGEMAKER_SUBMIT_DIRECTORY": uri}
    )

    assert account.output(account.transform(model, "a,1\n")) == "a,2.0\n"


SLEEPS = SUM.replace(
    "def predict_fn(rows, model):\n", "def predict_fn(rows, model):\n    import time; time.sleep(60)\n"
)


def running(account: Account, script: str) -> str:
    request = account.transform_request(account.create_model(model_files(script)), "a,1\n")
    name: str = request["TransformJobName"]
    account.sagemaker.create_transform_job(**request)
    eventually(lambda: "request of 1" in account.log("transform", name), "the request reached the model")
    return name


def test_a_stopped_job_ends_as_stopped_without_output(account: Account) -> None:
    name = running(account, SLEEPS)

    account.sagemaker.stop_transform_job(TransformJobName=name)
    job = account.transformed(name)

    assert job["TransformJobStatus"] == "Stopped"
    assert "Contents" not in account.s3.list_objects_v2(Bucket="jobs", Prefix=f"{name}/out")


def test_a_killed_model_process_fails_its_job(account: Account) -> None:
    from tests.embedded.sagemaker_account import processes_of

    name = running(account, SLEEPS)

    (server,) = processes_of(f"/{name}-", "model_server.py")
    os.kill(server, signal.SIGKILL)
    job = account.transformed(name)

    assert job["TransformJobStatus"] == "Failed"
    assert "SIGKILL" in job["FailureReason"]


def test_a_model_that_does_not_answer_in_time_fails_its_job(account: Account) -> None:
    job = account.transform(
        account.create_model(model_files(SLEEPS)), "a,1\n", ModelClientConfig={"InvocationsTimeoutInSeconds": 1}
    )

    assert "gave no answer in time" in job["FailureReason"]


def test_a_job_for_an_unknown_model_is_refused(account: Account) -> None:
    with pytest.raises(account.sagemaker.exceptions.ClientError, match="Could not find model"):
        account.sagemaker.create_transform_job(**account.transform_request("no-such-model", "a,1\n"))
