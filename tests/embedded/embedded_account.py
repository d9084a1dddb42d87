"""What the tests do with the running embedded AWS: clients, machines, functions, waiting with a deadline."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from assembly_line.embedded.runtime import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, Runtime
from tests.waiting import eventually

ROLE = f"arn:aws:iam::{ACCOUNT}:role/anything"


def one_state(state: dict[str, Any], **machine: Any) -> dict[str, Any]:
    return {"StartAt": "Only", "States": {"Only": {**state, "End": True}}, **machine}


@dataclass(frozen=True)
class EmbeddedAccount:
    runtime: Runtime

    def client(self, service: str) -> Any:
        sagemaker = service.startswith("sagemaker")
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.runtime.sagemaker_url if sagemaker else self.runtime.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
        )

    @cached_property
    def states(self) -> Any:
        return self.client("stepfunctions")

    def machine(self, definition: dict[str, Any]) -> str:
        answer = self.states.create_state_machine(name=unique(), definition=json.dumps(definition), roleArn=ROLE)
        return str(answer["stateMachineArn"])

    def start(self, machine: str, given: object = None, **options: Any) -> str:
        answer = self.states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}), **options)
        return str(answer["executionArn"])

    def end_of(self, execution: str) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            description: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            return description if description["status"] != "RUNNING" else None

        return eventually(over)

    def run(self, definition: dict[str, Any], given: object = None) -> dict[str, Any]:
        """Create a machine, run it once, describe its end."""
        return self.end_of(self.start(self.machine(definition), given))

    def function(self, source: str, **settings: Any) -> str:
        """A Lambda function of one file whose entry is `handle`. Returns its name."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as content:
            content.writestr("code.py", source)
        answer = self.client("lambda").create_function(
            FunctionName=unique(),
            Runtime="python3.13",
            Handler="code.handle",
            Code={"ZipFile": archive.getvalue()},
            **{"Role": ROLE, "Timeout": 20, **settings},
        )
        return str(answer["FunctionName"])

    def queue(self) -> tuple[str, str]:
        """Address and ARN of a new queue."""
        name = unique()
        return str(
            self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        ), f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def receive(self, queue: str) -> list[dict[str, Any]]:
        sqs = self.client("sqs")
        return eventually(
            lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get(
                "Messages"
            ),
        )

    def stack(self, resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
        """Create a stack; its outputs as a dict. AssertionError with the reasons if it fails."""
        cloudformation, name = self.client("cloudformation"), unique()
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources, **sections}))
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
        return {"StackName": name, **{each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}}


def unique() -> str:
    return f"t{uuid.uuid4().hex[:12]}"
