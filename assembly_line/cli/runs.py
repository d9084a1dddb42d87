"""Starting executions by hand: their names, and what happens with `--wait` and `--no-wait`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields
from assembly_line.cli.waiting import progress, require_success, wait
from assembly_line.errors import RequestRefused
from assembly_line.names import Parameter, aws_name

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.requests import DatasetRequest, Request


def run_name(line: str, step: str, at: datetime) -> str:
    """A name for one execution, unlike any other: `coupon-redemption-score-20170712-5f0c1a2b`."""
    return f"{aws_name(line)}-{step}-{at:%Y%m%d}-{secrets.token_hex(4)}"


def require_released(session: Session, line: str) -> None:
    """Refuse a line that has no release here, before anything is started."""
    session.target.control.current_release(line)


def require_features(session: Session, request: DatasetRequest) -> None:
    """Refuse features and groups that the released line does not declare, before anything is started."""
    from assembly_line.cli.days import released_line
    from assembly_line.features.model.selection import resolved_features

    try:
        resolved_features(released_line(session.target, request.line), request)
    except RequestRefused as error:
        raise RequestRefused(f"--{error}") from error


def explain_request(session: Session, request: DatasetRequest) -> None:
    """Show what the request would take. Nothing is built and no work item begins.

    Raises:
        RunFailed: the request was refused; the message is the reason.
    """
    from assembly_line.cli.views.forecast import draw_forecast

    target, name = session.target, run_name(request.line, "explain", request.as_of)
    arn = target.machines.start(target.parameters.value(Parameter.DATASET_MACHINE), name, request.to_json())
    with progress(session.output, f"Plan for {request.line}") as show:
        found = require_success(wait(target, arn, show=show))
    session.output.result(found, draw_forecast(found))


def require_model_spec(session: Session, line: str, spec: object) -> None:
    """Refuse a type of model that the released line's datasets do not suit, before anything is started."""
    from assembly_line.cli.days import released_line
    from assembly_line.features.model_inputs.checking import check_model_spec
    from assembly_line.model_types import ModelSpecBase

    if isinstance(spec, ModelSpecBase):
        check_model_spec(spec, released_line(session.target, line))


def run(
    session: Session,
    machine: Parameter,
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
    arn = target.machines.start(target.parameters.value(machine), name, request.to_json())
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


def period(since: str | None, until: str | None) -> dict[str, Any]:
    """`from` and `to` of a request, without those that were not given."""
    return {name: value for name, value in (("from", since), ("to", until)) if value is not None}


def listed(text: str | None) -> list[str] | None:
    """Names separated by commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def sampled(text: str | None) -> dict[str, str | int | float] | None:
    """Such as `keep_negatives=0.1,seed=7`."""
    return None if text is None else pairs(listed(text) or [], option="--sample", example="keep_negatives=0.1")


def pairs(
    given: list[str], *, option: str = "--hyperparameter", example: str = "max_depth=4"
) -> dict[str, str | int | float]:
    """`name=value` options, numbers as numbers.

    Raises:
        RequestRefused: one of them has no `=`.
    """
    found: dict[str, str | int | float] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise RequestRefused(f"{option} {text!r}: expected name=value, such as {example}")
        found[name] = number(value)
    return found


def number(text: str) -> str | int | float:
    """A value of an option: a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _started(name: str, arn: str) -> Render:
    return fields({"Run": name, "Execution": arn, "Next": f"`line logs {name}` shows how far it is"})
