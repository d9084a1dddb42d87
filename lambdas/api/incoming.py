"""Who calls the API, and what the caller sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import MalformedMessage, NotAuthenticated, RequestRefused, TooLarge
from assembly_line.messages import parse_json

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

LARGEST_BODY = 256 * 1024  # bytes


def principal_of(event: APIGatewayProxyEventV2) -> str:
    """ARN of the authenticated caller, from the IAM authorizer and nowhere else.

    Raises:
        NotAuthenticated: no authorizer vouches for anybody.
    """
    authorizer = event.raw_event.get("requestContext", {}).get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn")
    if not arn:
        raise NotAuthenticated("the request carries no authenticated caller")
    return str(arn)


def body_of(event: APIGatewayProxyEventV2) -> object:
    """The body as JSON values.

    Raises:
        TooLarge: it is over the bound.
        MalformedMessage: it is not strict JSON.
    """
    if len((event.body or "").encode()) > LARGEST_BODY:
        raise TooLarge(f"body: more than {LARGEST_BODY} bytes")
    try:
        text = event.decoded_body or ""
    except ValueError as error:
        raise MalformedMessage(f"body: is not Base64 of UTF-8 text: {error}") from error
    return parse_json(text)


def object_of(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    """The body, which must be a JSON object.

    Raises:
        RequestRefused: it is another JSON value; and whatever `body_of` raises.
    """
    document = body_of(event)
    if not isinstance(document, dict):
        raise RequestRefused(f"body: expected a JSON object, got {type(document).__name__}")
    return document
