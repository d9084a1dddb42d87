"""A stack operation answers when the stack is done: the CDK's command would else look again after five seconds."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

from assembly_line.embedded.extensions.pinned import ministack, replace

ACTIONS = ("CreateStack", "UpdateStack", "DeleteStack", "ExecuteChangeSet")
LONGEST_SECONDS = 45.0  # well below the clients' own limit for an answer
POLL_SECONDS = 0.02


def install() -> None:
    cloudformation = ministack("services.cloudformation", "handle_request", "_stacks")
    stock = cloudformation.handle_request

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        answer = await stock(method, path, headers, body, query)
        form = {**query, **parse_qs((body or b"").decode("utf-8", errors="replace"))}
        if answer[0] < 400 and form.get("Action", [""])[0] in ACTIONS:
            await _until_done(cloudformation._stacks, form.get("StackName", [""])[0])
        return answer

    replace(cloudformation, "handle_request", handle)


async def _until_done(stacks: Any, name_or_id: str) -> None:
    """Wait while the stack is being worked on; a stack that is gone is done."""
    name = name_or_id.split("/")[1] if name_or_id.startswith("arn:") else name_or_id
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        # First of all: the operation is a task of its own, which has not begun when its request is answered.
        await asyncio.sleep(POLL_SECONDS)
        stack = stacks.get(name)
        if stack is None or not str(stack.get("StackStatus", "")).endswith("_IN_PROGRESS"):
            return
