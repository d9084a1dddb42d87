"""An emulator and the SageMaker process for the tests of this folder: started once a session, on ports of their own."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from assembly_line.training.code_folder import installable
from tests.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

PROJECT = Path(__file__).parents[2]
BUCKET = "jobs"
ROLE = "arn:aws:iam::000000000000:role/jobs"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
# It does not install the script folder before it runs a script, which would take each job a second.
OWN = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/jobs@sha256:{'0' * 64}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  the tests' own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def environment(folder: Path) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def client(service: str, url: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@dataclass
class SageMakerProcess:
    """One SageMaker process, and its folders."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> SageMakerClient:
        made: SageMakerClient = client("sagemaker", self.url)
        return made

    @property
    def output(self) -> str:
        return (self.folder / "sagemaker.log").read_text(encoding="utf-8")

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def sagemaker(folder: Path, emulator_url: str, **variables: str) -> Iterator[SageMakerProcess]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sagemaker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "assembly_line.embedded.sagemaker"],
            cwd=PROJECT,
            env=environment(folder)
            | {
                "SAGEMAKER_PORT": str(port),
                "AWS_ENDPOINT_URL": emulator_url,
                "SAGEMAKER_STATE": str(folder / "state"),
                "SAGEMAKER_WORK": str(folder / "work" / "sagemaker"),
                "MOTO_ACCOUNT_ID": "000000000000",
                "SAGEMAKER_INTERPRETERS": json.dumps({"jobs": sys.executable}),
            }
            | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = SageMakerProcess(process, port, folder)
    try:
        eventually(lambda: answers(f"{running.url}/moto-api/") or process.poll() is not None, "SageMaker is ready")
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment(folder)
            | {
                "GATEWAY_PORT": str(port),
                "BIND_HOST": "127.0.0.1",
                "STATE_DIR": str(folder / "state"),
                "S3_DATA_DIR": str(folder / "s3"),
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/_ministack/ready"), "the emulator is ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


class Account:
    """The embedded account of one session, and the few requests that the tests vary."""

    xgboost = XGBOOST
    scikit_learn = SKLEARN
    own = OWN

    def __init__(self, emulator_url: str, process: SageMakerProcess) -> None:
        self.emulator_url, self.process = emulator_url, process
        self.sagemaker: SageMakerClient = process.client
        self.s3: S3Client = client("s3", emulator_url)
        self.logs: CloudWatchLogsClient = client("logs", emulator_url)
        self._names = 0

    def name(self, prefix: str = "job") -> str:
        self._names += 1
        return f"{prefix}-{self._names}"

    @staticmethod
    def released(script: str, name: str = "inference.py") -> dict[str, str | bytes]:
        """A script in `code/`, with what a release brings so that a container without a network can install it."""
        return {f"code/{file}": content for file, content in installable({name: script.encode()}).items()}

    def put(self, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def files(self, key: str) -> dict[str, bytes]:
        """The members of a tar.gz on S3."""
        with tarfile.open(fileobj=io.BytesIO(self.get(key)), mode="r:gz") as archive:
            return {
                member.name: content.read()
                for member in archive
                if member.isreg() and (content := archive.extractfile(member)) is not None
            }

    def archive(self, key: str, files: dict[str, str | bytes]) -> str:
        return self.put(key, packed(files))

    def train_request(self, script: str, **changes: Any) -> dict[str, Any]:
        """An isolated job whose code comes by a channel, as the line's own jobs do."""
        name = changes.pop("TrainingJobName", None) or self.name()
        self.put(f"{name}/code/train.py", script)
        for file, content in changes.pop("files", {}).items():
            self.put(f"{name}/{file}", content)
        channels = ["code", *changes.pop("channels", [])]
        hyperparameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code",
        } | changes.pop("hyperparameters", {})
        metrics = changes.pop("metrics", {})
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {
                "TrainingImage": changes.pop("image", OWN),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": key, "Regex": regex} for key, regex in metrics.items()],
            },
            "RoleArn": ROLE,
            "InputDataConfig": [channel(item, f"s3://{BUCKET}/{name}/{item}/") for item in channels],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "EnableNetworkIsolation": True,
            "HyperParameters": hyperparameters,
        } | changes

    def train(self, script: str, **changes: Any) -> Any:
        """Run a job to its end, and describe it."""
        request = self.train_request(script, **changes)
        self.sagemaker.create_training_job(**request)
        return self.training(request["TrainingJobName"])

    def training(self, name: str) -> Any:
        def ended() -> Any:
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            return job if job["TrainingJobStatus"] not in {"InProgress", "Stopping"} else None

        return eventually(ended, f"training job {name} ended")

    def create_model(self, files: dict[str, str | bytes], *, isolated: bool = True, **changes: Any) -> str:
        """A model whose archive holds its script in code/inference.py."""
        name = self.name("model")
        container = {
            "Image": changes.pop("image", OWN),
            "ModelDataUrl": self.archive(f"{name}/model.tar.gz", files),
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            }
            | changes.pop("environment", {}),
        }
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer=container,  # type: ignore[arg-type]
            EnableNetworkIsolation=isolated,
        )
        return name

    def transform_request(self, model: str, rows: str, **changes: Any) -> dict[str, Any]:
        """The line's way to score: the id in the first column is kept from the model and joined to its answer."""
        name = self.name("transform")
        uri = self.put(f"{name}/in/rows.csv", rows)
        request: dict[str, Any] = {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri.removesuffix("rows.csv")}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{BUCKET}/{name}/out",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "BatchStrategy": "MultiRecord",
            "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        }
        return request | changes

    def transform(self, model: str, rows: str, **changes: Any) -> Any:
        request = self.transform_request(model, rows, **changes)
        self.sagemaker.create_transform_job(**request)
        return self.transformed(request["TransformJobName"])

    def transformed(self, name: str) -> Any:
        def ended() -> Any:
            job = self.sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] not in {"InProgress", "Stopping"} else None

        return eventually(ended, f"transform job {name} ended")

    def output(self, job: Any) -> str:
        return self.get(f"{job['TransformJobName']}/out/rows.csv.out").decode()

    def log(self, kind: str, name: str) -> str:
        path = self.process.folder / "work" / "logs" / f"{kind}-jobs" / f"{name}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def processes_of(folder: str, program: str) -> list[int]:
    """Ids of the processes that run a program in a job's folder: its path is in each job's environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if program in (entry / "cmdline").read_text() and folder in (entry / "environ").read_text():
                found.append(int(entry.name))
        except (OSError, ValueError, UnicodeDecodeError):
            continue
    return found


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture(scope="session")
def job_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        client("s3", url).create_bucket(Bucket=BUCKET)
        yield url


@pytest.fixture(scope="session")
def job_account(job_emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with sagemaker(tmp_path_factory.mktemp("sagemaker"), job_emulator) as process:
        assert process.process.poll() is None, process.output
        yield Account(job_emulator, process)


@pytest.fixture
def own_sagemaker(job_emulator: str, tmp_path: Path) -> Iterator[Callable[..., Account]]:
    """Starts SageMaker processes of the test's own, each over the same state folder."""
    started: list[Any] = []

    def start(**variables: str) -> Account:
        context = sagemaker(tmp_path, job_emulator, **variables)
        process = context.__enter__()
        started.append(context)
        return Account(job_emulator, process)

    yield start
    for context in reversed(started):
        context.__exit__(None, None, None)
