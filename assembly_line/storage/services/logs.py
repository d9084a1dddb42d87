"""CloudWatch logs of the line's functions and jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.errors import TargetUnreachable
from assembly_line.instants import EPOCH, format_instant
from assembly_line.names import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assembly_line.storage.account import Account

SAGEMAKER_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
GLUE_JOBS = (Parameter.DATASET_JOB, Parameter.TABLES_JOB)
GLUE_RUN = "jr_"
# Where a run does not say it: without a security configuration. Its own name ends without the kind of log.
GLUE_GROUP = "/aws-glue/jobs"
GLUE_KINDS = ("error", "output", "logs-v2")
# A log is read from its start on: look at its latest part first, at all of it last.
RECENT = (timedelta(hours=1), timedelta(days=1), timedelta(days=14), None)


class Logs:
    """Args:
    groups: function, such as `training.begin` -> its log group.
    """

    def __init__(self, account: Account, groups: Mapping[str, str]) -> None:
        self._account, self._groups = account, groups

    def functions(self) -> list[str]:
        """Names of the line's functions: `<capability>.<entry>`, as their handlers are called."""
        return sorted(self._groups)

    def of(self, name: str, *, last: int) -> list[str] | None:
        """The last lines of a function's, a job's or a Glue run's log, oldest first; None if there is none of them."""
        if name in self._groups:
            return self._recent(self._groups[name], last=last)
        if name.startswith(GLUE_RUN):
            return self._of_glue_run(name, last=last)
        for group in SAGEMAKER_GROUPS:
            found = self._read(group, last=last, streams=name)
            if found:
                return found
        return None

    def _of_glue_run(self, run_id: str, *, last: int) -> list[str] | None:
        """The first kind of log that has any lines; empty if the run wrote none; None if there is no such run."""
        run = self._glue_run(run_id)
        if run is None:
            return None
        group = (run.get("LogGroupName") or GLUE_GROUP).rstrip("/")
        for name in (*(f"{group}/{kind}" for kind in GLUE_KINDS), group):
            found = self._read(name, last=last, streams=run_id, since=run["StartedOn"])
            if found:
                return found
        return []

    def _glue_run(self, run_id: str) -> dict[str, Any] | None:
        glue = self._account.client("glue")
        for job in self._glue_jobs():
            try:
                found: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            except glue.exceptions.EntityNotFoundException:
                continue
            return found
        return None

    def _glue_jobs(self) -> Iterator[str]:
        for parameter in GLUE_JOBS:
            try:
                yield self._account.named(parameter)
            except TargetUnreachable:
                # It was deployed before it published this name.
                continue

    def _recent(self, group: str, *, last: int) -> list[str]:
        """The last lines of a group that never ends."""
        found: list[str] = []
        for span in RECENT:
            found = self._read(group, last=last, since=datetime.now(UTC) - span if span else None) or []
            if len(found) == last:
                break
        return found

    def _read(
        self, group: str, *, last: int, streams: str | None = None, since: datetime | None = None
    ) -> list[str] | None:
        which: dict[str, Any] = {"logStreamNamePrefix": streams} if streams else {}
        if since:
            which["startTime"] = (since - EPOCH) // timedelta(milliseconds=1)
        try:
            pages = (
                self._account.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, **which)
            )
            every = [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        events = [event for event in every if event["logStreamName"].startswith(streams or "")]
        events.sort(key=lambda event: event["timestamp"])
        return [f"{_at(event['timestamp'])}  {event['message'].rstrip()}" for event in events[-last:]]


def _at(milliseconds: int) -> str:
    return format_instant(EPOCH + timedelta(milliseconds=milliseconds))[:23] + "Z"
