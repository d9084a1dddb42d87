"""Errors as the API answers them: a status, what was wrong, and what to do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response, content_types

from assembly_line import errors

STATUSES: dict[type[errors.AssemblyError], tuple[HTTPStatus, str]] = {
    errors.MalformedMessage: (
        HTTPStatus.BAD_REQUEST,
        "correct what is named and send the request again; nothing was accepted",
    ),
    errors.RequestRefused: (
        HTTPStatus.BAD_REQUEST,
        "correct what is named and send the request again; nothing was accepted",
    ),
    errors.NotAuthenticated: (HTTPStatus.UNAUTHORIZED, "sign the request with AWS Signature Version 4"),
    errors.NotPermitted: (HTTPStatus.FORBIDDEN, "let another person with the reviewer role do this"),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "check the name; `line status` shows lines and runs"),
    errors.Conflict: (HTTPStatus.CONFLICT, "look at what is stored; the first stays"),
    errors.NoLongerWaiting: (HTTPStatus.GONE, "train the line again with `line train`"),
    errors.TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "send fewer or smaller items in each request"),
    errors.TookTooLong: (
        HTTPStatus.GATEWAY_TIMEOUT,
        "start an execution of the dataset machine with the same request, which may take minutes; nothing was written",
    ),
    errors.SendingFailed: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "send the same request again: what came in twice counts once",
    ),
}


def answer(status: HTTPStatus, body: dict[str, Any]) -> Response[str]:
    return Response(
        status_code=status.value, content_type=content_types.APPLICATION_JSON, body=json.dumps(body, allow_nan=False)
    )


def refuse(error: errors.AssemblyError) -> Response[str]:
    """The answer to an error that this project raised on purpose."""
    status, what_to_do = STATUSES.get(
        type(error), (HTTPStatus.INTERNAL_SERVER_ERROR, "report this to the line's owner")
    )
    return answer(status, {"error": str(error), "what_to_do": what_to_do})


def no_route(method: str, path: str, routes: list[str]) -> Response[str]:
    known = "; ".join(routes)
    return answer(
        HTTPStatus.NOT_FOUND, {"error": f"there is no {method} {path[:200]}", "what_to_do": f"use one of: {known}"}
    )


def unavailable(what: str) -> Response[str]:
    """The answer when a service behind the API fails; its own words stay in the log."""
    body = {"error": f"a service behind the API did not answer ({what})", "what_to_do": "send the same request again"}
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, body)
