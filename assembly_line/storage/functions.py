"""Lambda functions called by others of the line: their answer, or the error that they raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound, RequestRefused, RunFailed

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

# What a caller can do something about keeps its kind; everything else is the function's own failure.
KEPT = {kind.__name__: kind for kind in (NotFound, RequestRefused)}


class Functions:
    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The function's answer, which must be a JSON object.

        Raises:
            RequestRefused, NotFound: as the function raised them.
            RunFailed: it failed otherwise.
        """
        answer = self._client.invoke(FunctionName=function, Payload=json.dumps(event, allow_nan=False))
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" not in answer:
            return document
        kind = str(document.get("errorType"))
        raise KEPT.get(kind, RunFailed)(str(document.get("errorMessage", kind)))
