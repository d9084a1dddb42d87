"""The emulator process: MiniStack with the project's extensions. Started by the supervisor, never by hand."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from assembly_line.embedded.child_processes import HOLD_PATH, INTERRUPTIBLE_PATH
from assembly_line.embedded.extensions import (
    athena_results,
    athena_tables,
    athena_views,
    full_disks,
    glue_jobs,
    http_apis,
    message_senders,
    pinned,
    recorded_calls,
    role_sessions,
    saving,
    version_ranges,
)
from assembly_line.embedded.extensions.cloudformation import (
    cloudformation_types,
    custom_resources,
    existing_names,
    prompt_stacks,
)
from assembly_line.embedded.extensions.executions import (
    branches,
    distributed_maps,
    execution_limits,
    execution_starts,
    job_integrations,
    jsonata_states,
    nested_executions,
    positions,
    redriving,
    resuming,
    retries,
    sns_publishing,
    task_callbacks,
)
from assembly_line.embedded.extensions.functions import lambda_errors, lambda_logs, shared_code

EXTENSIONS = (
    athena_tables,
    athena_views,
    athena_results,
    cloudformation_types,
    custom_resources,
    existing_names,
    # Before what wraps a Parallel state.
    branches,
    distributed_maps,
    execution_limits,
    execution_starts,
    full_disks,
    glue_jobs,
    http_apis,
    job_integrations,
    jsonata_states,
    lambda_errors,
    lambda_logs,
    message_senders,
    nested_executions,
    prompt_stacks,
    retries,
    role_sessions,
    saving,
    shared_code,
    sns_publishing,
    task_callbacks,
    version_ranges,
    # They wrap what those above replace.
    positions,
    resuming,
    recorded_calls,
    redriving,
)
GRACE_SECONDS = 1.0
HOLD_SECONDS = 15.0
# Writing the state takes as long as it takes; the supervisor's patience ends later.
LAST_RESORT_SECONDS = 75.0


def main() -> None:
    """Install every extension, serve until SIGTERM, save, and end even if a request is still open."""
    pinned.require_version()
    for extension in EXTENSIONS:
        extension.install()
    _allow_many_connections()
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    asyncio.run(_serve())


def answering(application: Any) -> Any:
    """`application`, which also answers the supervisor: what a stop would cut."""
    questions = {INTERRUPTIBLE_PATH: saving.interruptible, HOLD_PATH: _held}

    async def serve_both(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] not in questions:
            await application(scope, receive, send)
            return
        body = json.dumps(questions[scope["path"]]()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    return serve_both


def _held() -> list[str]:
    cut = saving.hold()
    if not cut:
        # In this thread, which holds the gate; and only if the stop that was meant to follow did not.
        asyncio.get_running_loop().call_later(HOLD_SECONDS, positions.thaw)
    return cut


async def _serve() -> None:
    application = answering(recorded_calls.recording(pinned.ministack("app", "app").app))
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.shutdown_timeout = LAST_RESORT_SECONDS
    config.loglevel = "WARNING"
    await serve(application, config)
    # Saved by now. A worker thread that waits for a task token or a custom resource would keep the process for ever.
    pinned.ministack("core.lambda_runtime", "reset").reset()
    logging.shutdown()
    os._exit(0)


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
