"""The routes of datasets: ask for one, or what it would take; look at it or at its run; cancel a run."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.errors import Conflict, NotFound, RequestRefused
from assembly_line.features.model.selection import resolved_features
from assembly_line.instants import format_instant
from assembly_line.names import aws_name, dataset_prefix
from assembly_line.requests import DatasetRequest
from assembly_line.storage.services.machines import SUCCEEDED, Execution, execution_arn
from lambdas.api.incoming import object_of, principal_of
from lambdas.api.responses import answer
from lambdas.api.stores import stores

ROUTES = [
    "POST /lines/{line}/datasets",
    "GET /lines/{line}/datasets/{dataset_id}",
    "GET or DELETE /lines/{line}/datasets/runs/{run_id}",
]
DATASET = re.compile(r"ds-[0-9a-f]{32}")
RUN = re.compile(r"[A-Za-z0-9_-]{1,80}")
# The essentials of a manifest, however many features and objects it names.
SHOWN = (
    "dataset_id", "line", "purpose", "as_of", "from", "to", "release", "rows", "spine_rows", "positives", "excluded",
    "duplicates", "outcome", "keys", "logical_digest", "limitations", "engine", "data_uri", "manifest_uri", "created",
)  # fmt: skip

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/datasets")
def ask(line: str) -> Response[str]:
    principal = principal_of(router.current_event)
    body = object_of(router.current_event)
    if "line" in body:
        raise RequestRefused("line: stands in the path, not in the body")
    request = DatasetRequest.parse({**body, "line": line})
    declared = stores().released.current(line)
    if request.release is None:  # of an older release they are checked as soon as it is read
        resolved_features(declared, request)
    environment = stores().environment
    if request.explain:
        return answer(HTTPStatus.OK, stores().functions.call(environment.explain_function, request.to_json()))
    run_id = f"{aws_name(line)}-dataset-{request.as_of:%Y%m%d}-{secrets.token_hex(4)}"
    # Before the start: a run that begins must find its author.
    stores().control.add_run(line, run_id, {"author": principal, "requested_at": format_instant(datetime.now(UTC))})
    arn = stores().executions.start(environment.dataset_machine_arn, run_id, request.to_json())
    logger.info("dataset run", extra={"line": line, "run_id": run_id})
    return answer(HTTPStatus.ACCEPTED, {"run_id": run_id, "execution_arn": arn})


@router.get("/lines/<line>/datasets/<dataset_id>")
def show(line: str, dataset_id: str) -> Response[str]:
    principal_of(router.current_event)
    if not DATASET.fullmatch(dataset_id):
        raise RequestRefused(f"dataset_id: {dataset_id[:100]!r}: expected ds- and 32 hexadecimal digits")
    stores().released.current(line)
    try:
        manifest = stores().objects.read_json(f"{dataset_prefix(line, dataset_id)}manifest.json")
    except NotFound as error:
        raise NotFound(
            f"line {line!r} has no finished dataset {dataset_id!r}; `line dataset build` makes one"
        ) from error
    shown = {name: manifest[name] for name in SHOWN}
    return answer(HTTPStatus.OK, {**shown, "features": [feature["name"] for feature in manifest["features"]]})


@router.get("/lines/<line>/datasets/runs/<run_id>")
def show_run(line: str, run_id: str) -> Response[str]:
    principal_of(router.current_event)
    return answer(HTTPStatus.OK, _shown(line, _run(line, run_id)))


@router.delete("/lines/<line>/datasets/runs/<run_id>")
def cancel(line: str, run_id: str) -> Response[str]:
    principal = principal_of(router.current_event)
    found = _run(line, run_id)
    stopped = stores().machines.stop(found.arn, error="Cancelled", cause=f"cancelled by {principal}")
    if not stopped.was_stopped:
        raise Conflict(f"run {run_id} of line {line} had {stopped.status.lower()} before it could be cancelled")
    logger.info("cancelled", extra={"line": line, "run_id": run_id})
    return answer(HTTPStatus.OK, _shown(line, stopped))


def _run(line: str, run_id: str) -> Execution:
    """The run of this line.

    Raises:
        RequestRefused: no run can be called so.
        NotFound: there is none, or it is another line's.
    """
    if not RUN.fullmatch(run_id):
        raise RequestRefused(f"run_id: {run_id[:100]!r}: expected at most 80 letters, digits, _ or -")
    missing = f"line {line!r} has no dataset run {run_id!r}"
    try:
        found = stores().machines.describe(execution_arn(stores().environment.dataset_machine_arn, run_id))
    except NotFound as error:
        raise NotFound(missing) from error
    if not isinstance(found.request, dict) or found.request.get("line") != line:
        raise NotFound(missing)
    return found


def _shown(line: str, found: Execution) -> dict[str, Any]:
    author = (stores().control.run(line, found.name) or {}).get("author")
    ended = {} if found.stopped is None else {"stopped_at": format_instant(found.stopped)}
    answered = {"dataset": found.output} if found.status == SUCCEEDED else {}
    failed = {"reason": found.reason} if found.error or found.cause else {}
    return {
        "run_id": found.name,
        "line": line,
        "status": found.status,
        "author": author,
        "started_at": format_instant(found.started),
        **ended,
        **answered,
        **failed,
    }
