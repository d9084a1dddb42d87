"""CloudWatch logs of the line's functions and jobs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.instants import EPOCH, format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from assembly_line.cli.target import Target

JOB_GROUPS = (
    "/aws/sagemaker/TrainingJobs",
    "/aws/sagemaker/TransformJobs",
    "/aws-glue/jobs/error",
    "/aws-glue/jobs/output",
)
HANDLERS = "lambdas."


class Logs:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._logs = target.client("logs")

    def functions(self) -> list[str]:
        """Names of the line's functions: `<capability>.<entry>`, as their handlers are called."""
        return sorted(self._groups)

    def of(self, name: str, *, last: int) -> list[str] | None:
        """The last lines of a function's or a job's log, oldest first; None if there is neither."""
        if name in self._groups:
            return self._read(self._groups[name], last=last) or []
        for group in JOB_GROUPS:
            found = self._read(group, last=last, streams=name)
            if found:
                return found
        return None

    @cached_property
    def _groups(self) -> dict[str, str]:
        prefix = f"AssemblyLine-{self._target.environment}-"
        pages = self._target.client("lambda").get_paginator("list_functions").paginate()
        return {
            _entry(function["Handler"]): _group(function)
            for page in pages
            for function in page["Functions"]
            if function["FunctionName"].startswith(prefix) and function.get("Handler", "").startswith(HANDLERS)
        }

    def _read(self, group: str, *, last: int, streams: str | None = None) -> list[str] | None:
        which: dict[str, Any] = {"logStreamNamePrefix": streams} if streams else {}
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=group, **which)
            every = [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        events = [event for event in every if event["logStreamName"].startswith(streams or "")]
        events.sort(key=lambda event: event["timestamp"])
        return [f"{_at(event['timestamp'])}  {event['message'].rstrip()}" for event in events[-last:]]


def _entry(handler: str) -> str:
    """`dataset.plan` of `lambdas.dataset.handler.plan`."""
    return handler.removeprefix(HANDLERS).replace(".handler.", ".", 1)


def _group(function: dict[str, Any]) -> str:
    chosen = function.get("LoggingConfig", {}).get("LogGroup")
    return str(chosen or f"/aws/lambda/{function['FunctionName']}")


def _at(milliseconds: int) -> str:
    from datetime import timedelta

    instant: datetime = EPOCH + timedelta(milliseconds=milliseconds)
    return format_instant(instant)[:23] + "Z"
