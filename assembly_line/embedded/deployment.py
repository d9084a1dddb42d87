"""Deploys a cloud assembly into the running embedded AWS, with the CDK's own command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from assembly_line.embedded.assembling import assemble
from assembly_line.embedded.deployment_progress import Progress
from assembly_line.embedded.patience import DEPLOYMENT, patience
from assembly_line.embedded.runtime import ACCESS_KEY, REGION, SECRET_KEY, Runtime, write_atomically
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

__all__ = ["Deployment", "assemble", "deploy"]

Report = Callable[[str], None]
REPOSITORY = Path(__file__).parents[2]
CONCURRENCY = 4
TOOLKIT = "CDKToolkit"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What was deployed last. `digest` names the assembly; `seconds` is 0 if nothing had to be done."""

    digest: str
    stacks: tuple[str, ...]
    seconds: float


def deploy(runtime: Runtime, assembly: Path, report: Report, *, repository: Path = REPOSITORY) -> Deployment:
    """Bootstrap once, then `cdk deploy --all`; nothing is done if this very assembly was deployed last.

    Args:
        runtime: where to deploy.
        assembly: what `assemble` returned.
        report: gets a short line for each stack.
        repository: the folder whose `node_modules` holds the CDK's command.

    Raises:
        EmbeddedAwsError: with the resource that failed and its reason, as CloudFormation tells it.
    """
    folder = StateFolder(runtime.root)
    digest = assembly.parent.name
    stacks = tuple(_stacks(assembly))
    if _last_digest(folder) == digest:
        report(f"All {len(stacks)} stacks are deployed already.")
        return Deployment(digest=digest, stacks=stacks, seconds=0.0)
    folder.deployment.unlink(missing_ok=True)
    folder.check_space()
    began = time.monotonic()
    _bootstrap(runtime, repository)
    _run(runtime, assembly, folder, repository, Progress(stacks, report))
    done = Deployment(digest=digest, stacks=stacks, seconds=round(time.monotonic() - began, 1))
    write_atomically(folder.deployment, json.dumps(asdict(done), indent=2) + "\n")
    return done


def _bootstrap(runtime: Runtime, repository: Path) -> None:
    """Create the stack that `cdk bootstrap` creates, from the template in the command's own package."""
    client = _cloudformation(runtime)
    try:
        client.describe_stacks(StackName=TOOLKIT)
    except client.exceptions.ClientError:
        template = repository / "node_modules" / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
        client.create_stack(
            StackName=TOOLKIT,
            TemplateBody=_read(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            # As the CDK's command sets it: staging with the service's own key, no key of its own.
            Parameters=[{"ParameterKey": "FileAssetsBucketKmsKeyId", "ParameterValue": "AWS_MANAGED_KEY"}],
        )
        client.get_waiter("stack_create_complete").wait(StackName=TOOLKIT, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def _run(runtime: Runtime, assembly: Path, folder: StateFolder, repository: Path, progress: Progress) -> None:
    log, seconds = folder.logs / "deploy.log", patience(DEPLOYMENT)
    command = [
        *cdk_command(repository),
        *("deploy", "--app", str(assembly), "--all", "--concurrency", str(CONCURRENCY)),
        *("--require-approval", "never", "--no-notices", "--progress", "events"),
    ]
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command, env=runtime.cdk_environment(), cwd=assembly, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace",
        ) as process,
    ):  # fmt: skip
        alarm = threading.Timer(seconds, process.kill)
        alarm.start()
        try:
            for line in process.stdout or ():
                kept.write(line)
                progress.read(line)
        except BaseException:
            process.kill()
            raise
        finally:
            expired = not alarm.is_alive()
            alarm.cancel()
    if expired:
        raise EmbeddedAwsError(
            f"the deployment did not end within {seconds} s; see {log}; on a slow machine set {DEPLOYMENT} to more"
        )
    if process.returncode:
        folder.check_space()
        raise EmbeddedAwsError(progress.failure(_failures(runtime, progress.stacks), log))


def cdk_command(repository: Path) -> list[str]:
    """How to call the CDK's command. Raises EmbeddedAwsError if it is not installed."""
    program = repository / "node_modules" / "aws-cdk" / "bin" / "cdk"
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if not program.exists() or node is None:
        raise EmbeddedAwsError(f"{program} or node is missing; `make demo` installs both")
    return [node, str(program)]


def _failures(runtime: Runtime, stacks: tuple[str, ...]) -> list[str]:
    """The first failing resources of each stack, with CloudFormation's reason."""
    client, found = _cloudformation(runtime), []
    for stack in stacks:
        try:
            events = client.describe_stack_events(StackName=stack)["StackEvents"]
        except client.exceptions.ClientError:
            continue
        found += [
            f"{stack}: {event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
            and event.get("ResourceStatusReason")
            and "cancelled" not in event["ResourceStatusReason"]
        ]
    return found


def _stacks(assembly: Path) -> list[str]:
    manifest = json.loads(_read(assembly / "manifest.json"))
    return [
        artifact.get("properties", {}).get("stackName", name)
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]


def _last_digest(folder: StateFolder) -> str | None:
    try:
        return str(json.loads(folder.deployment.read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise EmbeddedAwsError(f"{path}: {error.strerror}; it should have been installed or synthesized") from error


def _cloudformation(runtime: Runtime) -> CloudFormationClient:
    return boto3.client(
        "cloudformation",
        endpoint_url=runtime.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
