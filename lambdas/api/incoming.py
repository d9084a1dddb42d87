"""Who calls the API, and what the caller sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.errors import MalformedMessage, NotAuthenticated, TooLarge

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

LARGEST_BODY = 256 * 1024  # bytes


def principal_of(event: APIGatewayProxyEventV2) -> str:
    """The authenticated caller, from the route's authorizer and nowhere else.

    Of a signature it is the ARN. Of a token it is `<issuer>#<subject>`.

    Raises:
        NotAuthenticated: no authorizer vouches for anybody.
    """
    authorizer = event.raw_event.get("requestContext", {}).get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn")
    if arn:
        return str(arn)
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    if not claims.get("iss") or not claims.get("sub"):
        raise NotAuthenticated("the request carries no authenticated caller")
    return f"{claims['iss']}#{claims['sub']}"


def scope_of(event: APIGatewayProxyEventV2) -> str:
    """Whose names the caller's are: the principal, of an assumed role without its session, which changes.

    Raises:
        NotAuthenticated: see `principal_of`.
    """
    principal = principal_of(event)
    return principal.rpartition("/")[0] if ":assumed-role/" in principal else principal


def check_body(event: APIGatewayProxyEventV2) -> None:
    """Refuse a body before anything reads it.

    Raises:
        TooLarge: it is over the bound.
        MalformedMessage: it is not Base64 of UTF-8 text, and says so.
    """
    if len((event.body or "").encode()) > LARGEST_BODY:
        raise TooLarge(f"body: more than {LARGEST_BODY} bytes")
    try:
        event.decoded_body  # noqa: B018 - reads it
    except ValueError as error:
        raise MalformedMessage(f"body: is not Base64 of UTF-8 text: {error}") from error
