"""Lambda functions called by others of the line: their answer, or the error that they raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from assembly_line.errors import Conflict, NotFound, NotPermitted, RequestRefused, RunFailed, TookTooLong

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

# For a caller that has 29 seconds itself, and has to say that the answer did not come. A call that took too long would
# take as long again.
WITHIN_A_REQUEST = Config(connect_timeout=2, read_timeout=21, retries={"total_max_attempts": 1})
# For a caller that waits until a model has answered. To ask a model again changes nothing.
UNTIL_ANSWERED = Config(connect_timeout=5, read_timeout=130, retries={"mode": "standard", "total_max_attempts": 4})
# What a caller can do something about keeps its kind; everything else is the function's own failure.
KEPT = {kind.__name__: kind for kind in (Conflict, NotFound, NotPermitted, RequestRefused)}


class Functions:
    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The function's answer, which must be a JSON object.

        Raises:
            RequestRefused, NotFound, NotPermitted, Conflict: as the function raised them.
            TookTooLong: no answer came within the client's time.
            RunFailed: it failed otherwise.
        """
        try:
            answer = self._client.invoke(FunctionName=function, Payload=json.dumps(event, allow_nan=False))
        except ReadTimeoutError as error:
            config: Any = self._client.meta.config
            raise TookTooLong(f"function {function}: gave no answer within {config.read_timeout} seconds") from error
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" not in answer:
            return document
        kind = str(document.get("errorType"))
        raise KEPT.get(kind, RunFailed)(str(document.get("errorMessage", kind)))
