"""Step Functions as the API uses it: start a run, answer one that waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

GONE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


class Executions:
    def __init__(self, sfn: SFNClient) -> None:
        self._sfn = sfn

    def start(self, machine: str, name: str, content: Mapping[str, Any]) -> str:
        """Start an execution and return its ARN."""
        return self._sfn.start_execution(stateMachineArn=machine, name=name, input=_text(content))["executionArn"]

    def answer(self, token: str, content: Mapping[str, Any]) -> bool:
        """Give a waiting task its answer. False if nothing waits for it any more: it ended, or was answered before."""
        try:
            self._sfn.send_task_success(taskToken=token, output=_text(content))
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        return True


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
