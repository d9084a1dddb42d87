"""Starting executions by hand: their names, and what happens with `--wait` and `--no-wait`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields
from assembly_line.cli.waiting import progress, require_success, wait
from assembly_line.errors import RequestRefused
from assembly_line.names import run_name
from assembly_line.stations import DATASET

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.requests import DatasetRequest, Request


def require_released(session: Session, line: str) -> None:
    """Refuse a line that has no release here, before anything is started."""
    session.target.control.current_release(line)


def require_features(session: Session, request: DatasetRequest) -> None:
    """Refuse features and groups that the released line does not declare, before anything is started."""
    from assembly_line.features import resolved_features

    try:
        resolved_features(session.target.released.current(request.line), request)
    except RequestRefused as error:
        raise RequestRefused(
            f"--{error}",
            where=f"--{error.where}" if error.where else None,
            value=error.value,
            expected=error.expected,
        ) from error


def explain_request(session: Session, request: DatasetRequest) -> None:
    """Show what the request would take. Nothing is built and no work item begins.

    Raises:
        RunFailed: the request was refused; the message is the reason.
    """
    from assembly_line.cli.views.forecast import draw_forecast

    target, name = session.target, run_name(request.line, "explain", request.as_of)
    arn = target.machines.start(target.named(DATASET.parameter), name, request.to_json())
    with progress(session.output, f"Plan for {request.line}") as show:
        found = require_success(wait(target, arn, show=show))
    session.output.result(found, draw_forecast(found))


def require_model_spec(session: Session, line: str, spec: object) -> None:
    """Refuse a type of model that the released line's datasets do not suit, before anything is started."""
    from assembly_line.features import check_model_spec
    from assembly_line.model_types import ModelSpecBase

    if isinstance(spec, ModelSpecBase):
        check_model_spec(spec, session.target.released.current(line))


def run(
    session: Session,
    machine: str,
    name: str,
    request: Request,
    *,
    waited: bool,
    title: str,
    more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _: {},
    draw: Callable[[Mapping[str, Any]], Render] = fields,
) -> None:
    """Start an execution; then print its output when it has ended, or its ARN at once.

    Args:
        more: what is shown beside an output's own fields.
        draw: how the output is read, with `run_id`, `status` and `took` beside its own fields.

    Raises:
        RunFailed: it ended without success.
    """
    target = session.target
    arn = target.machines.start(target.named(machine), name, request.to_json())
    if not waited:
        session.output.result({"run_id": name, "execution_arn": arn, "status": "RUNNING"}, _started(name, arn))
        return
    session.output.note(f"Run {name}.")
    with progress(session.output, title) as show:
        found = wait(target, arn, show=show)
    result = require_success(found)
    seconds = (found.stopped - found.started).total_seconds() if found.stopped else None
    document = {"run_id": name, "status": found.status, **(result if isinstance(result, dict) else {"output": result})}
    document = {**document, **more(document)}
    session.output.result(document, draw({**document, "took": duration(seconds)}))
    if document.get("offered") == 0 and not document.get("withheld"):
        session.output.note("No decision of the line falls into this period: there was nothing to score.")


def _started(name: str, arn: str) -> Render:
    return fields({"Run": name, "Execution": arn, "Next": f"`line logs {name}` shows how far it is"})
