"""What the API answers: JSON, and errors as problem details (RFC 9457) that say what to do."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import Response, content_types

from assembly_line import errors

PROBLEM_JSON = "application/problem+json"
# How a problem's `type` begins; the end is the error's name. Nothing is served under it.
PROBLEM_TYPE = "urn:problem-type:assembly-line:"


class Problem(NamedTuple):
    """How an error is answered. `title`: the same for every error of its kind."""

    status: HTTPStatus
    title: str
    what_to_do: str


CORRECT_IT = "correct what is named and send the request again; nothing was accepted"
PROBLEMS: dict[type[errors.AssemblyError], Problem] = {
    errors.MalformedMessage: Problem(HTTPStatus.BAD_REQUEST, "The body is malformed", CORRECT_IT),
    errors.RequestRefused: Problem(HTTPStatus.BAD_REQUEST, "The request is refused", CORRECT_IT),
    errors.NotAuthenticated: Problem(
        HTTPStatus.UNAUTHORIZED, "The caller is not known", "sign the request with AWS Signature Version 4"
    ),
    errors.NotPermitted: Problem(
        HTTPStatus.FORBIDDEN, "The caller may not do this", "let another person with the reviewer role do this"
    ),
    errors.NotFound: Problem(
        HTTPStatus.NOT_FOUND, "There is no such thing", "check the name; `line status` shows lines and runs"
    ),
    errors.Conflict: Problem(
        HTTPStatus.CONFLICT, "The same id stands for something else", "look at what is stored; the first stays"
    ),
    errors.CannotDecide: Problem(
        HTTPStatus.CONFLICT, "The line cannot decide now", "do what the detail says, then ask again with the same key"
    ),
    errors.ScoringFailed: Problem(
        HTTPStatus.BAD_GATEWAY, "The model gave no usable answer", "tell the line's owner; nothing was decided"
    ),
    errors.NoLongerWaiting: Problem(
        HTTPStatus.GONE, "Nobody waits for this any more", "train the line again with `line train`"
    ),
    errors.TooLarge: Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large", "send fewer or smaller items in each request"
    ),
    errors.TookTooLong: Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        "The answer took too long",
        "start an execution of the dataset machine with the same request, which may take minutes; nothing was written",
    ),
    errors.ModelTookTooLong: Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        "The model took too long",
        "send the same request with the same key again; nothing was written",
    ),
    errors.SendingFailed: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A queue did not take everything",
        "send the same request again: what came in twice counts once",
    ),
}
OTHERWISE = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The API failed", "report this to the line's owner")


def answer(status: HTTPStatus, body: dict[str, Any]) -> Response[str]:
    return Response(
        status_code=status.value, content_type=content_types.APPLICATION_JSON, body=json.dumps(body, allow_nan=False)
    )


def refuse(error: errors.AssemblyError) -> Response[str]:
    """The answer to an error that this project raised on purpose."""
    kind = next((one for one in type(error).__mro__ if one in PROBLEMS), None)
    if kind is None:
        return problem("failed", OTHERWISE, str(error))
    return problem(_dashed(kind.__name__), PROBLEMS[kind], str(error))


def problem(name: str, kind: Problem, detail: str) -> Response[str]:
    """An error as problem details.

    Args:
        name: the end of its type.
        detail: what was wrong this time.
    """
    said = {
        "type": f"{PROBLEM_TYPE}{name}",
        "title": kind.title,
        "status": kind.status.value,
        "detail": detail,
        "what_to_do": kind.what_to_do,
        # What clients of earlier versions read.
        "error": detail,
    }
    return Response(status_code=kind.status.value, content_type=PROBLEM_JSON, body=json.dumps(said))


def no_route(method: str, path: str, routes: list[str]) -> Response[str]:
    known = Problem(HTTPStatus.NOT_FOUND, "There is no such route", f"use one of: {'; '.join(routes)}")
    return problem("no-route", known, f"there is no {method} {path[:200]}")


def unavailable(what: str) -> Response[str]:
    """The answer when a service behind the API fails; its own words stay in the log."""
    kind = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "A service failed", "send the same request again")
    return problem("service-failed", kind, f"a service behind the API did not answer ({what})")


def _dashed(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
