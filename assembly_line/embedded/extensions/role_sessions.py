"""AssumeRole works for roles that exist. Identities of the line come from it, so that none may be made up."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    sts = ministack("services.sts", "handle_request", "_error", "error_response_json")
    roles = ministack("services.iam", "_roles")
    stock = sts.handle_request

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        arn = assumed_role(headers, body, query)
        if arn is not None and arn.rpartition("/")[2] not in roles._roles:
            message = f"not authorized to perform: sts:AssumeRole on resource: {arn} (there is no such role)"
            if "json" in headers.get("content-type", ""):
                return sts.error_response_json("AccessDenied", message, 403)
            return sts._error(403, "AccessDenied", message, ns="sts")
        return await stock(method, path, headers, body, query)

    replace(sts, "handle_request", handle)


def assumed_role(headers: dict[str, str], body: bytes, query: dict[str, Any]) -> str | None:
    """The role that an AssumeRole request names; None for any other request."""
    text = (body or b"").decode("utf-8", errors="replace")
    if headers.get("x-amz-target", "").endswith(".AssumeRole"):
        return str(json.loads(text or "{}").get("RoleArn", ""))
    form = {**query, **parse_qs(text)}
    return str(form.get("RoleArn", [""])[0]) if form.get("Action", [""])[0] == "AssumeRole" else None
