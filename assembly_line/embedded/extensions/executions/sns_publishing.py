"""Step Functions' publication to SNS keeps message attributes, without which filter policies see nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack


def install() -> None:
    """Both the optimized integration and the SDK one, through the registry of integrations."""
    states = ministack("services.stepfunctions", "_SERVICE_DISPATCH", "_ExecutionError")
    sns = ministack("services.sns", "_publish")
    for resource, service in (("sns:publish", "SNS"), ("aws-sdk:sns:publish", "Sns")):
        states._SERVICE_DISPATCH[f"arn:aws:states:::{resource}"] = _publisher(states, sns, service)


def _publisher(states: Any, sns: Any, service: str) -> Any:
    def publish(_resource: str, parameters: dict[str, Any]) -> dict[str, str]:
        status, _, body = sns._publish(as_query(parameters))
        text = body.decode() if isinstance(body, bytes) else str(body)
        if status >= 400:
            code = re.search(r"<Code>(.+?)</Code>", text)
            name = (code[1] if code else service).removesuffix("Exception")
            raise states._ExecutionError(f"{service}.{name}Exception", text)
        fields = re.findall(r"<(MessageId|SequenceNumber)>(.+?)</", text)
        return dict(fields)

    return publish


def as_query(parameters: dict[str, Any]) -> dict[str, Any]:
    """The request as SNS's own protocol spells it: attributes are numbered entries."""
    query = {name: value for name, value in parameters.items() if name != "MessageAttributes"}
    if isinstance(query.get("Message"), dict | list):
        query["Message"] = json.dumps(query["Message"])
    for number, (name, attribute) in enumerate((parameters.get("MessageAttributes") or {}).items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        query[f"{entry}.Name"] = name
        query |= {f"{entry}.Value.{key}": str(value) for key, value in attribute.items()}
    return query
