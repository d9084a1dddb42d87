"""The stacks of one environment: what they hold and keep, who imports what they export, and deleting them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.errors import RunFailed
from assembly_line.names import stack_name

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

KEEPING = ("Retain", "RetainExceptOnCreate", "Snapshot")
GONE = (None, "DELETE_COMPLETE")
ENDED = (*GONE, "DELETE_FAILED")
POLL_SECONDS = 5.0
# Longer than Step Functions takes to let a machine go.
PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Args: `own`: the last part of its name, such as `Foundation`."""

    name: str
    own: str
    status: str


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class StackResource:
    """Args: `name`: its physical id; `kept`: whether it outlives its stack."""

    type: str
    name: str
    kept: bool


class Stacks:
    """Args: `pause`: waits so many seconds between two looks at a stack that goes."""

    def __init__(
        self, cloudformation: CloudFormationClient, environment: str, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = cloudformation
        self._prefix = stack_name(environment)
        self._pause = pause

    def of_environment(self) -> list[Stack]:
        """Every stack that is there, in order of name."""
        pages = self._client.get_paginator("describe_stacks").paginate()
        found = [(stack["StackName"], stack["StackStatus"]) for page in pages for stack in page["Stacks"]]
        return [
            Stack(name=name, own=name.removeprefix(self._prefix), status=status)
            for name, status in sorted(found)
            if name.startswith(self._prefix) and status != "DELETE_COMPLETE"
        ]

    def resources(self, stack: Stack) -> list[StackResource]:
        """What the stack holds now, by the policies of the template that it was deployed with."""
        template: Any = self._client.get_template(StackName=stack.name)["TemplateBody"]
        declared = (json.loads(template) if isinstance(template, str) else template)["Resources"]
        found = []
        for page in self._client.get_paginator("list_stack_resources").paginate(StackName=stack.name):
            for one in page["StackResourceSummaries"]:
                if one["ResourceStatus"] == "DELETE_COMPLETE":
                    continue
                policy = declared.get(one["LogicalResourceId"], {}).get("DeletionPolicy", "Delete")
                kept = policy in KEEPING
                found.append(StackResource(type=one["ResourceType"], name=one.get("PhysicalResourceId", ""), kept=kept))
        return sorted(found)

    def importers(self, stack: Stack) -> set[str]:
        """Names of the stacks that import something which this one exports."""
        described = self._client.describe_stacks(StackName=stack.name)["Stacks"][0]
        exports = [output["ExportName"] for output in described.get("Outputs", []) if output.get("ExportName")]
        return {importer for export in exports for importer in self._imports(export)}

    def _imports(self, export: str) -> Iterator[str]:
        try:
            for page in self._client.get_paginator("list_imports").paginate(ExportName=export):
                yield from page["Imports"]
        except ClientError as error:
            # How CloudFormation says that nobody does.
            if "is not imported by any stack" not in error.response["Error"].get("Message", ""):
                raise

    def delete(self, stack: Stack) -> None:
        """Delete the stack by the role that deployed it, and wait until it is gone.

        Raises:
            RunFailed: with the resources that would not go, and why.
        """
        self._client.delete_stack(StackName=stack.name)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := self._status(stack)) not in ENDED and time.monotonic() < deadline:
            self._pause(POLL_SECONDS)
        if status not in GONE:
            reasons = "; ".join(self._failures(stack)) or "CloudFormation gives no reason"
            raise RunFailed(f"stack {stack.name} is {status}: {reasons}")

    def left_behind(self) -> set[StackResource]:
        """What deleted stacks of the environment kept, as far back as CloudFormation remembers: ninety days."""
        pages = self._client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
        gone = [one for page in pages for one in page["StackSummaries"] if one["StackName"].startswith(self._prefix)]
        return {resource for stack in gone for resource in self._skipped(stack["StackId"])}

    def _skipped(self, stack_id: str) -> Iterator[StackResource]:
        for event in self._events(stack_id):
            if event["ResourceStatus"] == "DELETE_SKIPPED":
                yield StackResource(type=event["ResourceType"], name=event["PhysicalResourceId"], kept=True)

    def _status(self, stack: Stack) -> str | None:
        try:
            return str(self._client.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"])
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise

    def _failures(self, stack: Stack) -> list[str]:
        """Of the last attempt: the newest events come first."""
        found: list[str] = []
        for event in self._events(stack.name):
            own = event["ResourceType"] == "AWS::CloudFormation::Stack"
            if own and event["ResourceStatus"] == "DELETE_IN_PROGRESS":
                break
            if not own and event["ResourceStatus"] == "DELETE_FAILED":
                found.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
        return found

    def _events(self, stack: str) -> Iterator[Any]:
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack):
            yield from page["StackEvents"]
